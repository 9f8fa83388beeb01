import type { ClusterRole, PolicyRule } from '../../../schemas/generated/rbac-v1.ts';
import { compileSelector } from '../../../schemas/helpers/label-match.ts';
import { equal } from '../../../schemas/meta/equal.ts';
import type { Decision } from '../../runtime/intent.ts';

export const clusterRoles = { group: 'rbac.authorization.k8s.io', version: 'v1', resource: 'clusterroles' } as const;
const NONE: Decision = { intents: [] };

export interface Observed {
  readonly role: ClusterRole;
  readonly all: Iterable<ClusterRole>;
}
/**
 * A role with an aggregation rule holds the rules of all roles that it selects, in the order of their names, each rule
 * once. Source: kubernetes pkg/controller/clusterroleaggregation.
 */
export function reconcile({ role, all }: Observed): Decision {
  const selectors = (role.aggregationRule?.clusterRoleSelectors ?? []).map(compileSelector);
  if (selectors.length === 0 || role.metadata.deletionTimestamp) return NONE;
  const others = [...all]
    .filter((other) => other.metadata.name !== role.metadata.name)
    .sort((a, b) => (a.metadata.name! < b.metadata.name! ? -1 : 1));
  const rules: PolicyRule[] = [];
  for (const selects of selectors)
    for (const other of others)
      if (selects(other.metadata.labels))
        for (const rule of other.rules ?? []) if (!rules.some((known) => equal(known, rule))) rules.push(rule);
  if (equal(role.rules ?? [], rules)) return NONE;
  return { intents: [{ op: 'update', gvr: clusterRoles, object: { ...role, rules } as ClusterRole }] };
}
