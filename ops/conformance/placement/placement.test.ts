import { describe, expect, test } from 'vitest';
import { differences } from './differences.ts';
import { sampleClusters } from './generate.ts';
import { fingerprint, readGolden, readRefusals, RECORDED } from './golden.ts';
import { ourVerdict } from './ours.ts';
import { refusals } from './refusals.ts';

describe.each(RECORDED.seeds)('clusters of seed %i', (seed) => {
  const { clusters: recorded } = readGolden(seed);
  const some = sampleClusters(seed, RECORDED.count);

  test('are those that the real scheduler was asked about', () => {
    expect(some.map(fingerprint)).toEqual(recorded.map((r) => r.fingerprint));
    expect(recorded.filter(({ verdict }) => verdict.scores !== undefined).length).toBeGreaterThan(RECORDED.count / 4);
    expect(recorded.filter(({ verdict }) => verdict.nominated !== undefined).length).toBeGreaterThan(10);
  });
  test('have their pods placed, scored, refused and preempted for as by the real scheduler', () => {
    const parted = some.flatMap((cluster, i) =>
      differences(recorded[i]!.verdict, ourVerdict(cluster)).map((d) => ({ cluster: i, ...d })),
    );
    expect(parted).toEqual([]);
  });
});

describe('a pod that no node takes is told what the real scheduler tells it:', () => {
  const told = readRefusals();
  test.each(refusals.map(({ name, cluster }) => [name, cluster] as const))('%s', (name, cluster) => {
    expect(told[name]?.message).toMatch(/^0\/\d+ nodes are available: |^no nodes available/);
    expect(ourVerdict(cluster)).toEqual(told[name]);
  });
});
