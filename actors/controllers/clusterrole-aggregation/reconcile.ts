import type { ClusterRole, PolicyRule } from '../../../schemas/generated/rbac-v1.ts';
import { compileSelector } from '../../../schemas/helpers/label-match.ts';
import { equal } from '../../../schemas/meta/equal.ts';
import type { Decision } from '../../runtime/intent.ts';

export const clusterRoles = { group: 'rbac.authorization.k8s.io', version: 'v1', resource: 'clusterroles' } as const;
const MANAGER = 'clusterrole-aggregation-controller';
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
  const { name = '' } = role.metadata;
  const patch = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name },
    // As if it said nothing of them, where there are none: what others have put there is theirs.
    ...(rules.length > 0 && { rules: rules.map(said) }),
  };
  return {
    intents: [
      { op: 'patch', gvr: clusterRoles, namespace: undefined, name, type: 'apply', patch, fieldManager: MANAGER, force: true, tolerate: ['NotFound'] },
    ],
  };
} // prettier-ignore
/** The rule without its empty lists. */
const said = (rule: PolicyRule): object =>
  Object.fromEntries(Object.entries(rule).filter(([, list]) => !Array.isArray(list) || list.length > 0));
