import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { transition } from 'xstate';
import { getShortestPaths } from 'xstate/graph';
import type { Node, Pod, Taint } from '../../../schemas/generated/core-v1.ts';
import { createRegistry } from '../../runtime/metrics/registry.ts';
import { nodeHealthMachine } from './machine.ts';
import { zoneMetrics } from './metrics.ts';
import { reconcile, type Observed } from './reconcile.ts';
import { createPace, createTally, evictionPeriodMs, zoneOf, type Zone } from './zones.ts';

const NOW = Date.parse('2026-01-01T01:00:00Z');
const node = (name: string, ready: string | undefined, o: { taints?: Taint[]; zone?: string; unschedulable?: boolean; pressure?: string; labels?: Record<string, string> } = {}): Node =>
  ({
    apiVersion: 'v1', kind: 'Node',
    metadata: { name, resourceVersion: '7', creationTimestamp: '2026-01-01T00:00:00Z', labels: { 'topology.kubernetes.io/zone': o.zone ?? 'z', ...o.labels } },
    spec: { ...(o.taints && { taints: o.taints }), ...(o.unschedulable && { unschedulable: true }) },
    status: { conditions: [...(ready ? [{ type: 'Ready', status: ready, lastHeartbeatTime: 'x' }] : []), ...(o.pressure ? [{ type: o.pressure, status: 'True' }] : [])] },
  }); // prettier-ignore
const taint = (key: string, effect: string): Taint => ({ key: `node.kubernetes.io/${key}`, effect, timeAdded: '2026-01-01T01:00:00Z' }) as Taint; // prettier-ignore
const plan = (o: Partial<Observed> & { node: Node }): ReturnType<typeof reconcile> =>
  reconcile({ health: 'heard', isNew: false, mayEvict: true, mustSpare: false, pods: [], ...o }, NOW);
