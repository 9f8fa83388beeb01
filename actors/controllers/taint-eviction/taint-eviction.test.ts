import { describe, expect, it } from 'vitest';
import type { Event, Node, Pod, Taint, Toleration } from '../../../schemas/generated/core-v1.ts';
import { formatTime } from '../../../schemas/meta/time.ts';
import { createRegistry } from '../../runtime/metrics/registry.ts';
import { events, nodes, pods } from '../../runtime/resources.ts';
import { testCluster, type TestCluster } from '../../runtime/testing/cluster.ts';
import { badDay } from '../../runtime/testing/faults.ts';
import { startTaintEviction } from './actor.ts';
import { noExecute, reconcile, type Observed } from './reconcile.ts';

const NOW = Date.parse('2026-01-01T01:00:00Z');
const pod = (tolerations: Toleration[] = [], o: { created?: string; bound?: string; deleted?: boolean } = {}): Pod =>
  ({
    apiVersion: 'v1', kind: 'Pod',
    metadata: { name: 'p', namespace: 'd', uid: 'p', generation: 3, creationTimestamp: o.created ?? '2026-01-01T00:00:00Z', ...(o.deleted && { deletionTimestamp: '2026-01-01T00:59:00Z' }) },
    spec: { tolerations, containers: [] },
    ...(o.bound && { status: { conditions: [{ type: 'PodScheduled', status: 'True', lastTransitionTime: o.bound }] } }),
  }); // prettier-ignore
const taint = (key: string, timeAdded: string | undefined = '2026-01-01T01:00:00Z'): Taint => ({ key, effect: 'NoExecute', ...(timeAdded && { timeAdded }) }); // prettier-ignore
const gone = taint('gone');
const lasts = (seconds: number | undefined, key = 'gone'): Toleration => ({ key, operator: 'Exists', effect: 'NoExecute', ...(seconds !== undefined && { tolerationSeconds: seconds }) }); // prettier-ignore
const look = (o: Partial<Observed> & { pod: Pod }, at = 0): string[] => {
  const plan = reconcile({ taints: [gone], ...o }, NOW + at * 1_000);
  const told = plan.intents.map((x) => (x.op === 'event' ? x.message.split(' ')[0]! : x.op));
  return plan.requeueAfterMs === undefined ? told : [...told, `in ${plan.requeueAfterMs / 1_000}`];
};
const EVICTED = ['Marking', 'patch', 'delete'];

