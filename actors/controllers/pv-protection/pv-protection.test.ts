import { expect, it } from 'vitest';
import type { PersistentVolume } from '../../../schemas/generated/core-v1.ts';
import { persistentVolumes } from '../../runtime/resources.ts';
import { testCluster } from '../../runtime/testing/cluster.ts';
import { startPvProtection } from './actor.ts';

it('lets volumes go that are bound to no claim, and only those', async () => {
  const { client, api, start, quiet } = testCluster();
  start(startPvProtection);
  const finalizers = ['kubernetes.io/pv-protection'];
  const volume = (name: string, phase: 'Available' | 'Bound'): PersistentVolume => ({ apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name }, spec: {}, status: { phase } }); // prettier-ignore
  for (const [name, phase] of [['free', 'Available'], ['bound', 'Bound']] as const) await client.create(persistentVolumes, volume(name, phase)); // prettier-ignore
  await quiet();
  expect(api.object(persistentVolumes, 'free')?.metadata.finalizers).toEqual(finalizers);
  for (const name of ['free', 'bound']) await client.delete(persistentVolumes, name);
  await quiet();
  expect(api.object(persistentVolumes, 'free')).toBeUndefined();
  expect(api.object(persistentVolumes, 'bound')?.metadata.finalizers).toEqual(finalizers);
  await client.patch(persistentVolumes, 'bound', undefined, 'merge', { status: { phase: 'Released' } }, { subresource: 'status' }); // prettier-ignore
  await quiet();
  expect(api.object(persistentVolumes, 'bound')).toBeUndefined();
});
