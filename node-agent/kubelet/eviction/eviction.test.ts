import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { testWorld } from '../../../actors/runtime/testing/world.ts';
import type { PodStats } from '../../../bus/protocol/node.ts';
import type { Pod } from '../../../schemas/generated/core-v1.ts';
import { DEFAULTS } from '../node/configuration.ts';
import { refusedUnder } from './admit.ts';
import { CALM, decide, tooLittle, type EvictionState } from './decide.ts';
import { hasStorageLimit, overStorageLimit } from './local-storage.ts';
import { startEviction, type Evictable, type EvictionManager } from './manager.ts';
import { evictionMessage, rank } from './rank.ts';
import { parseThresholds, SIGNALS, withContainerFs, type Observations, type Signal } from './thresholds.ts';

const MI = 2 ** 20;
const GI = 2 ** 30;
const given = (more: object = {}) => ({ ...DEFAULTS, enforceNodeAllocatable: [], ...more });
const observed = (what: Partial<Record<Signal, readonly [number, number]>>): Observations =>
  new Map(Object.entries(what).map(([signal, [available, capacity]]) => [signal as Signal, { available, capacity, format: 'BinarySI' as const }])); // prettier-ignore

describe('thresholds are read as Kubernetes reads them', () => {
  it('the usual ones, and pods held to what is allocatable', () => {
    const signals = parseThresholds(DEFAULTS).map(({ signal }) => signal);
    expect(signals).toEqual([...Object.keys(DEFAULTS.evictionHard), 'allocatableMemory.available']);
  });
  it('all and nothing are left out', () => {
    expect(parseThresholds(given({ evictionHard: { 'nodefs.available': '0%', 'imagefs.available': '100%' } }))).toEqual([]); // prettier-ignore
  });
  it.each<[string, object, string]>([
    ['a signal that there is not', { evictionHard: { 'mem.available': '1Mi' } }, 'unsupported eviction signal mem.available'],
    ['less than nothing', { evictionHard: { 'memory.available': '-1Mi' } }, 'eviction threshold memory.available must be positive: -1Mi'],
    ['nothing', { evictionHard: { 'memory.available': '0' } }, 'eviction threshold memory.available must be positive: 0'],
    ['more than all', { evictionHard: { 'memory.available': '120%' } }, 'eviction percentage threshold memory.available must be <= 100%: 120%'],
    ['less than no part', { evictionHard: { 'memory.available': '-1%' } }, 'eviction percentage threshold memory.available must be >= 0%: -1%'],
    ['no number', { evictionHard: { 'memory.available': 'x%' } }, 'strconv.ParseFloat: parsing "x": invalid syntax'],
    ['soft without a grace', { evictionSoft: { 'memory.available': '1Gi' } }, 'grace period must be specified for the soft eviction threshold memory.available'],
    ['a grace below nothing', { evictionSoftGracePeriod: { 'memory.available': '-1s' } }, 'invalid eviction grace period specified: -1s, must be a positive value'],
    ['no duration', { evictionSoftGracePeriod: { 'memory.available': '1' } }, 'time: missing unit in duration "1"'],
    ['a reclaim below nothing', { evictionMinimumReclaim: { 'memory.available': '-1' } }, 'negative eviction minimum reclaim specified for memory.available'],
  ])('%s', (_, more, message) => expect(() => parseThresholds(given(more))).toThrow(message)); // prettier-ignore
  it('containers are on the disk of images, if it is one of its own', () => {
    const all = parseThresholds(given({ evictionHard: { 'nodefs.available': '10%', 'imagefs.available': '15%' } }));
    const of = (has: boolean) => withContainerFs(all, has).find(({ signal }) => signal === 'containerfs.available')?.value; // prettier-ignore
    expect(of(false)).toEqual({ part: Math.fround(0.1) });
    expect(of(true)).toEqual({ part: Math.fround(0.15) });
  });
});

