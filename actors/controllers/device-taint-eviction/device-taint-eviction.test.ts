import { describe, expect, it } from 'vitest';
import type { Event, Pod } from '../../../schemas/generated/core-v1.ts';
import type { DeviceTaint, DeviceToleration, ResourceClaim, ResourceSlice } from '../../../schemas/generated/resource-v1.ts'; // prettier-ignore
import { events, pods, resourceClaims, resourceSlices } from '../../runtime/resources.ts';
import { testCluster, type TestCluster } from '../../runtime/testing/cluster.ts';
import { badDay } from '../../runtime/testing/faults.ts';
import { startDeviceTaintEviction } from './actor.ts';
import { deviceOf, reconcile } from './reconcile.ts';

const NOW = Date.parse('2026-01-01T01:00:00Z');
const AT = '2026-01-01T01:00:00Z';
const taint = (key = 'broken', o: Partial<DeviceTaint> = {}): DeviceTaint => ({ key, effect: 'NoExecute', timeAdded: AT, ...o }); // prettier-ignore
const lasts = (tolerationSeconds: number | undefined, o: Partial<DeviceToleration> = {}): DeviceToleration => ({ key: 'broken', operator: 'Exists', effect: 'NoExecute', ...(tolerationSeconds !== undefined && { tolerationSeconds }), ...o }); // prettier-ignore
const slice = (name: string, generation: number, devices: Record<string, DeviceTaint[]>, pool = 'p'): ResourceSlice =>
  ({
    apiVersion: 'resource.k8s.io/v1', kind: 'ResourceSlice', metadata: { name },
    spec: { driver: 'd.io', pool: { name: pool, generation, resourceSliceCount: 1 }, devices: Object.entries(devices).map(([device, taints]) => ({ name: device, taints })) },
  }); // prettier-ignore
interface ClaimIs {
  readonly of?: string;
  readonly user?: string;
  readonly devices?: Record<string, DeviceToleration[]>;
}
const claim = (name: string, o: ClaimIs = {}): ResourceClaim =>
  ({
    apiVersion: 'resource.k8s.io/v1', kind: 'ResourceClaim',
    metadata: { name, namespace: 'd', ...(o.of && { ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'pod', uid: o.of, controller: true }] }) },
    spec: {},
    status: {
      ...(o.devices && { allocation: { devices: { results: Object.entries(o.devices).map(([device, tolerations]) => ({ request: 'r', driver: 'd.io', pool: 'p', device, tolerations })) } } }),
      ...(o.user && { reservedFor: [{ resource: 'pods', name: 'pod', uid: o.user }] }),
    },
  }); // prettier-ignore
const pod = (o: { node?: string; claims?: object[]; statuses?: object[]; deleted?: boolean } = {}): Pod =>
  ({
    apiVersion: 'v1', kind: 'Pod',
    metadata: { name: 'pod', namespace: 'd', uid: 'u', ...(o.deleted && { deletionTimestamp: AT }) },
    spec: { containers: [], nodeName: o.node ?? 'n', resourceClaims: o.claims ?? [{ name: 'x', resourceClaimName: 'c' }] },
    status: { phase: 'Running', ...(o.statuses && { resourceClaimStatuses: o.statuses }) },
  }) as Pod; // prettier-ignore
interface Looks {
  readonly pod?: Pod;
  readonly claims: readonly ResourceClaim[];
  readonly devices?: Record<string, DeviceTaint[]>;
  readonly isPending?: boolean;
}
function look(o: Looks, at = 0): string[] {
  const slices = [slice('s', 1, o.devices ?? { a: [taint()] })];
  const plan = reconcile(
    {
      pod: o.pod ?? pod(),
      claim: (name) => o.claims.find(({ metadata }) => metadata.name === name),
      device: ({ device }) => deviceOf(slices, device),
      isPending: o.isPending ?? false,
    },
    NOW + at * 1_000,
  );
  const told = plan.intents.map((x) => (x.op === 'event' ? x.message : x.op));
  return plan.requeueAfterMs === undefined ? told : [...told, `in ${plan.requeueAfterMs / 1_000}`];
}
const EVICTED = ['Marking for deletion', 'patch', 'delete'];
const uses = (devices: Record<string, DeviceToleration[]>, o: ClaimIs = {}): ResourceClaim[] => [claim('c', { user: 'u', devices, ...o })]; // prettier-ignore

