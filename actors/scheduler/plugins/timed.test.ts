import { describe, expect, it } from 'vitest';
import { createRegistry } from '../../runtime/metrics/registry.ts';
import { realWorld } from '../../../bus/real-world.ts';
import { schedulerMetrics } from '../metrics.ts';
import { schedule } from '../schedule.ts';
import { aNode, aPod } from '../testing/objects.ts';
import { cycleOf, snapshotOf } from '../testing/place.ts';
import { defaultProfile } from './profile.ts';
import { timed } from './timed.ts';

describe('what plugins are asked, and how long they take', () => {
  it('is counted: of a node that refuses nobody behind the refusing plugin is asked', () => {
    const asked = new Map<string, number>();
    const took = new Set<string>();
    const { elapsed, passed } = schedulerMetrics(createRegistry(), realWorld({ level: 'silent' }).clock, 'p');
    const metrics = {
      elapsed,
      passed,
      evaluated: (point: string, plugin: string, n: number) => void asked.set(`${point} ${plugin}`, (asked.get(`${point} ${plugin}`) ?? 0) + n), // prettier-ignore
      took: (point: string, plugin: string, status: string) => void took.add(`${point} ${plugin} ${status}`),
    };
    const snapshot = snapshotOf([aNode('a'), aNode('b'), aNode('c', { spec: { unschedulable: true } }), aNode('d', { allocatable: { cpu: '1' } })]); // prettier-ignore
    const verdict = schedule(cycleOf(aPod('p', { requests: { cpu: '2' } }), snapshot), { profile: timed(defaultProfile, metrics), startIndex: 0, random: () => 0.5, metrics }); // prettier-ignore
    expect(verdict).toMatchObject({ feasible: 2, evaluated: 4 });
    expect(asked.get('Filter NodeUnschedulable')).toBe(4);
    expect(asked.get('Filter NodeResourcesFit')).toBe(3);
    expect(asked.get('PreFilter NodeResourcesFit')).toBe(1);
    expect(asked.has('PreFilter NodeName')).toBe(false);
    expect(asked.get('Score NodeResourcesFit')).toBe(2);
    expect([...took].filter((t) => t.includes('NodeResourcesFit'))).toEqual([
      'PreFilter NodeResourcesFit Success',
      'Filter NodeResourcesFit Success',
      'Filter NodeResourcesFit UnschedulableAndUnresolvable',
      'PreScore NodeResourcesFit Success',
      'Score NodeResourcesFit Success',
    ]);
  });
});