describe('what there is too little of', () => {
  const thresholds = parseThresholds(given({ evictionHard: { 'memory.available': '100Mi', 'nodefs.available': '10%' }, evictionMinimumReclaim: { 'nodefs.available': '5%' } })); // prettier-ignore
  const step = (state: EvictionState, now: number, memory: number, disk: number) =>
    decide(state, thresholds, observed({ 'memory.available': [memory, 8 * GI], 'nodefs.available': [disk, 100] }), { now, transitionMs: 300_000 }); // prettier-ignore
  it('is told at once, memory first', () => {
    expect(step(CALM, 0, 100 * MI, 50).starved).toEqual([]);
    const { starved, conditions } = step(CALM, 0, 100 * MI - 1, 9);
    expect(starved.map(({ signal }) => signal)).toEqual(['memory.available', 'nodefs.available']);
    expect([...conditions].toSorted()).toEqual(['DiskPressure', 'MemoryPressure']);
  });
  it('stays told for five minutes after it is enough', () => {
    let { state, conditions } = step(CALM, 0, GI, 9);
    ({ state, conditions } = step(state, 10_000, GI, 50));
    expect([...conditions]).toEqual(['DiskPressure']);
    ({ state, conditions } = step(state, 299_999, GI, 50));
    expect([...conditions]).toEqual(['DiskPressure']);
    ({ state, conditions } = step(state, 300_000, GI, 50));
    expect([...conditions]).toEqual([]);
  });
  it('has to be more than just enough again', () => {
    const { state } = step(CALM, 0, GI, 9);
    expect(step(state, 1, GI, 12).starved.map(({ signal }) => signal)).toEqual(['nodefs.available']);
    expect(step(state, 1, GI, 15).starved).toEqual([]);
    expect(step(CALM, 1, GI, 12).starved).toEqual([]);
  });
  it('may be too little for a while where it is said so', () => {
    const soft = parseThresholds(given({ evictionHard: {}, evictionSoft: { 'memory.available': '1Gi' }, evictionSoftGracePeriod: { 'memory.available': '30s' } })); // prettier-ignore
    const at = (state: EvictionState, now: number, available: number) =>
      decide(state, soft, observed({ 'memory.available': [available, 8 * GI] }), { now, transitionMs: 300_000 });
    const first = at(CALM, 0, MI);
    expect(first.starved).toEqual([]);
    expect([...first.conditions]).toEqual(['MemoryPressure']);
    const second = at(first.state, 30_000, MI);
    expect(second.starved).toHaveLength(1);
    // Enough in between begins it anew.
    const relieved = at(first.state, 20_000, 2 * GI);
    expect(at(relieved.state, 35_000, MI).starved).toEqual([]);
  });
  it('properties: never told without a reason, and always where there is one', () => {
    const signals = Object.keys(SIGNALS) as Signal[];
    const all = parseThresholds(given({ evictionHard: Object.fromEntries(signals.map((signal) => [signal, '10%'])) }));
    const looks = fc.array(fc.record({ after: fc.integer({ min: 0, max: 400_000 }), there: fc.dictionary(fc.constantFrom(...signals), fc.integer({ min: 0, max: 100 })) }), { maxLength: 12 }); // prettier-ignore
    fc.assert(
      fc.property(looks, (sequence) => {
        let state = CALM;
        let now = 0;
        for (const { after, there } of sequence) {
          now += after;
          const observations = observed(Object.fromEntries(Object.entries(there).map(([signal, n]) => [signal, [n, 100] as const]))); // prettier-ignore
          const decision = decide(state, all, observations, { now, transitionMs: 300_000 });
          const little = tooLittle(all, observations);
          // Without grace and without more to reclaim both are the same.
          expect(new Set(decision.starved)).toEqual(new Set(little));
          for (const { signal } of little) expect(decision.conditions.has(SIGNALS[signal].condition)).toBe(true);
          for (const condition of decision.conditions) expect(now - decision.state.lastSeen.get(condition)!).toBeLessThan(300_000); // prettier-ignore
          const kinds = decision.starved.map(({ signal }) => SIGNALS[signal].resource === 'memory');
          expect(kinds.toSorted((a, b) => Number(b) - Number(a))).toEqual(kinds);
          ({ state } = decision);
        }
      }),
    );
  });
});