describe('a pod', () => {
  it.each([
    ['goes with its device', { claims: uses({ a: [] }) }, EVICTED],
    ['stays with a device that has no taint', { claims: uses({ b: [] }) }, []],
    ['stays with a device that nobody offers any more', { claims: uses({ gone: [] }) }, []],
    ['stays where the taint keeps only others away', { claims: uses({ a: [] }), devices: { a: [taint('broken', { effect: 'NoSchedule' })] } }, []],
    ['stays where the taint only informs', { claims: uses({ a: [] }), devices: { a: [taint('broken', { effect: 'None' })] } }, []],
    ['stays where its claim tolerates the taint', { claims: uses({ a: [lasts(undefined)] }) }, []],
    ['goes when what its claim tolerates is over', { claims: uses({ a: [lasts(60)] }) }, ['in 60']],
    ['goes with the shortest toleration that matches', { claims: uses({ a: [lasts(60), lasts(20), lasts(5, { key: 'other' })] }) }, ['in 20']],
    ['stays if one toleration that matches has no limit', { claims: uses({ a: [lasts(60), lasts(undefined)] }) }, []],
    ['is not helped by a toleration of another effect', { claims: uses({ a: [lasts(undefined, { effect: 'NoSchedule' })] }) }, EVICTED],
    ['is not helped by a toleration without an effect', { claims: uses({ a: [lasts(undefined, { effect: undefined })] }) }, EVICTED],
    ['is asked for values', { claims: uses({ a: [lasts(undefined, { operator: 'Equal', value: 'v' })] }), devices: { a: [taint('broken', { value: 'w' })] } }, EVICTED],
    ['goes with the first of its devices', { claims: uses({ a: [lasts(60)], b: [lasts(30)] }), devices: { a: [taint()], b: [taint()] } }, ['in 30']],
    ['goes with the first of its taints', { claims: uses({ a: [lasts(60), lasts(10, { key: 'x' })] }), devices: { a: [taint(), taint('x')] } }, ['in 10']],
    ['goes with the first of its claims', { pod: pod({ claims: [{ name: 'x', resourceClaimName: 'c' }, { name: 'y', resourceClaimName: 'e' }] }), claims: [...uses({ a: [lasts(60)] }), claim('e', { user: 'u', devices: { a: [lasts(40)] } })] }, ['in 40']],
    ['for which the claim is not reserved stays', { claims: uses({ a: [] }, { user: 'other' }) }, []],
    ['whose claim has no devices stays', { claims: [claim('c', { user: 'u' })] }, []],
    ['whose claim is not there stays', { claims: [] }, []],
    ['without a node stays', { pod: pod({ node: '' }), claims: uses({ a: [] }) }, []],
    ['that goes already is let be', { pod: pod({ deleted: true }), claims: uses({ a: [] }) }, []],
    ['goes with what was made for it', { pod: pod({ claims: [{ name: 'x', resourceClaimTemplateName: 't' }], statuses: [{ name: 'x', resourceClaimName: 'c' }] }), claims: uses({ a: [] }, { of: 'u' }) }, EVICTED],
    ['does not with what was made for another of its name', { pod: pod({ claims: [{ name: 'x', resourceClaimTemplateName: 't' }], statuses: [{ name: 'x', resourceClaimName: 'c' }] }), claims: uses({ a: [] }, { of: 'before' }) }, []],
    ['is told that it may stay after all', { claims: uses({ b: [] }), isPending: true }, ['Cancelling deletion']],
  ] as [string, Looks, string[]][])('%s', (_name, o, expected) => {
    expect(look(o)).toEqual(expected);
  }); // prettier-ignore
  it('has its time from when the taint came', () => {
    expect(look({ claims: uses({ a: [lasts(60)] }) }, 45)).toEqual(['in 15']);
    expect(look({ claims: uses({ a: [lasts(60)] }) }, 60)).toEqual(EVICTED);
  });
  it('is told why', () => {
    const { intents } = reconcile({ pod: pod(), claim: () => uses({ a: [] })[0], device: () => ({ name: 'a', taints: [taint()] }), isPending: false }, NOW); // prettier-ignore
    expect(intents).toMatchObject([
      { type: 'Normal', reason: 'DeviceTaintManagerEviction' },
      { patch: { status: { conditions: [{ type: 'DisruptionTarget', status: 'True', reason: 'DeletionByDeviceTaintManager', message: 'Device Taint manager: deleting due to NoExecute taint' }] } } },
      { op: 'delete', uid: 'u' },
    ]); // prettier-ignore
  });
});
it('knows devices by the newest slices of their pool', () => {
  const slices = [slice('old', 1, { a: [taint()], b: [] }), slice('new', 2, { a: [] }), slice('more', 2, { c: [] })];
  for (const all of [slices, slices.toReversed()]) {
    expect(deviceOf(all, 'a')).toEqual({ name: 'a', taints: [] });
    expect(deviceOf(all, 'b')).toBeUndefined();
    expect(deviceOf(all, 'c')).toBeDefined();
  }
});

