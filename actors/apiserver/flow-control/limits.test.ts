import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import facts from '../../../schemas/facts/flowcontrol.json' with { type: 'json' };
import type { PriorityLevelConfiguration } from '../../../schemas/generated/flowcontrol-v1.ts';
import { allocate, type Claim } from './allocation.ts';
import { Integrator } from './integrator.ts';
import { Level, levelSpec } from './level.ts';
import { adjust, setNominal } from './limits.ts';

const claims = (...list: readonly [target: number, low: number, high: number][]): Claim[] =>
  list.map(([target, low, high]) => ({ target, low, high }));

describe('seats are divided', () => {
  /** As upstream divides them. */
  it.each<[number, Claim[], number[] | undefined, number]>([
    [100, claims([10, 5, 100], [20, 5, 100]), [33.3333, 66.6667], 3.3333],
    [602, claims([640, 49, 649], [25, 25, 625], [220, 220, 900]), [357, 25, 220], 0.5578],
    [50, claims([10, 5, 20], [30, 30, 31], [1, 0, 100]), [17.2727, 31, 1.7273], 1.7273],
    [40, claims([5, 5, 20], [7, 7, 20]), [20, 20], 4],
    [10, claims([1, 6, 20], [7, 7, 31]), undefined, 0],
    [0, claims([1, 0, 20]), [0], 0],
  ])('%i among %j', (sum, list, shares, fair) => {
    const found = allocate(sum, list);
    expect(found?.shares.map((s) => Math.round(s * 1e4) / 1e4)).toEqual(shares);
    expect(found?.fair ?? 0).toBeCloseTo(fair, 3);
  });
  it('within bounds, to the last, and fairly', () => {
    const claim = fc.tuple(fc.nat(50), fc.nat(50), fc.nat(200)).map(([low, more, room]) => ({ low, target: low + more, high: low + more + room })); // prettier-ignore
    fc.assert(
      fc.property(fc.array(claim, { minLength: 1, maxLength: 8 }), fc.double({ min: 0, max: 1, noNaN: true }), (list, part) => {
        const [low, high] = [list.reduce((s, c) => s + c.low, 0), list.reduce((s, c) => s + c.high, 0)];
        const sum = Math.round(low + (high - low) * part);
        const found = allocate(sum, list);
        expect(found, `${low} to ${high}`).toBeDefined();
        const { shares, fair } = found!;
        if (sum > 0) expect(shares.reduce((a, b) => a + b, 0)).toBeCloseTo(sum, 3);
        for (const [i, c] of list.entries()) {
          if (sum === 0) continue;
          expect(shares[i]).toBeCloseTo(Math.max(c.low, Math.min(c.high, fair * Math.max(c.target, 0.001))), 3);
        }
      }),
    ); // prettier-ignore
  });
});

describe('priority levels', () => {
  const configurations = facts.priorityLevelConfigurations as unknown as PriorityLevelConfiguration[];
  const make = (): Map<string, Level> => {
    const levels = new Map(configurations.map((c) => [c.metadata.name!, new Level(levelSpec(c)!, 0)]));
    setNominal([...levels.values()], 600);
    for (const level of levels.values()) level.current = level.nominal - Math.trunc((level.nominal - level.min) / 2);
    return levels;
  };
  /** nominal, lower and upper limit, and the most seats of one request, as kube-apiserver's metrics say them. */
  it.each<[string, number, number, number, number]>([
    ['exempt', 0, 0, 600, 0],
    ['catch-all', 13, 13, 613, 0],
    ['global-default', 49, 24, 649, 8],
    ['leader-election', 25, 25, 625, 4],
    ['node-high', 98, 73, 698, 15],
    ['system', 74, 50, 674, 12],
    ['workload-high', 98, 49, 698, 15],
    ['workload-low', 245, 24, 845, 37],
  ])('%s: %i seats, %i to %i, %i at most for one request', (name, ...limits) => {
    const { nominal, min, max, maxSeats } = make().get(name)!;
    expect([nominal, min, max, maxSeats]).toEqual(limits);
  });
  it('lend what they do not use, and have it back when they do', () => {
    const levels = make();
    const all = [...levels.values()];
    const [busy, quiet] = [levels.get('global-default')!, levels.get('workload-low')!];
    busy.set.seatsWaiting = 640;
    busy.noteDemand(0);
    adjust(all, 10_000);
    expect([busy.current, quiet.current]).toEqual([368, 24]);
    quiet.set.seatsWaiting = 300;
    quiet.noteDemand(10_000);
    adjust(all, 20_000);
    expect(quiet.current).toBeGreaterThanOrEqual(quiet.nominal);
    expect(all.reduce((sum, level) => sum + level.current, 0)).toBeLessThanOrEqual(all.reduce((sum, level) => sum + level.nominal, 0) + all.length); // prettier-ignore
  });
  it.each<[string, object]>([
    ['exempt by another name', { metadata: { name: 'x' }, spec: { type: 'Exempt', exempt: {} } }],
    ['limited without limits', { metadata: { name: 'x' }, spec: { type: 'Limited' } }],
    ['a hand larger than the deck', { metadata: { name: 'x' }, spec: { type: 'Limited', limited: { limitResponse: { type: 'Queue', queuing: { queues: 2, handSize: 3, queueLengthLimit: 1 } } } } }],
  ])('%s counts as absent', (_name, object) => {
    expect(levelSpec(object as PriorityLevelConfiguration)).toBeUndefined();
  }); // prettier-ignore
});

it('demand is weighted by time', () => {
  const integrator = new Integrator(0);
  integrator.set(4, 0);
  integrator.set(0, 500);
  expect(integrator.take(1000)).toEqual({ seconds: 1, average: 2, deviation: 2, max: 4 });
  expect(integrator.take(1000)).toEqual({ seconds: 0, average: 0, deviation: 0, max: 0 });
});
