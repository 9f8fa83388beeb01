import { describe, expect, it } from 'vitest';
import { getShortestPaths } from 'xstate/graph';
import type { Lease } from '../../../schemas/generated/coordination-v1.ts';
import type { Node, Pod, Taint, Toleration } from '../../../schemas/generated/core-v1.ts';
import { formatMicroTime } from '../../../schemas/meta/time.ts';
import { isPodReady } from '../../runtime/pods.ts';
import { leases, nodes, pods } from '../../runtime/resources.ts';
import { testCluster, type TestCluster } from '../../runtime/testing/cluster.ts';
import { startNodeLifecycleController } from './actor.ts';
import { evict } from './eviction.ts';
import { nodeHealthMachine } from './machine.ts';
import { reconcile, type Observed } from './reconcile.ts';
import { evictionPeriodMs, zonesOf } from './zones.ts';

const NOW = Date.parse('2026-01-01T01:00:00Z');
const node = (name: string, ready: string | undefined, o: { taints?: Taint[]; zone?: string; unschedulable?: boolean; pressure?: string } = {}): Node =>
  ({
    apiVersion: 'v1', kind: 'Node',
    metadata: { name, resourceVersion: '7', creationTimestamp: '2026-01-01T00:00:00Z', labels: { 'topology.kubernetes.io/zone': o.zone ?? 'z' } },
    spec: { ...(o.taints && { taints: o.taints }), ...(o.unschedulable && { unschedulable: true }) },
    status: { conditions: [...(ready ? [{ type: 'Ready', status: ready, lastHeartbeatTime: 'x' }] : []), ...(o.pressure ? [{ type: o.pressure, status: 'True' }] : [])] },
  }); // prettier-ignore
const taint = (key: string, effect: string): Taint => ({ key: `node.kubernetes.io/${key}`, effect, timeAdded: '2026-01-01T01:00:00Z' }) as Taint; // prettier-ignore
const look = (o: Partial<Observed> & { node: Node }): { taints: string[] | undefined; ready: string | undefined; waits: boolean } => {
  const plan = reconcile({ health: 'healthy', mayEvict: true, mustSpare: false, pods: [], hasJustFailed: false, ...o }, NOW);
  const patch = plan.intents.find((x) => x.op === 'patch');
  const update = plan.intents.find((x) => x.op === 'update');
  return {
    taints: patch && ((patch.patch as { spec: { taints: Taint[] | null } }).spec.taints ?? []).map((t) => `${t.key.replace('node.kubernetes.io/', '')}:${t.effect}`),
    ready: update && (update.object as Node).status!.conditions!.find((c) => c.type === 'Ready')!.status,
    waits: plan.waitsForTurn,
  };
}; // prettier-ignore

describe('reconcile', () => {
  it.each([
    ['a ready node', { node: node('n', 'True') }, undefined],
    ['not ready', { node: node('n', 'False') }, ['not-ready:NoSchedule', 'not-ready:NoExecute']],
    ['unknown', { node: node('n', 'Unknown') }, ['unreachable:NoSchedule', 'unreachable:NoExecute']],
    ['unknown, not its turn', { node: node('n', 'Unknown'), mayEvict: false }, ['unreachable:NoSchedule']],
    ['from not ready to unknown at once', { node: node('n', 'Unknown', { taints: [taint('not-ready', 'NoExecute'), taint('not-ready', 'NoSchedule')] }), mayEvict: false }, ['unreachable:NoSchedule', 'unreachable:NoExecute']],
    ['ready again', { node: node('n', 'True', { taints: [taint('unreachable', 'NoExecute'), taint('unreachable', 'NoSchedule')] }) }, []],
    ['all are lost: spared', { node: node('n', 'Unknown', { taints: [taint('unreachable', 'NoExecute'), taint('unreachable', 'NoSchedule')] }), mustSpare: true }, ['unreachable:NoSchedule']],
    ['under pressure', { node: node('n', 'True', { pressure: 'DiskPressure' }) }, ['disk-pressure:NoSchedule']],
    ['cordoned', { node: node('n', 'True', { unschedulable: true }) }, ['unschedulable:NoSchedule']],
    ['uncordoned', { node: node('n', 'True', { taints: [taint('unschedulable', 'NoSchedule')] }) }, []],
    ["others' taints stay", { node: node('n', 'True', { taints: [{ key: 'mine', effect: 'NoExecute' }, taint('not-ready', 'NoExecute')] }) }, ['mine:NoExecute']],
  ] as [string, Partial<Observed> & { node: Node }, string[] | undefined][])('taints: %s', (_name, o, expected) => {
    expect(look(o).taints).toEqual(expected);
  }); // prettier-ignore
  it('posts Unknown for a silent node first, and what it never posted too', () => {
    const { ready, taints } = look({ node: node('n', 'True'), health: 'silent' });
    expect([ready, taints]).toEqual(['Unknown', undefined]);
    const plan = reconcile({ node: node('n', undefined), health: 'silent', mayEvict: true, mustSpare: false, pods: [], hasJustFailed: false }, NOW); // prettier-ignore
    expect((plan.intents[0] as { object: Node }).object.status!.conditions!.map((c) => [c.type, c.reason])).toEqual(['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'].map((type) => [type, 'NodeStatusNeverUpdated'])); // prettier-ignore
  });
});