describe('controller', () => {
  async function setUp(seed = 1) {
    const c = testCluster(seed);
    const controllers = c.start(startDeviceTaintEviction);
    const offer = async (generation: number, devices: Record<string, DeviceTaint[]>, name = 's'): Promise<void> => {
      const object = slice(name, generation, devices);
      await c.client.delete(resourceSlices, name).catch(() => undefined);
      await c.client.create(resourceSlices, object);
    };
    const mark = (...taints: DeviceTaint[]): Promise<unknown> => c.client.patch(resourceSlices, 's', undefined, 'merge', { spec: slice('s', 1, { a: taints, b: [] }).spec }); // prettier-ignore
    await offer(1, { a: [], b: [] });
    async function use(name: string, device: string, ...tolerations: DeviceToleration[]): Promise<void> {
      const claimed = [{ name: 'x', resourceClaimName: name }];
      const made = await c.client.create<Pod>(pods, {
        ...pod({ claims: claimed }),
        metadata: { name, namespace: 'd' },
      });
      await c.client.create(resourceClaims, claim(name, {}));
      const status = { ...claim(name, { devices: { [device]: tolerations } }).status, reservedFor: [{ resource: 'pods', name, uid: made.metadata.uid }] }; // prettier-ignore
      await c.client.patch(resourceClaims, name, 'd', 'merge', { status }, { subresource: 'status' });
    }
    const isGoing = (name: string): boolean => c.api.object<Pod>(pods, `d/${name}`)?.metadata.deletionTimestamp !== undefined; // prettier-ignore
    return { ...c, controllers, offer, mark, use, isGoing };
  }
  const told = (c: TestCluster): (string | undefined)[] => c.list<Event>(events).map((e) => `${e.involvedObject.name}: ${e.message}`); // prettier-ignore

  it('evicts those who use a device when it breaks, each in its time', async () => {
    const c = await setUp();
    await c.use('now', 'a');
    await c.use('later', 'a', lasts(60));
    await c.use('never', 'b');
    await c.quiet();
    await c.mark(taint('broken', { timeAdded: '2026-01-01T00:00:00Z' }));
    await c.quiet();
    expect(['now', 'later', 'never'].map(c.isGoing)).toEqual([true, false, false]);
    await c.world.advance(61_000);
    expect(['later', 'never'].map(c.isGoing)).toEqual([true, false]);
    expect(told(c).toSorted()).toEqual(['later: Marking for deletion', 'now: Marking for deletion']);
  });
  it('lets them be when it is mended in time, or offered anew without the taint', async () => {
    const c = await setUp();
    await c.use('p', 'a', lasts(60));
    await c.mark(taint('broken', { timeAdded: '2026-01-01T00:00:00Z' }));
    await c.quiet();
    await c.offer(2, { a: [] }, 'newer');
    await c.world.advance(120_000);
    expect([c.isGoing('p'), told(c)]).toEqual([false, ['p: Cancelling deletion']]);
    // What is newest goes: the old one counts again.
    await c.client.delete(resourceSlices, 'newer');
    await c.quiet();
    expect(c.isGoing('p')).toBe(true);
  });
  it('evicts who gets a broken device', async () => {
    const c = await setUp();
    await c.mark(taint('broken', { timeAdded: '2026-01-01T00:00:00Z' }));
    await c.use('p', 'a');
    await c.quiet();
    expect(c.isGoing('p')).toBe(true);
  });
  it('asks nothing of the API while drivers offer the same', async () => {
    const c = await setUp();
    await c.use('p', 'a');
    await c.mark();
    for (let generation = 2; generation < 10; generation++) await c.offer(generation, { a: [], b: [] });
    await c.world.advance(60_000);
    expect(c.api.calls.filter((x) => x.caller === 'controller:device-taint-eviction' && x.verb !== 'watch')).toEqual([]); // prettier-ignore
  });
  it.each([1, 2, 3])('comes to rest after a bad day with %i', async (seed) => {
    const c = await setUp(seed);
    const broken = taint('broken', { timeAdded: '2026-01-01T00:00:00Z' });
    await badDay(c, c.controllers, [() => c.use('p', 'a', lasts(90)), () => c.mark(broken), () => c.use('q', 'a'), () => c.use('r', 'a', lasts(undefined)), () => c.mark(), () => c.mark(broken), () => c.use('s', 'b')]); // prettier-ignore
    expect(['p', 'q', 'r', 's'].map(c.isGoing)).toEqual([true, true, false, false]);
  });
});
