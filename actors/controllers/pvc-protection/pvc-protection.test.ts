import { describe, expect, it } from 'vitest';
import type { PersistentVolumeClaim, Pod } from '../../../schemas/generated/core-v1.ts';
import { persistentVolumeClaims, pods } from '../../runtime/resources.ts';
import { testCluster } from '../../runtime/testing/cluster.ts';
import { startPvcProtection } from './actor.ts';
import { keeps } from './reconcile.ts';

const FINALIZER = 'kubernetes.io/pvc-protection';
const claim = (name = 'data', metadata: object = {}): PersistentVolumeClaim =>
  ({ apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name, namespace: 'd', finalizers: [FINALIZER], ...metadata } }); // prettier-ignore
const pod = (name: string, volumes: object[], nodeName = 'n1', metadata: object = {}): Pod =>
  ({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'd', uid: name, ...metadata }, spec: { nodeName, containers: [], volumes } }) as Pod; // prettier-ignore
const uses = (claimName: string): object[] => [{ name: 'v', persistentVolumeClaim: { claimName } }];
const ephemeral = [{ name: 'v', ephemeral: {} }];
const madeFor = (uid: string) => claim('p-v', { ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'p', uid, controller: true }] }); // prettier-ignore
const SHUT_DOWN = { deletionTimestamp: '2026-01-01T00:00:00Z', deletionGracePeriodSeconds: 0 };

describe('a pod', () => {
  it.each<[what: string, Pod, PersistentVolumeClaim, boolean]>([
    ['keeps the claim that it names', pod('p', uses('data')), claim(), true],
    ['keeps no other', pod('p', uses('other')), claim(), false],
    ['without a node keeps none', pod('p', uses('data'), ''), claim(), false],
    ['that is shut down keeps what it names', pod('p', uses('data'), 'n1', SHUT_DOWN), claim(), true],
    ['keeps what was made for it', pod('p', ephemeral), madeFor('p'), true],
    ['keeps nothing of that name made for another', pod('p', ephemeral), madeFor('q'), false],
    ['that is shut down keeps nothing that was made for it', pod('p', ephemeral, 'n1', SHUT_DOWN), madeFor('p'), false],
  ])('%s', (_, of, what, expected) => {
    expect(keeps(of, what)).toBe(expected);
  });
});

describe('a claim that is being deleted', () => {
  it('goes at once if nobody uses it', async () => {
    const { client, api, start, quiet } = testCluster();
    start(startPvcProtection);
    await client.create(persistentVolumeClaims, claim());
    await client.create(pods, pod('p', uses('other')));
    await client.delete(persistentVolumeClaims, 'data', 'd');
    await quiet();
    expect(api.object(persistentVolumeClaims, 'd/data')).toBeUndefined();
  });
  it('goes when its last pod has', async () => {
    const { client, api, start, quiet } = testCluster();
    start(startPvcProtection);
    await client.create(persistentVolumeClaims, claim());
    for (const name of ['a', 'b']) await client.create(pods, pod(name, uses('data')));
    await client.delete(persistentVolumeClaims, 'data', 'd');
    await client.delete(pods, 'a', 'd', { gracePeriodSeconds: 0 });
    await quiet();
    expect(api.object(persistentVolumeClaims, 'd/data')?.metadata.finalizers).toEqual([FINALIZER]);
    await client.delete(pods, 'b', 'd', { gracePeriodSeconds: 0 });
    await quiet();
    expect(api.object(persistentVolumeClaims, 'd/data')).toBeUndefined();
  });
  it('keeps the finalizers of others', async () => {
    const { client, api, start, quiet } = testCluster();
    start(startPvcProtection);
    await client.create(persistentVolumeClaims, claim('data', { finalizers: ['x/y', FINALIZER] }));
    await client.delete(persistentVolumeClaims, 'data', 'd');
    await quiet();
    expect(api.object(persistentVolumeClaims, 'd/data')?.metadata.finalizers).toEqual(['x/y']);
  });
  it('does not go because of a pod that the cache has not seen', async () => {
    const { client, api, start, quiet } = testCluster();
    start(startPvcProtection);
    await client.create(persistentVolumeClaims, claim());
    await quiet();
    api.intercept = async ({ verb, resource }) => {
      if (verb !== 'list' || resource !== 'pods') return;
      api.intercept = undefined;
      await client.create(pods, pod('late', uses('data')));
    };
    await client.delete(persistentVolumeClaims, 'data', 'd');
    await quiet();
    expect(api.object(persistentVolumeClaims, 'd/data')).toBeDefined();
  });
});
it('protects a claim that came without protection', async () => {
  const { client, api, start, quiet } = testCluster();
  start(startPvcProtection);
  await client.create(persistentVolumeClaims, claim('data', { finalizers: undefined }));
  await quiet();
  expect(api.object(persistentVolumeClaims, 'd/data')?.metadata.finalizers).toEqual([FINALIZER]);
});