describe('eviction', () => {
  const pod = (tolerations: Toleration[], created = '2026-01-01T00:00:00Z'): Pod =>
    ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'd', uid: 'p', creationTimestamp: created }, spec: { tolerations, containers: [] } }); // prettier-ignore
  const gone = taint('unreachable', 'NoExecute');
  const forSeconds = (s: number): Toleration => ({ key: gone.key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: s }); // prettier-ignore
  it.each([
    ['not tolerated', [], [gone], 'now'],
    ['tolerated for ever', [{ operator: 'Exists' }], [gone], undefined],
    ['tolerated for a while', [forSeconds(300)], [gone], 300_000],
    ['tolerated for no time', [forSeconds(0)], [gone], 'now'],
    ['one of two not tolerated', [forSeconds(300)], [gone, { key: 'x', effect: 'NoExecute' }], 'now'],
    ['no taint', [forSeconds(300)], [], undefined],
  ] as [string, Toleration[], Taint[], 'now' | number | undefined][])('%s', (_name, tolerations, taints, expected) => {
    const { intents, requeueAfterMs } = evict({ pod: pod(tolerations), taints }, NOW);
    expect(intents.some((x) => x.op === 'delete') ? 'now' : requeueAfterMs).toBe(expected);
  });
  it('counts from the taint, whenever it looks, and from the pod if that came later', () => {
    expect(evict({ pod: pod([forSeconds(300)]), taints: [gone] }, NOW + 100_000).requeueAfterMs).toBe(200_000);
    expect(evict({ pod: pod([forSeconds(300)], '2026-01-01T01:01:00Z'), taints: [gone] }, NOW + 100_000).requeueAfterMs).toBe(260_000); // prettier-ignore
  });
});

describe('zones', () => {
  const of = (ready: number, not: number, zone: string): Node[] => [
    ...Array.from({ length: ready }, (_, i) => node(`r${i}`, 'True', { zone })),
    ...Array.from({ length: not }, (_, i) => node(`n${i}`, 'Unknown', { zone })),
  ];
  it.each([
    ['one node lost', of(4, 1, 'a'), 10_000],
    ['all lost: the fault is ours', of(0, 3, 'a'), undefined],
    ['one zone lost of two', [...of(0, 3, 'a'), ...of(3, 0, 'b')], 10_000],
    ['most of a small zone lost', of(4, 6, 'a'), undefined],
    ['most of a large zone lost', of(20, 40, 'a'), 100_000],
    ['two of three lost', of(1, 2, 'a'), 10_000],
  ])('%s', (_name, all, expected) => {
    expect(evictionPeriodMs(zonesOf(all), '/a')).toBe(expected);
  });
});

it('walks every state of a node', () => {
  const events = [
    { type: 'heartbeat.seen' },
    { type: 'condition.ready' },
    { type: 'condition.notReady' },
    { type: 'condition.unknown' },
    { type: 'xstate.after.startupGrace.nodeHealth.starting' },
    { type: 'xstate.after.monitorGrace.nodeHealth.healthy' },
  ] as never[];
  const paths = getShortestPaths(nodeHealthMachine, {
    events,
    serializeState: (s) => JSON.stringify(s.value),
    limit: 100,
  });
  expect(new Set(paths.map((p) => p.state.value))).toEqual(new Set(['starting', 'healthy', 'unhealthy', 'silent']));
});

