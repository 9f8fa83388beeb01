import { describe, expect, it } from 'vitest';
import type { Pod, ResourceQuota } from '../../../schemas/generated/core-v1.ts';
import type { DynamicObject } from '../../../schemas/meta/object.ts';
import { pods } from '../../runtime/resources.ts';
import { testCluster } from '../../runtime/testing/cluster.ts';
import { startResourceQuotaController } from './actor.ts';
import { reconcile, resourceQuotas, RESYNC_MS } from './reconcile.ts';

const quota = (hard: Record<string, string>, more: object = {}): ResourceQuota => ({
  apiVersion: 'v1',
  kind: 'ResourceQuota',
  metadata: { name: 'limit', namespace: 'team' },
  spec: { hard },
  ...more,
});
const pod = (name: string, cpu: string, namespace = 'team'): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace },
  spec: { containers: [{ name: 'c', image: 'i', resources: { requests: { cpu } } }] },
});
const of = (...all: Pod[]) => ({ objects: () => all as unknown as DynamicObject[] });

describe('what a quota says', () => {
  it('is the sum of what its namespace uses', () => {
    const [intent] = reconcile({ quota: quota({ pods: '4', cpu: '1' }), ...of(pod('a', '250m'), pod('b', '500m')) }, 0).intents;
    const status = { hard: { pods: '4', cpu: '1' }, used: { pods: '2', cpu: '750m' } };
    expect(intent).toMatchObject({ op: 'update', subresource: 'status', object: { status } });
  }); // prettier-ignore
  it('stays when it is right, however amounts are written, and is looked at again', () => {
    const said = quota({ cpu: '1' }, { status: { hard: { cpu: '1' }, used: { cpu: '0.25' } } });
    expect(reconcile({ quota: said, ...of(pod('a', '250m')) }, 0)).toEqual({ intents: [], requeueAfterMs: RESYNC_MS });
  });
  it('leaves out kinds that nobody serves', () => {
    const unknown = quota({ 'count/things.example.com': '2' });
    const [intent] = reconcile({ quota: unknown, objects: () => undefined }, 0).intents;
    expect(intent).toMatchObject({ object: { status: { hard: { 'count/things.example.com': '2' }, used: {} } } });
  });
});

it('counts at first, and gives back what is deleted or has ended', async () => {
  const { client, world, start, list } = testCluster();
  start(startResourceQuotaController);
  const used = () => list<ResourceQuota>(resourceQuotas)[0]?.status?.used;
  await client.create(pods, pod('a', '1'));
  await client.create(pods, pod('b', '2'));
  await client.create(pods, pod('elsewhere', '4', 'other'));
  await client.create(resourceQuotas, quota({ pods: '4', 'requests.cpu': '8' }));
  await world.settle();
  expect(used()).toEqual({ pods: '2', 'requests.cpu': '3' });
  await client.delete(pods, 'a', 'team');
  await world.settle();
  expect(used()).toEqual({ pods: '1', 'requests.cpu': '2' });
});