const look = (o: Partial<Observed> & { node: Node }): { taints: string[] | undefined; ready: string | undefined; waits: boolean; told: string[] } => {
  const { intents, waitsForTurn } = plan(o);
  const patch = intents.find((x) => x.op === 'patch');
  const update = intents.find((x) => x.op === 'update');
  return {
    taints: patch && ((patch.patch as { spec: { taints: Taint[] | null } }).spec.taints ?? []).map((t) => `${t.key.replace('node.kubernetes.io/', '')}:${t.effect}`),
    ready: update && (update.object as Node).status!.conditions!.find((c) => c.type === 'Ready')!.status,
    waits: waitsForTurn,
    told: intents.flatMap((x) => (x.op === 'event' ? [`${x.type} ${x.reason}: ${x.message}`] : [])),
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
    const { intents } = plan({ node: node('n', undefined), health: 'silent' });
    expect((intents[0] as { object: Node }).object.status!.conditions!.map((c) => [c.type, c.reason])).toEqual(['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'].map((type) => [type, 'NodeStatusNeverUpdated'])); // prettier-ignore
  });
  it.each([
    ['that is new', { node: node('n', 'True'), isNew: true }, ['Normal RegisteredNode: Node n event: Registered Node n in Controller']],
    ['that was ready and falls silent', { node: node('n', 'True'), health: 'silent' }, ['Normal NodeNotReady: Node n status is now: NodeNotReady']],
    ['that was not ready and falls silent', { node: node('n', 'False'), health: 'silent' }, []],
    ['of which nothing was ever heard', { node: node('n', undefined), health: 'silent' }, []],
    // Its kubelet tells of it.
    ['that says it is not ready', { node: node('n', 'False') }, []],
  ] as [string, Partial<Observed> & { node: Node }, string[]][])('tells of a node %s', (_name, o, expected) => {
    expect(look(o).told).toEqual(expected);
  }); // prettier-ignore
  it.each([
    ['follow theirs', { 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'arm64' }, { 'beta.kubernetes.io/os': 'linux', 'beta.kubernetes.io/arch': 'arm64' }],
    ['are corrected', { 'kubernetes.io/os': 'linux', 'beta.kubernetes.io/os': 'plan9' }, { 'beta.kubernetes.io/os': 'linux' }],
    ['that agree are left alone', { 'kubernetes.io/os': 'linux', 'beta.kubernetes.io/os': 'linux' }, undefined],
    ['without theirs are left alone', { 'beta.kubernetes.io/os': 'linux' }, undefined],
  ] as [string, Record<string, string>, Record<string, string> | undefined][])('labels of old %s', (_name, labels, expected) => {
    const patch = plan({ node: node('n', 'True', { labels }) }).intents.find((x) => x.op === 'patch')?.patch;
    expect(patch).toEqual(expected && { metadata: { labels: expected } });
  }); // prettier-ignore
  it('takes the word of a silent kubelet back that its pods are ready, and nothing of one that speaks', () => {
    const running = { kind: 'Pod', metadata: { name: 'p', namespace: 'd', uid: 'u' }, status: { conditions: [{ type: 'Ready', status: 'True' }] } } as Pod; // prettier-ignore
    const ops = (status: string): string[] => plan({ node: node('n', status), mayEvict: false, pods: [running, running, { ...running, status: {} }] }).intents.slice(1).map((x) => (x.op === 'event' ? x.reason : x.op)); // prettier-ignore
    expect(ops('Unknown')).toEqual(['patch', 'patch', 'NodeNotReady', 'NodeNotReady']);
    expect(ops('False')).toEqual([]);
  });
  it('finds nothing left to do once what it wants is done', () => {
    for (const ready of ['True', 'False', 'Unknown'])
      for (const mustSpare of [false, true])
        for (const first of [[], [taint('not-ready', 'NoExecute')], [taint('unreachable', 'NoExecute'), taint('disk-pressure', 'NoSchedule')]]) {
          const before = node('n', ready, { taints: first, unschedulable: true, labels: { 'kubernetes.io/os': 'linux' } });
          const patch = plan({ node: before, mustSpare }).intents.find((x) => x.op === 'patch')!.patch as { metadata: { labels: Record<string, string> }; spec: { taints: Taint[] } };
          const after: Node = { ...before, metadata: { ...before.metadata, labels: { ...before.metadata.labels, ...patch.metadata.labels } }, spec: { ...before.spec, taints: patch.spec.taints } };
          expect(plan({ node: after, mustSpare })).toEqual({ intents: [], waitsForTurn: false, evicts: false });
        }
  }); // prettier-ignore
});