const time = '2026-01-01T00:00:00Z';
const fs = (usedBytes: number, inodesUsed = 0) => ({
  time,
  availableBytes: 0,
  capacityBytes: 0,
  usedBytes,
  inodesUsed,
});
const podOf = (name: string, spec: object = {}): Pod =>
  ({ metadata: { name, namespace: 'd', uid: name }, spec: { containers: [{ name: 'main' }], ...spec } }) as Pod;
const asking = (memory: string) => ({ containers: [{ name: 'main', resources: { requests: { memory } } }] });
const statsOf = (name: string, o: { memory?: number; rootfs?: number; logs?: number; volume?: PodStats['volume']; pids?: number } = {}): PodStats => {
  const cpu = { time, usageNanoCores: 0, usageCoreNanoSeconds: 0 };
  const memory = { time, usageBytes: o.memory ?? 0, workingSetBytes: o.memory ?? 0, rssBytes: 0 };
  return {
    podRef: { name, namespace: 'd', uid: name }, startTime: time, cpu, memory,
    containers: [{ name: 'main', startTime: time, cpu, memory, rootfs: fs(o.rootfs ?? 0), logs: fs(o.logs ?? 0) }],
    ...(o.volume && { volume: o.volume }),
    process_stats: { process_count: o.pids ?? 0 },
    'ephemeral-storage': fs((o.rootfs ?? 0) + (o.logs ?? 0) + (o.volume ?? []).reduce((sum, v) => sum + v.usedBytes, 0)),
  };
}; // prettier-ignore

describe('in which order pods go', () => {
  const order = (signal: Signal, pods: readonly Pod[], stats: readonly PodStats[], hasImageFs = false): string[] =>
    rank(pods, (pod) => stats.find(({ podRef }) => podRef.uid === pod.metadata.uid), signal, hasImageFs).map(({ metadata }) => metadata.name!); // prettier-ignore
  it('memory: of which nothing is known, over their requests, of low priority, furthest over', () => {
    const pods = [
      podOf('within', asking('2Gi')),
      podOf('important', { ...asking('1Mi'), priority: 10 }),
      podOf('little'),
      podOf('much'),
      podOf('unknown'),
    ];
    const stats = [statsOf('within', { memory: GI }), statsOf('important', { memory: 4 * GI }), statsOf('little', { memory: MI }), statsOf('much', { memory: GI })]; // prettier-ignore
    expect(order('memory.available', pods, stats)).toEqual(['unknown', 'much', 'little', 'important', 'within']);
    expect(order('allocatableMemory.available', pods, stats)[0]).toBe('unknown');
  });
  it('disk: logs, layers and volumes together, or by disk where images have one', () => {
    const pods = [podOf('layer'), podOf('logs'), podOf('empty', { volumes: [{ name: 'v', emptyDir: {} }, { name: 'm', emptyDir: { medium: 'Memory' } }] })]; // prettier-ignore
    const stats = [
      statsOf('layer', { rootfs: 30 }),
      statsOf('logs', { logs: 20 }),
      statsOf('empty', { volume: [{ name: 'v', ...fs(25) }, { name: 'm', ...fs(1_000) }] }),
    ]; // prettier-ignore
    expect(order('nodefs.available', pods, stats)).toEqual(['layer', 'empty', 'logs']);
    expect(order('nodefs.available', pods, stats, true)).toEqual(['empty', 'logs', 'layer']);
    expect(order('imagefs.available', pods, stats, true)[0]).toBe('layer');
  });
  it('processes: by priority alone, then the most', () => {
    const pods = [podOf('few'), podOf('many'), podOf('important', { priority: 5 })];
    const stats = [statsOf('few', { pids: 1 }), statsOf('many', { pids: 9 }), statsOf('important', { pids: 99 })];
    expect(order('pid.available', pods, stats)).toEqual(['many', 'few', 'important']);
  });
  it('the message says what was short and whose fault it is', () => {
    const [threshold] = parseThresholds(given({ evictionHard: { 'memory.available': '100Mi' } }));
    const text = evictionMessage(podOf('a', asking('1Gi')), statsOf('a', { memory: 2 * GI }), 'memory', [threshold!], observed({ 'memory.available': [50 * MI, 8 * GI] })); // prettier-ignore
    expect(text).toBe('The node was low on resource: memory. Threshold quantity: 100Mi, available: 50Mi. Container main was using 2Gi, request is 1Gi, has larger consumption of memory. '); // prettier-ignore
    expect(evictionMessage(podOf('a'), undefined, 'inodes', [], new Map())).toBe('The node was low on resource: inodes. '); // prettier-ignore
  });
});

