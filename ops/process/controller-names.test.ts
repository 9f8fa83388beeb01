import { expect, it } from 'vitest';
import { CONTROLLERS as starters } from './controller-manager.ts';
import { CONTROLLER_GROUPS, CONTROLLERS, leaseOf } from './controller-names.ts';

it('puts every controller into one group, and each group under a lease of its own', () => {
  const grouped = Object.values(CONTROLLER_GROUPS).flat();
  expect(grouped.toSorted()).toEqual([...CONTROLLERS].toSorted());
  expect(grouped.toSorted()).toEqual(Object.keys(starters).toSorted());
  const groups = Object.keys(CONTROLLER_GROUPS);
  expect(new Set(groups.map(leaseOf)).size).toBe(groups.length);
  expect(groups.map(leaseOf)).toContain('kube-controller-manager');
});
