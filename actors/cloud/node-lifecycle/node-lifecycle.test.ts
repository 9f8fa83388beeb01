import { describe, expect, it } from 'vitest';
import type { Node, Taint } from '../../../schemas/generated/core-v1.ts';
import { ApiError } from '../../../schemas/meta/status.ts';
import { nodes } from '../../runtime/resources.ts';
import { badDay } from '../../runtime/testing/faults.ts';
import { cloudCluster, told } from '../testing/fake-cloud.ts';
import { startCloudNodeLifecycle } from './actor.ts';
import { mark, SHUTDOWN, unmark } from './reconcile.ts';

type Cluster = ReturnType<typeof cloudCluster>;
const shutdown: Taint = { key: SHUTDOWN, effect: 'NoSchedule' };
const other: Taint = { key: 'mine', effect: 'NoSchedule' };
const ready = (status: string) => ({ conditions: [{ type: 'Ready', status }] });
const node = (name: string, status?: string, taints?: Taint[]): Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name },
  spec: { ...(taints && { taints }) },
  ...(status && { status: ready(status) }),
});
const start = (c: Cluster) => c.start(() => startCloudNodeLifecycle(c.cloudDeps, c.cloud.instances));
const get = (c: Cluster, name = 'n1') => c.api.object<Node>(nodes, name);
const post = (c: Cluster, name: string, status: string) =>
  c.client.patch(nodes, name, undefined, 'merge', { status: ready(status) }, { subresource: 'status' });

describe('the taint', () => {
  it.each([
    ['is given', mark, undefined, [shutdown]],
    ['is given beside others', mark, [other], [other, shutdown]],
    ['is taken', unmark, [shutdown], null],
    ['is taken from among others', unmark, [other, shutdown], [other]],
  ] as const)('%s', (_, of, taints, wanted) => {
    const [patch] = of(node('n1', 'False', taints && [...taints]));
    expect(patch).toMatchObject({ patch: { spec: { taints: wanted } } });
  });
  it('is given and taken once', () => {
    expect([...mark(node('n1', 'False', [shutdown])), ...unmark(node('n1', 'True', [other]))]).toEqual([]);
    // Of another effect it is not ours.
    expect(unmark(node('n1', 'True', [{ ...shutdown, effect: 'NoExecute' }]))).toEqual([]);
  });
});
describe('the controller', () => {
  it('asks about nodes that are not ready alone', async () => {
    const c = cloudCluster();
    start(c);
    for (const status of ['True', 'False', 'Unknown', undefined]) await c.client.create(nodes, node(`n-${status}`, status)); // prettier-ignore
    await c.quiet();
    expect(c.cloud.calls.filter((call) => call.startsWith('exists')).toSorted()).toEqual(['exists n-False', 'exists n-Unknown', 'exists n-undefined']); // prettier-ignore
  });
  it('deletes a node whose instance is gone, within five seconds, and tells of it', async () => {
    const c = cloudCluster();
    start(c);
    await c.client.create(nodes, node('n1', 'Unknown'));
    await c.world.advance(20_000);
    expect(get(c)).toBeDefined();
    c.cloud.machines.set('n1', { state: 'gone' });
    await c.world.advance(5_000);
    expect(get(c)).toBeUndefined();
    expect(told(c)).toEqual(['DeletingNode: Deleting node n1 because it does not exist in the cloud provider']);
    await c.world.advance(60_000);
    expect(c.cloud.calls.filter((call) => call === 'exists n1').length).toBeLessThan(7);
  });
  it('tells why a node could not be deleted, and tries again', async () => {
    const c = cloudCluster();
    c.cloud.machines.set('n1', { state: 'gone' });
    c.api.intercept = ({ verb, caller }) => {
      if (verb === 'delete' && caller === 'controller:cloud-node-lifecycle') throw new ApiError('Forbidden', 'hands off');
    }; // prettier-ignore
    start(c);
    await c.client.create(nodes, node('n1', 'False'));
    await c.quiet();
    expect(told(c)).toContain('DeletingNodeFailed: Failed deleting node n1: hands off');
    c.api.intercept = undefined;
    await c.world.advance(5_000);
    expect(get(c)).toBeUndefined();
  });
  it('marks a node whose instance is shut down until it is ready again', async () => {
    const c = cloudCluster();
    c.cloud.machines.set('n1', { state: 'shutdown' });
    start(c);
    await c.client.create(nodes, node('n1', 'False', [other]));
    await c.quiet();
    expect(get(c)?.spec?.taints).toEqual([other, shutdown]);
    await c.world.advance(30_000);
    expect(get(c)?.spec?.taints).toEqual([other, shutdown]);
    await post(c, 'n1', 'True');
    await c.quiet();
    expect(get(c)?.spec?.taints).toEqual([other]);
    const asked = c.cloud.calls.length;
    await c.world.advance(60_000);
    expect(c.cloud.calls).toHaveLength(asked);
  });
  it.each([
    ['fails', () => Promise.reject(new Error('no'))],
    ['hangs', () => new Promise<void>(() => undefined)],
  ])('does nothing to a node while the cloud %s', async (_, how) => {
    const c = cloudCluster();
    c.cloud.machines.set('n1', { state: 'gone' });
    c.cloud.intercept = how;
    start(c);
    await c.client.create(nodes, node('n1', 'Unknown'));
    await c.world.advance(300_000);
    expect(get(c)).toBeDefined();
    c.cloud.intercept = undefined;
    await c.world.advance(70_000);
    expect(get(c)).toBeUndefined();
  });
  it.each([1, 2, 3, 4])('ends right after a bad day (seed %s)', async (seed) => {
    const c = cloudCluster(seed);
    c.cloud.intercept = (): void => {
      if (c.world.random() < 0.3) throw new Error('a bad day');
    };
    const names = ['n1', 'n2', 'n3'];
    const turns = [
      ...names.map((name) => () => c.client.create(nodes, node(name, 'True'))),
      ...names.map((name) => () => post(c, name, 'Unknown')),
      () => Promise.resolve(c.cloud.machines.set('n1', { state: 'gone' }).set('n2', { state: 'shutdown' }).set('n3', { state: 'shutdown' })), // prettier-ignore
      () => post(c, 'n3', 'True'),
    ];
    await badDay(c, start(c), turns);
    expect(names.map((name) => get(c, name)?.spec?.taints ?? (get(c, name) && []))).toEqual([undefined, [shutdown], []]); // prettier-ignore
  });
});