describe('what a pod may keep on the node', () => {
  const limited = (limits: object) => ({ containers: [{ name: 'main', resources: { limits } }] });
  it.each<[string, Pod, PodStats, string | undefined]>([
    ['an emptyDir beyond its size', podOf('a', { volumes: [{ name: 'v', emptyDir: { sizeLimit: '1Mi' } }] }), statsOf('a', { volume: [{ name: 'v', ...fs(MI + 1) }] }), 'Usage of EmptyDir volume "v" exceeds the limit "1Mi". '],
    ['an emptyDir of its size', podOf('a', { volumes: [{ name: 'v', emptyDir: { sizeLimit: '1Mi' } }] }), statsOf('a', { volume: [{ name: 'v', ...fs(MI) }] }), undefined],
    ['more than all its containers may', podOf('a', limited({ 'ephemeral-storage': '10Mi' })), statsOf('a', { logs: 11 * MI }), 'Pod ephemeral local storage usage exceeds the total limit of containers 10Mi. '],
    ['within', podOf('a', limited({ 'ephemeral-storage': '10Mi' })), statsOf('a', { logs: 4 * MI, rootfs: 6 * MI }), undefined],
    ['no limit', podOf('a'), statsOf('a', { logs: GI }), undefined],
  ])('%s', (_, pod, stats, message) => expect(overStorageLimit(pod, stats, false)).toBe(message)); // prettier-ignore
  it('a container beyond its own, where the pod as a whole is within', () => {
    const pod = podOf('a', { containers: [{ name: 'main', resources: { limits: { 'ephemeral-storage': '1Mi' } } }, { name: 'b', resources: { limits: { 'ephemeral-storage': '9Mi' } } }] }); // prettier-ignore
    expect(overStorageLimit(pod, statsOf('a', { rootfs: 2 * MI }), false)).toBe('Container main exceeded its local ephemeral storage limit "1Mi". '); // prettier-ignore
    expect(overStorageLimit(pod, statsOf('a', { rootfs: 2 * MI }), true)).toBeUndefined();
  });
  it('is counted for those alone that have a limit', () => {
    expect(hasStorageLimit(podOf('a', limited({ memory: '1Gi' })))).toBe(false);
    expect(hasStorageLimit(podOf('a', limited({ 'ephemeral-storage': '1Gi' })))).toBe(true);
    expect(hasStorageLimit(podOf('a', { volumes: [{ name: 'v', emptyDir: { sizeLimit: '1Gi' } }] }))).toBe(true);
  });
});

describe('who may come to a node under pressure', () => {
  const tolerant = { tolerations: [{ key: 'node.kubernetes.io/memory-pressure', operator: 'Exists' }] };
  it.each<[string, readonly ('MemoryPressure' | 'DiskPressure' | 'PIDPressure')[], Pod, boolean]>([
    ['none', [], podOf('a'), true],
    ['memory, nothing requested', ['MemoryPressure'], podOf('a'), false],
    ['memory, something requested', ['MemoryPressure'], podOf('a', asking('1Mi')), true],
    ['memory, tolerated', ['MemoryPressure'], podOf('a', tolerant), true],
    ['disk', ['DiskPressure'], podOf('a', asking('1Mi')), false],
    ['disk, critical', ['DiskPressure'], podOf('a', { priority: 2_000_000_000 }), true],
    ['both', ['MemoryPressure', 'DiskPressure'], podOf('a', asking('1Mi')), false],
  ])('%s', (_, conditions, pod, isTaken) => {
    const refusal = refusedUnder(new Set(conditions), pod);
    expect(refusal).toEqual(isTaken ? undefined : { reason: 'Evicted', message: `The node had condition: [${conditions.join(' ')}]. ` }); // prettier-ignore
  });
});

