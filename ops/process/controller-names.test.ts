import { expect, it } from 'vitest';
import { userOfCaller } from '../../actors/apiserver/doors/callers.ts';
import rbac from '../../schemas/facts/rbac.json' with { type: 'json' };
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
it('has each ask the API as somebody to whom upstream gives rights', () => {
  type Subject = { readonly kind: string; readonly namespace?: string; readonly name: string };
  const bound = new Set(
    [...rbac.clusterRoleBindings, ...rbac.roleBindings]
      .flatMap((binding) => (binding.subjects ?? []) as readonly Subject[])
      .map(({ kind, namespace, name }) =>
        kind === 'ServiceAccount' ? `system:serviceaccount:${namespace}:${name}` : name,
      ),
  );
  expect(CONTROLLERS.filter((name) => !bound.has(userOfCaller(`controller:${name}`).name))).toEqual([]);
});
