import { describe, expect, it } from 'vitest';
import type { ConfigMap, Namespace } from '../../../schemas/generated/core-v1.ts';
import { ApiError } from '../../../schemas/meta/status.ts';
import { configMaps, namespaces } from '../../runtime/resources.ts';
import { testCluster } from '../../runtime/testing/cluster.ts';
import { startRootCaCertPublisher } from './actor.ts';
import { NAME, reconcile } from './reconcile.ts';

const DESCRIPTION = 'kubernetes.io/description';
const namespace = (status?: Namespace['status']): Namespace => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'd' }, status }); // prettier-ignore
const map = (data: Record<string, string> | undefined, annotations?: Record<string, string>): ConfigMap => ({
  apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: NAME, namespace: 'd', annotations }, data,
}); // prettier-ignore

describe("a namespace's map", () => {
  it.each<[what: string, ConfigMap | undefined, op: 'create' | 'update' | undefined, description?: string]>([
    ['is made', undefined, 'create'],
    ['that is right stays, whatever it is said to be', map({ 'ca.crt': 'ca' }, { [DESCRIPTION]: 'mine' }), undefined],
    ['loses what else is in it', map({ 'ca.crt': 'ca', x: 'y' }, { [DESCRIPTION]: 'mine' }), 'update'],
    ['gets the authority of today', map({ 'ca.crt': 'old' }, { [DESCRIPTION]: 'mine' }), 'update'],
    ['that is empty is filled', map(undefined), 'update'],
    ['gets its description back, beside other notes', map({ 'ca.crt': 'ca' }, { other: 'x' }), 'update'],
  ])('%s', (_, configMap, op) => {
    const { intents } = reconcile({ namespace: namespace(), configMap, ca: 'ca' });
    expect(intents.map((intent) => intent.op)).toEqual(op ? [op] : []);
    const [intent] = intents;
    if (intent?.op !== 'create' && intent?.op !== 'update') return;
    const next = intent.object as ConfigMap;
    expect(next.data).toEqual({ 'ca.crt': 'ca' });
    expect(next.metadata.annotations).toMatchObject({ ...configMap?.metadata.annotations, [DESCRIPTION]: expect.stringContaining('verify the kube-apiserver') }); // prettier-ignore
    expect(reconcile({ namespace: namespace(), configMap: next, ca: 'ca' }).intents).toEqual([]);
  });
  it('is not made where the namespace is going', () => {
    const going = namespace({ phase: 'Terminating' });
    expect(reconcile({ namespace: going, configMap: undefined, ca: 'ca' }).intents).toEqual([]);
  });
});

it('comes back, is put right, and is asked for again where something is in the way', async () => {
  const { api, client, start, quiet, world } = testCluster();
  start((deps) => startRootCaCertPublisher(deps, 'ca'));
  let refusals = 3;
  api.intercept = ({ verb, resource, caller }) => {
    if (caller !== 'test' && verb === 'create' && resource === 'configmaps' && refusals-- > 0) throw new ApiError('Forbidden', 'exceeded quota'); // prettier-ignore
  };
  await client.create(namespaces, namespace());
  const seen = () => api.object<ConfigMap>(configMaps, `d/${NAME}`)?.data;
  await world.advance(1_000);
  expect(seen()).toEqual({ 'ca.crt': 'ca' });
  await client.patch(configMaps, NAME, 'd', 'merge', { data: { x: 'y' } });
  await quiet();
  expect(seen()).toEqual({ 'ca.crt': 'ca' });
  await client.delete(configMaps, NAME, 'd');
  await quiet();
  expect(seen()).toEqual({ 'ca.crt': 'ca' });
  const writes = api.calls.length;
  await world.advance(3_600_000);
  expect(api.calls).toHaveLength(writes);
});