describe('a pod', () => {
  it.each([
    ['that tolerates nothing goes', pod(), [gone], EVICTED],
    ['that tolerates for ever stays', pod([{ operator: 'Exists' }]), [gone], []],
    ['that tolerates for a while goes then', pod([lasts(300)]), [gone], ['in 300']],
    ['that tolerates for no time goes', pod([lasts(0)]), [gone], EVICTED],
    ['that tolerates for less than no time goes', pod([lasts(-1)]), [gone], EVICTED],
    ['that tolerates one of two goes', pod([lasts(300)]), [gone, taint('x')], EVICTED],
    ['goes with the first of its tolerations', pod([lasts(300), lasts(60, 'x')]), [gone, taint('x')], ['in 60']],
    ['counts those for ever as no limit', pod([lasts(300), lasts(undefined, 'x')]), [gone, taint('x')], ['in 300']],
    ['is asked for the first that matches', pod([lasts(300), lasts(10)]), [gone], ['in 300']],
    ['without taints stays', pod([lasts(300)]), [], []],
    ['that goes already is let be', pod([], { deleted: true }), [gone], []],
  ] as [string, Pod, Taint[], string[]][])('%s', (_name, of, taints, expected) => {
    expect(look({ pod: of, taints })).toEqual(expected);
  });
  it.each([
    ['the taint, whenever it is looked at', pod([lasts(300)]), gone, ['in 200']],
    ['its birth, if that was later', pod([lasts(300)], { created: '2026-01-01T01:01:00Z' }), gone, ['in 260']],
    ['its binding, if that was later', pod([lasts(300)], { bound: '2026-01-01T01:01:20Z' }), gone, ['in 280']],
    ['now, where nobody noted when the taint came', pod([lasts(300)]), taint('gone', ''), ['in 300']],
    ['a taint that is long there', pod([lasts(30)]), gone, EVICTED],
    ['the time and not the second at which it came', pod([lasts(300)]), taint('gone', '2026-01-01T01:01:40Z'), ['in 300']],
  ] as [string, Pod, Taint, string[]][])('is evicted by the time since %s', (_name, of, t, expected) => {
    expect(look({ pod: of, taints: [t] }, 100.4).map((x) => x.replace(/(?<=in \d+)\.\d+/, ''))).toEqual(expected.map((x) => (x === 'in 300' || !x.startsWith('in') ? x : `in ${Number(x.slice(3)) - 1}`)));
  }); // prettier-ignore
  it.each([
    ['goes on to count when another taint takes the place of the first', [lasts(300), lasts(300, 'x')], [taint('x', '2026-01-01T01:01:00Z')], ['in 200']],
    ['is not granted more by a taint that is tolerated for longer', [lasts(300), lasts(900, 'x')], [taint('x', '2026-01-01T01:01:00Z')], ['in 200']],
    ['goes sooner when one comes that is tolerated for less', [lasts(300), lasts(110, 'x')], [gone, taint('x', '2026-01-01T01:01:00Z')], ['in 10']],
    ['stays when the taint is gone, and users hear of it', [lasts(300)], [], ['Cancelling']],
    ['stays when it tolerates for ever', [lasts(undefined)], [gone], ['Cancelling']],
    ['goes at once when it tolerates no more', [], [gone], ['Cancelling', ...EVICTED]],
  ] as [string, Toleration[], Taint[], string[]][])('that waits %s', (_name, tolerations, taints, expected) => {
    expect(look({ pod: pod(tolerations), taints, pending: { uid: 'p', since: NOW, due: NOW + 300_000 } }, 100)).toEqual(expected);
  }); // prettier-ignore
  it('is told why it goes, and keeps since when it knows', () => {
    const plan = (of: Pod) => reconcile({ pod: of, taints: [gone] }, NOW).intents;
    const said = { type: 'DisruptionTarget', status: 'True', reason: 'DeletionByTaintManager', message: 'Taint manager: deleting due to NoExecute taint', observedGeneration: 3, lastTransitionTime: '2026-01-01T01:00:00Z' }; // prettier-ignore
    expect(plan(pod())[0]).toMatchObject({ type: 'Normal', reason: 'TaintManagerEviction', message: 'Marking for deletion Pod d/p' }); // prettier-ignore
    expect(plan(pod())[1]).toMatchObject({ subresource: 'status', patch: { metadata: { uid: 'p' }, status: { conditions: [said] } } }); // prettier-ignore
    const ready = { ...pod(), status: { conditions: [{ type: 'Ready', status: 'True' as const }] } };
    expect(plan(ready)[1]).toMatchObject({ patch: { status: { '$setElementOrder/conditions': [{ type: 'Ready' }, { type: 'DisruptionTarget' }] } } }); // prettier-ignore
    const known = { ...pod(), status: { conditions: [{ ...said, lastTransitionTime: '2026-01-01T00:30:00Z' }] } };
    expect(plan(known).map((x) => x.op)).toEqual(['event', 'delete']);
    const other = { ...pod(), status: { conditions: [{ ...said, reason: 'Other', lastTransitionTime: '2026-01-01T00:30:00Z' }] } }; // prettier-ignore
    expect(plan(other)[1]).toMatchObject({ patch: { status: { conditions: [{ reason: 'DeletionByTaintManager', lastTransitionTime: '2026-01-01T00:30:00Z' }] } } }); // prettier-ignore
  });
});