const zonesOf = (all: Iterable<Node>): ReadonlyMap<string, Zone> => {
  const tally = createTally();
  for (const one of all) tally.note(one.metadata.name!, one);
  return tally.zones();
};
it('tells dashboards of zones', () => {
  const registry = createRegistry();
  const evicted = zoneMetrics(registry, () => zonesOf([node('a', 'True'), node('b', 'Unknown'), node('c', 'False'), node('d', 'True')])); // prettier-ignore
  evicted(':\0:z');
  const lines = registry.families().flatMap((family) => family.lines.filter((line) => !line.startsWith('#')));
  expect(lines.map((line) => line.replace('node_collector_', '').replace('{zone=":\0:z"}', ''))).toEqual(['evictions_total 1', 'unhealthy_nodes_in_zone 2', 'zone_health 50', 'zone_size 4']); // prettier-ignore
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
    expect(evictionPeriodMs(zonesOf(all), ':\0:a')).toBe(expected);
  });
  it('are those of the old labels where there are both', () => {
    const labels = { 'failure-domain.beta.kubernetes.io/zone': 'old', 'topology.kubernetes.io/region': 'r' };
    expect(zoneOf(node('n', 'True', { labels }))).toBe('r:\0:old');
  });
  it('are not judged by nodes that are to be excluded, and not at all where there are no others', () => {
    const labels = { 'node.kubernetes.io/exclude-disruption': '' };
    expect(zonesOf([node('a', 'True'), node('b', 'Unknown', { labels })])).toEqual(new Map([[':\0:z', { state: 'normal', size: 1, unhealthy: 0 }]])); // prettier-ignore
    expect(evictionPeriodMs(zonesOf([node('b', 'Unknown', { labels })]), ':\0:z')).toBe(10_000);
  });
  it('are counted right whatever nodes do, and anew only if that counts', () => {
    const names = fc.constantFrom('a', 'b', 'c', 'd');
    const states = fc.option(fc.record({ ready: fc.constantFrom('True', 'False', 'Unknown', undefined), zone: fc.constantFrom('x', 'y'), excluded: fc.boolean() }), { nil: undefined });
    fc.assert(
      fc.property(fc.array(fc.tuple(names, states)), (steps) => {
        const tally = createTally();
        const now = new Map<string, Node>();
        for (const [name, state] of steps) {
          const next = state && node(name, state.ready, { zone: state.zone, labels: state.excluded ? { 'node.kubernetes.io/exclude-disruption': '' } : {} });
          tally.note(name, next);
          if (next) now.set(name, next);
          else now.delete(name);
          expect(new Map([...tally.zones()].sort())).toEqual(new Map([...zonesOf(now.values())].sort()));
          const counted = tally.zones();
          tally.note(name, next && { ...next, spec: { unschedulable: true } });
          expect(tally.zones()).toBe(counted);
        }
      }),
    );
  }); // prettier-ignore
  it('lose their nodes one by one, and who waits when that becomes slower or faster waits for a whole turn', () => {
    const pace = createPace();
    const judge = (now: number, ...all: Node[]): void => pace.judge(zonesOf(all), now);
    judge(0, ...of(30, 30, 'a'));
    expect(pace.waitMs(':\0:a', 0)).toBe(0);
    pace.take(':\0:a', 0);
    expect([pace.waitMs(':\0:a', 0), pace.waitMs(':\0:a', 4_000)]).toEqual([10_000, 6_000]);
    judge(5_000, ...of(20, 40, 'a'));
    expect(pace.waitMs(':\0:a', 5_000)).toBe(100_000);
    judge(6_000, ...of(0, 60, 'a'));
    expect(pace.waitMs(':\0:a', 6_000)).toBeUndefined();
    judge(7_000, ...of(60, 0, 'a'));
    expect([pace.waitMs(':\0:a', 7_000), pace.waitMs(':\0:a', 17_000)]).toEqual([10_000, 0]);
    judge(20_000, ...of(20, 40, 'a'));
    expect(pace.waitMs(':\0:a', 20_000)).toBe(0);
  });
});

it('walks every state of a node', () => {
  const events = [
    { type: 'heartbeat.seen' },
    { type: 'condition.ready' },
    { type: 'condition.notReady' },
    { type: 'condition.unknown' },
    { type: 'condition.removed' },
    ...['startupGrace.nodeHealth.heard.starting', 'monitorGrace.nodeHealth.heard.healthy', 'monitorGrace.nodeHealth.heard.unhealthy'].map((name) => ({ type: `xstate.after.${name}` })),
  ] as never[]; // prettier-ignore
  const paths = getShortestPaths(nodeHealthMachine, {
    events,
    serializeState: (s) => `${JSON.stringify(s.value)}${JSON.stringify(s.historyValue)}`,
    limit: 1_000,
  });
  expect(new Set(paths.map((p) => JSON.stringify(p.state.value)))).toEqual(
    new Set([...['starting', 'healthy', 'unhealthy'].map((heard) => ({ heard })), 'silent', 'unknown'].map((x) => JSON.stringify(x))), // prettier-ignore
  );
  // Who is heard of again before anybody was told is what he was.
  const heardOf = paths.filter((p) => p.state.value === 'silent').map((p) => [p.steps.findLast((s) => /ready/i.test(s.event.type))?.event.type, transition(nodeHealthMachine, p.state, { type: 'heartbeat.seen' })[0].value]); // prettier-ignore
  expect(heardOf).toContainEqual(['condition.ready', { heard: 'healthy' }]);
  expect(heardOf).toContainEqual(['condition.notReady', { heard: 'unhealthy' }]);
  expect(heardOf).toContainEqual([undefined, { heard: 'starting' }]);
});