describe('a node that runs out of something', () => {
  let manager: EvictionManager | undefined;
  afterEach(() => manager?.stop());
  function bench(pods: readonly Pod[], o: { unused?: number; endsAfterMs?: number } = {}) {
    const world = testWorld();
    const there = { disk: 100, unused: o.unused ?? 0 };
    const told: string[] = [];
    const graces: number[] = [];
    let conditionChanges = 0;
    const evictables = pods.map((pod): Evictable & { isEvicted: boolean } => {
      const one = {
        pod,
        isEvicted: false,
        hasEnded: false,
        evict(why: { message: string }, graceSeconds: number) {
          if (one.isEvicted) return false;
          one.isEvicted = true;
          graces.push(graceSeconds);
          world.clock.setTimeout(() => {
            one.hasEnded = true;
            there.disk += 10;
          }, o.endsAfterMs ?? 500);
          return why.message !== '';
        },
      };
      return one;
    });
    manager = startEviction({
      world,
      nodeName: 'n1',
      thresholds: parseThresholds(given({ evictionHard: { 'nodefs.available': '10%' } })),
      transitionMs: 300_000,
      maxGraceSeconds: 0,
      observe: async () => observed({ 'nodefs.available': [there.disk, 100] }),
      hasImageFs: async () => false,
      pods: () => evictables.filter(({ hasEnded }) => !hasEnded),
      stats: async () => pods.map(({ metadata }, i) => statsOf(metadata.name!, { rootfs: 10 + i })),
      removeUnused: async () => {
        told.push('removed what nobody uses');
        there.disk += there.unused;
        there.unused = 0;
      },
      tellNode: (reason, message) => told.push(`${reason}: ${message}`),
      tellPod: (pod, reason) => told.push(`${pod.metadata.name} ${reason}`),
      onConditions: () => conditionChanges++,
    });
    return { world, there, told, graces, changes: () => conditionChanges };
  }
  it('removes what nobody uses, and leaves pods alone where that is enough', async () => {
    const b = bench([podOf('a'), podOf('b')], { unused: 20 });
    await b.world.advance(5_000);
    expect(b.told).toEqual([]);
    b.there.disk = 5;
    await b.world.advance(10_000);
    expect(b.told).toEqual(['EvictionThresholdMet: Attempting to reclaim ephemeral-storage', 'removed what nobody uses']); // prettier-ignore
    expect([...manager!.conditions]).toEqual(['DiskPressure']);
    await b.world.advance(310_000);
    expect([...manager!.conditions]).toEqual([]);
    expect(b.changes()).toBe(2);
  });
  it('ends one pod after the other until there is enough', async () => {
    const b = bench([podOf('small'), podOf('large'), podOf('vital', { priority: 2_000_001_000 })]);
    b.there.disk = 0;
    await b.world.advance(9_000);
    expect(b.told.filter((text) => text.endsWith('Evicted'))).toEqual(['large Evicted']);
    expect(b.graces).toEqual([1]);
    b.there.disk = -20;
    await b.world.advance(60_000);
    expect(b.told.filter((text) => text.endsWith('Evicted'))).toEqual(['large Evicted', 'small Evicted']);
  });
  it('waits for the pod that goes before it takes the next', async () => {
    const b = bench([podOf('a'), podOf('b')], { endsAfterMs: 20_000 });
    b.there.disk = 5;
    await b.world.advance(19_000);
    expect(b.graces).toHaveLength(1);
    await b.world.advance(60_000);
    expect(b.graces).toHaveLength(1);
  });
});
