import { defineResource, type Errors } from '../define.ts';
import type { ClusterRole, PolicyRule, Role } from '../generated/rbac-v1.ts';
import { invalid, required, type FieldPath } from '../meta/field.ts';
import { pathSegment } from '../meta/names.ts';
import { validateLabelSelector } from '../meta/selectors.ts';

/** Names of roles and bindings are path segments: `system:node` is one. */
export const rbacName = (name: string): readonly string[] => pathSegment(name);

export const role = defineResource<Role>({
  group: 'rbac.authorization.k8s.io', version: 'v1', resource: 'roles',
  metadataChecks: ['whole', 'changes'],
  allowCreateOnUpdate: true,
  validateName: rbacName,
  *validate({ rules }, at) {
    yield* validateRules(rules ?? [], true, at('rules'));
  },
  cells: ({ metadata }) => [metadata.name ?? '', metadata.creationTimestamp ?? null],
}); // prettier-ignore

export const clusterRole = defineResource<ClusterRole>({
  group: 'rbac.authorization.k8s.io', version: 'v1', resource: 'clusterroles',
  metadataChecks: ['whole', 'changes'],
  allowCreateOnUpdate: true,
  validateName: rbacName,
  *validate({ rules, aggregationRule }, at) {
    yield* validateRules(rules ?? [], false, at('rules'));
    if (!aggregationRule) return;
    const here = at('aggregationRule')('clusterRoleSelectors');
    const selectors = aggregationRule.clusterRoleSelectors ?? [];
    if (selectors.length === 0) yield required(here, 'at least one clusterRoleSelector required if aggregationRule is non-nil');
    for (const [i, selector] of selectors.entries()) {
      const found = [...validateLabelSelector(selector, here(i))];
      yield* found;
      if (found.length > 0) yield invalid(here(i), null, 'invalid label selector.');
    }
  },
  cells: ({ metadata }) => [metadata.name ?? '', metadata.creationTimestamp ?? null],
}); // prettier-ignore

/** Source: pkg/apis/rbac/validation ValidatePolicyRule. */
function* validateRules(rules: readonly PolicyRule[], isNamespaced: boolean, path: FieldPath): Errors {
  for (const [i, rule] of rules.entries()) {
    const at = path(i);
    const { verbs, apiGroups = [], resources = [], resourceNames = [], nonResourceURLs: urls = [] } = rule;
    if (!verbs?.length) yield required(at('verbs'), 'verbs must contain at least one value');
    if (urls.length > 0) {
      if (isNamespaced) yield invalid(at('nonResourceURLs'), urls, 'namespaced rules cannot apply to non-resource URLs');
      if (apiGroups.length > 0 || resources.length > 0 || resourceNames.length > 0)
        yield invalid(at('nonResourceURLs'), urls, 'rules cannot apply to both regular resources and non-resource URLs');
      continue;
    }
    if (apiGroups.length === 0) yield required(at('apiGroups'), 'resource rules must supply at least one api group');
    if (resources.length === 0) yield required(at('resources'), 'resource rules must supply at least one resource');
  }
} // prettier-ignore