describe('controller', () => {
  async function setUp(seed = 1) {
    const c = testCluster(seed);
    const controllers = c.start(startTaintEviction);
    await c.client.create(nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n' } });
    const add = (name: string, tolerations: Toleration[] = []): Promise<Pod> => c.client.create<Pod>(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'd' }, spec: { nodeName: 'n', containers: [], tolerations } }); // prettier-ignore
    const set = (...taints: Taint[]): Promise<Node> => c.client.patch<Node>(nodes, 'n', undefined, 'merge', { spec: { taints } }); // prettier-ignore
    const isGoing = (name: string): boolean => c.api.object<Pod>(pods, `d/${name}`)?.metadata.deletionTimestamp !== undefined; // prettier-ignore
    return { ...c, controllers, add, set, isGoing };
  }
  const told = (c: TestCluster): string[] => c.list<Event>(events).flatMap((e) => Array<string>(e.count ?? 1).fill(e.message!)); // prettier-ignore

  it('evicts each pod of a node when its time is up', async () => {
    const c = await setUp();
    await c.add('never', [lasts(undefined)]);
    await c.add('later', [lasts(60)]);
    await c.add('now');
    await c.set(gone);
    await c.quiet();
    expect(['never', 'later', 'now'].map(c.isGoing)).toEqual([false, false, true]);
    await c.add('late', [lasts(30)]);
    await c.world.advance(31_000);
    expect(c.isGoing('late')).toBe(true);
    await c.world.advance(27_000);
    expect(c.isGoing('later')).toBe(false);
    await c.world.advance(2_000);
    expect(['never', 'later'].map(c.isGoing)).toEqual([false, true]);
    expect(told(c).toSorted()).toEqual(['late', 'later', 'now'].map((name) => `Marking for deletion Pod d/${name}`));
  });
  it('lets it be when the taint goes in time, or the pod', async () => {
    const c = await setUp();
    await c.add('p', [lasts(60)]);
    await c.add('q', [lasts(60)]);
    await c.set(taint('gone', ''));
    await c.world.advance(30_000);
    await c.client.delete(pods, 'q', 'd', { gracePeriodSeconds: 0 });
    await c.set();
    await c.world.advance(60_000);
    expect(c.isGoing('p')).toBe(false);
    expect(told(c).toSorted()).toEqual(['p', 'q'].map((name) => `Cancelling deletion of Pod d/${name}`));
  });
  it('counts on where another replica led, and from when the taint came', async () => {
    const c = await setUp();
    await c.add('p', [lasts(60)]);
    await c.set(taint('gone', formatTime(c.world.clock.now())));
    await c.world.advance(30_000);
    c.controllers[0]!.deactivate();
    await c.world.advance(10_000);
    c.controllers[0]!.activate();
    await c.world.advance(18_000);
    expect(c.isGoing('p')).toBe(false);
    await c.world.advance(3_000);
    expect(c.isGoing('p')).toBe(true);
  });
  it('tries again, and tells of it, when it is refused', async () => {
    const c = await setUp();
    await c.add('p', [lasts(5)]);
    let refused = 0;
    c.api.intercept = ({ verb }) => {
      if (verb === 'delete' && refused++ < 3) throw new Error('not now');
    };
    await c.set(taint('gone', ''));
    await c.world.advance(7_000);
    expect([c.isGoing('p'), refused]).toEqual([true, 4]);
  });
  it('waits without haste for what is years away, and for clocks that are ahead', async () => {
    const c = await setUp();
    await c.add('patient', [lasts(10_000_000_000)]);
    await c.add('p', [lasts(30)]);
    await c.set(taint('gone', '2126-01-01T00:00:00Z'));
    await c.world.advance(60_000);
    expect(['patient', 'p'].map(c.isGoing)).toEqual([false, true]);
    expect(c.api.calls.filter(({ caller }) => caller === 'controller:taint-eviction').length).toBeLessThan(10);
  });
  it('does nothing to pods of a node whose other taints change', async () => {
    const c = await setUp();
    for (let i = 0; i < 20; i++) await c.add(`p${i}`, [lasts(undefined)]);
    await c.set(gone, { key: 'x', effect: 'NoSchedule' });
    await c.quiet();
    await c.set(gone);
    await c.quiet();
    expect(c.api.calls.filter(({ caller, verb }) => caller === 'controller:taint-eviction' && verb !== 'watch')).toEqual([]); // prettier-ignore
  });
  it.each([1, 2, 3])('comes to rest after a bad day with %i', async (seed) => {
    const c = await setUp(seed);
    await c.add('now');
    await c.add('later', [lasts(90)]);
    await c.add('never', [lasts(undefined)]);
    await badDay(c, c.controllers, [
      () => c.set(gone),
      () => c.set(),
      () => c.set(taint('gone', '')),
      () => c.add('late'),
    ]);
    expect(['now', 'later', 'never', 'late'].map(c.isGoing)).toEqual([true, true, false, true]);
  });
});
it('looks at NoExecute only', () => {
  expect(noExecute([gone, { key: 'x', effect: 'NoSchedule' }])).toEqual([gone]);
  expect(noExecute(undefined)).toEqual([]);
});
it('counts whom it evicts, and how late', async () => {
  const c = testCluster();
  const registry = createRegistry();
  c.start((deps) => startTaintEviction({ ...deps, metrics: registry }));
  await c.client.create(nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n' }, spec: { taints: [gone] } });
  await c.client.create(pods, { ...pod(), spec: { nodeName: 'n', containers: [] } });
  await c.quiet();
  const lines = registry
    .families()
    .flatMap((family) => family.lines.filter((line) => /^taint(?!.*_bucket)/.test(line)));
  expect(lines).toEqual(['taint_eviction_controller_pod_deletion_duration_seconds_sum 0', 'taint_eviction_controller_pod_deletion_duration_seconds_count 1', 'taint_eviction_controller_pod_deletions_total 1']); // prettier-ignore
});
