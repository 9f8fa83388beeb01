import { describe, expect, it } from 'vitest';
import { testWorld } from '../../../actors/runtime/testing/world.ts';
import type { Pod } from '../../../schemas/generated/core-v1.ts';
import type { Evictable } from '../eviction/manager.ts';
import { gracePeriods, waves } from './plan.ts';
import { endPods } from './shutdown.ts';

const podOf = (name: string, priority?: number, grace?: number): Pod =>
  ({ apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec: { containers: [], ...(priority !== undefined && { priority }), ...(grace !== undefined && { terminationGracePeriodSeconds: grace }) } }); // prettier-ignore

describe('who has how long', () => {
  it.each([
    [[], 30, 10, [[0, 20], [2e9, 10]]],
    [[], 0, 0, []],
    [[], 5, 10, []],
    [[{ priority: 100, shutdownGracePeriodSeconds: 3 }, { priority: 0, shutdownGracePeriodSeconds: 7 }], 30, 10, [[0, 7], [100, 3]]],
  ])('%j %i %i', (given, total, critical, expected) => {
    expect(gracePeriods(given, total, critical).map((p) => [p.priority, p.shutdownGracePeriodSeconds])).toEqual(expected);
  }); // prettier-ignore
  it('a pod belongs to the highest that is not above its own', () => {
    const periods = [10, 100, 1000].map((priority) => ({ priority, shutdownGracePeriodSeconds: priority }));
    const pods = [0, 10, 99, 100, 5000].map((priority) => ({ pod: podOf(`p${priority}`, priority) }));
    expect(waves(periods, pods).map(({ grace, pods: of }) => [grace, ...of.map(({ pod }) => pod.metadata.name)])).toEqual([
      [10, 'p0', 'p10', 'p99'], [100, 'p100'], [1000, 'p5000'],
    ]); // prettier-ignore
  });
});
it('waves follow each other as soon as the one before has ended, or its time is over', async () => {
  const world = testWorld();
  const began = world.clock.now();
  const log: string[] = [];
  const at = (): number => (world.clock.now() - began) / 1_000;
  const one = (pod: Pod, endsAfterMs: number): Evictable => {
    const state = {
      pod,
      hasEnded: false,
      evict(why: { reason: string }, grace: number) {
        log.push(`${at()} ${pod.metadata.name} ${why.reason} ${grace}`);
        world.clock.setTimeout(() => (state.hasEnded = true), endsAfterMs);
        return true;
      },
    };
    return state;
  };
  const pods = [one(podOf('vital', 2_000_001_000), 100), one(podOf('quick', 0, 5), 2_000), one(podOf('stubborn', 0), 1e9)]; // prettier-ignore
  let done = false;
  void endPods(world.clock, gracePeriods([], 30, 10), pods).then(() => (done = true));
  await world.advance(21_000);
  expect(log).toEqual(['0 quick Terminated 5', '0 stubborn Terminated 20', '20 vital Terminated 10']);
  expect(done).toBe(true);
});