describe('controller', () => {
  async function setUp(): Promise<
    TestCluster & {
      beat: (name: string) => void;
      stopBeat: (name: string) => void;
      post: (name: string, status: string) => Promise<unknown>;
    }
  > {
    const c = testCluster();
    c.start(startNodeLifecycleController);
    const beating = new Set<string>();
    const beat = (name: string): void => {
      beating.add(name);
      const renew = async (): Promise<void> => {
        if (!beating.has(name)) return;
        await c.client.patch(leases, name, 'kube-node-lease', 'merge', { spec: { renewTime: formatMicroTime(c.world.clock.now()) } }); // prettier-ignore
        c.world.clock.setTimeout(() => void renew(), 10_000);
      };
      void renew();
    };
    const post = (name: string, status: string): Promise<unknown> =>
      c.client.patch(nodes, name, undefined, 'strategic', { status: { conditions: [{ type: 'Ready', status, lastHeartbeatTime: String(c.world.clock.now()) }] } }, { subresource: 'status' }); // prettier-ignore
    for (const name of ['n1', 'n2', 'n3']) {
      await c.client.create(nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name } });
      await c.client.create<Lease>(leases, { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name, namespace: 'kube-node-lease' }, spec: {} }); // prettier-ignore
      await post(name, 'True');
      beat(name);
    }
    const tolerations = [{ key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 60 }]; // prettier-ignore
    for (const [name, extra] of [['patient', { tolerations }], ['impatient', {}]] as const)
      await c.client.create(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'd' }, spec: { nodeName: 'n1', containers: [], ...extra }, status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] } } as Pod); // prettier-ignore
    await c.world.advance(120_000);
    return { ...c, beat, stopBeat: (name) => void beating.delete(name), post };
  }
  const keys = (c: TestCluster, name: string): string[] =>
    (c.api.object<Node>(nodes, name)!.spec?.taints ?? []).map((t) => `${t.key.split('/')[1]}:${t.effect}`);
  const pod = (c: TestCluster, name: string): Pod => c.api.object<Pod>(pods, `d/${name}`)!;

  it('moves the pods of a silent node away when their time is up', async () => {
    const c = await setUp();
    expect(keys(c, 'n1')).toEqual([]);
    c.stopBeat('n1');
    await c.world.advance(29_000);
    expect(keys(c, 'n1')).toEqual([]);
    await c.world.advance(12_000);
    const ready = c.api.object<Node>(nodes, 'n1')!.status!.conditions!.find((x) => x.type === 'Ready')!;
    expect([ready.status, ready.reason]).toEqual(['Unknown', 'NodeStatusUnknown']);
    expect(keys(c, 'n1')).toEqual(['unreachable:NoSchedule', 'unreachable:NoExecute']);
    expect(pod(c, 'impatient').metadata.deletionTimestamp).toBeDefined();
    expect(isPodReady(pod(c, 'patient'))).toBe(false);
    expect(pod(c, 'patient').metadata.deletionTimestamp).toBeUndefined();
    await c.world.advance(61_000);
    expect(pod(c, 'patient').metadata.deletionTimestamp).toBeDefined();
    expect(pod(c, 'patient').status!.conditions).toContainEqual(expect.objectContaining({ type: 'DisruptionTarget', reason: 'DeletionByTaintManager' })); // prettier-ignore
  });
  it('spares the pods of a node that comes back in time', async () => {
    const c = await setUp();
    c.stopBeat('n1');
    await c.world.advance(45_000);
    expect(keys(c, 'n1')).toContain('unreachable:NoExecute');
    c.beat('n1');
    await c.post('n1', 'True');
    await c.world.advance(120_000);
    expect(keys(c, 'n1')).toEqual([]);
    expect(pod(c, 'patient').metadata.deletionTimestamp).toBeUndefined();
  });
  it('evicts nobody when all nodes are silent', async () => {
    const c = await setUp();
    for (const name of ['n1', 'n2', 'n3']) c.stopBeat(name);
    await c.world.advance(300_000);
    for (const name of ['n1', 'n2', 'n3']) expect(keys(c, name)).toEqual(['unreachable:NoSchedule']);
    expect(pod(c, 'patient').metadata.deletionTimestamp).toBeUndefined();
  });
});
