import { expect, it } from 'vitest';
import { layoutOf, SIMULATED_FAULTS, simulatedSchedule } from './schedule.ts';

const NODES = ['n1', 'n2'];
const SEEDS = Array.from({ length: 300 }, (_, i) => i + 1);
const of = (seed: number) => {
  const layout = layoutOf(seed, NODES);
  return { layout, faults: simulatedSchedule({ seed, layout, forMs: 10_000 }) };
};

it('follows from the seed alone', () => {
  for (const seed of SEEDS.slice(0, 20)) expect(of(seed)).toEqual(of(seed));
});
it('has every kind of fault, for every sort of process, in time and in order', () => {
  const all = SEEDS.map(of);
  const faults = all.flatMap((one) => one.faults);
  expect(new Set(faults.map(({ kind }) => kind))).toEqual(new Set(SIMULATED_FAULTS));
  expect(new Set(faults.map(({ target }) => target.replace(/[-\d]+$/, '')))).toEqual(
    new Set(['etcd', 'apiserver', 'controllers', 'scheduler', 'n', 'log']),
  );
  for (const { faults: list } of all) {
    expect(list.map(({ at }) => at)).toEqual(list.map(({ at }) => at).sort((a, b) => a - b));
    expect(list.every(({ at, forMs }) => at <= 10_000 && forMs > 0)).toBe(true);
  }
});
it('loses and delays messages only between servers of which there are several', () => {
  for (const { layout, faults } of SEEDS.map(of))
    if (!layout.replicated) expect(faults.filter(({ kind }) => /^(loss|late|election)$/.test(kind))).toEqual([]);
});
it('leaves nodes alone where it is told to', () => {
  for (const seed of SEEDS) {
    const faults = simulatedSchedule({ seed, layout: layoutOf(seed, NODES), forMs: 10_000, nodes: false });
    expect(faults.filter(({ target }) => NODES.includes(target))).toEqual([]);
  }
});
