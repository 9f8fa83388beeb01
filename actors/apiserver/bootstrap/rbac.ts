import facts from '../../../schemas/facts/rbac.json' with { type: 'json' };
import type {
  ClusterRole,
  ClusterRoleBinding,
  PolicyRule,
  Role,
  RoleBinding,
  Subject,
} from '../../../schemas/generated/rbac-v1.ts';
import { missingRights } from '../authorization/rules.ts';
import { ensureAll, resourceOf, type Ground } from './ensure.ts';

const GROUP = 'rbac.authorization.k8s.io';
const AUTOUPDATE = 'rbac.authorization.kubernetes.io/autoupdate';
type AnyRole = ClusterRole | Role;
type AnyBinding = ClusterRoleBinding | RoleBinding;
type Fact<T> = readonly Omit<T, 'apiVersion' | 'kind'>[];

const kinds = <T>(kind: string, list: unknown): T[] =>
  (list as Fact<T>).map((o) => ({ kind, apiVersion: `${GROUP}/v1`, ...o }) as T);

/**
 * Roles and bindings of a fresh cluster. What is missing is made again at each start, what was narrowed is widened again
 * unless its autoupdate annotation says `false`; what was added is left. Source: kubernetes pkg/registry/rbac/reconciliation.
 */
export async function ensureRbac(ground: Ground, scope: 'cluster' | 'namespaced'): Promise<number> {
  const at = (resource: string) => resourceOf(ground, { group: GROUP, version: 'v1', resource });
  const counts = await Promise.all(
    scope === 'cluster'
      ? [
          ensureAll(
            ground,
            at('clusterroles'),
            kinds<ClusterRole>('ClusterRole', [...facts.clusterRoles, ...OWN_ROLES]),
            widerRole,
          ),
          ensureAll(
            ground,
            at('clusterrolebindings'),
            kinds<ClusterRoleBinding>('ClusterRoleBinding', [...facts.clusterRoleBindings, ...OWN_BINDINGS]),
            widerBinding,
          ),
        ]
      : [
          ensureAll(ground, at('roles'), kinds<Role>('Role', facts.roles), widerRole),
          ensureAll(ground, at('rolebindings'), kinds<RoleBinding>('RoleBinding', facts.roleBindings), widerBinding),
        ],
  );
  return counts.reduce((sum, n) => sum + n, 0);
}

/** Of components that Kubernetes does not have, by the names of their callers. */
const OWN_ROLES: Fact<ClusterRole> = [
  {
    metadata: { name: 'kubus:node-authenticator' },
    rules: [
      { apiGroups: [''], resources: ['nodes'], verbs: ['get', 'list', 'watch', 'create'] },
      { apiGroups: ['authentication.k8s.io'], resources: ['tokenreviews'], verbs: ['create'] },
    ],
  },
];
const OWN_BINDINGS: Fact<ClusterRoleBinding> = [
  {
    metadata: { name: 'kubus:node-authenticator' },
    roleRef: { apiGroup: GROUP, kind: 'ClusterRole', name: 'kubus:node-authenticator' },
    subjects: [{ apiGroup: GROUP, kind: 'User', name: 'system:component:node-authenticator' }],
  },
];

const frozen = (o: AnyRole | AnyBinding): boolean => o.metadata.annotations?.[AUTOUPDATE] === 'false';
const missingPairs = (
  present: Readonly<Record<string, string>> | undefined,
  wanted: Readonly<Record<string, string>> | undefined,
): boolean => Object.keys(wanted ?? {}).some((key) => present?.[key] === undefined);
const mergedMetadata = (present: AnyRole | AnyBinding, wanted: AnyRole | AnyBinding) => ({
  ...present.metadata,
  labels: { ...wanted.metadata.labels, ...present.metadata.labels },
  annotations: { ...wanted.metadata.annotations, ...present.metadata.annotations },
});
const sameMetadata = (present: AnyRole | AnyBinding, wanted: AnyRole | AnyBinding): boolean =>
  !missingPairs(present.metadata.labels, wanted.metadata.labels) &&
  !missingPairs(present.metadata.annotations, wanted.metadata.annotations);

export function widerRole<T extends AnyRole>(present: T, wanted: T): T | undefined {
  if (frozen(present)) return undefined;
  const aggregation = (wanted as ClusterRole).aggregationRule;
  // Rules of an aggregated role are the sum of others: not ours to add to.
  const missing: readonly PolicyRule[] =
    aggregation === undefined ? missingRights(present.rules ?? [], wanted.rules ?? []) : [];
  const own = (present as ClusterRole).aggregationRule;
  const selectors = (aggregation?.clusterRoleSelectors ?? []).filter(
    (s) => !(own?.clusterRoleSelectors ?? []).some((p) => JSON.stringify(p) === JSON.stringify(s)),
  );
  if (missing.length === 0 && selectors.length === 0 && sameMetadata(present, wanted)) return undefined;
  const added = (wanted.rules ?? []).filter((rule) => missingRights(present.rules ?? [], [rule]).length > 0);
  return {
    ...present,
    metadata: mergedMetadata(present, wanted),
    ...(missing.length > 0 && { rules: [...(present.rules ?? []), ...added] }),
    ...(selectors.length > 0 && {
      aggregationRule: { clusterRoleSelectors: [...(own?.clusterRoleSelectors ?? []), ...selectors] },
    }),
  };
}

const sameSubject = (a: Subject, b: Subject): boolean =>
  a.kind === b.kind && a.name === b.name && (a.namespace ?? '') === (b.namespace ?? '');
/** The role of a binding cannot be changed; one that points elsewhere is left as it is. */
export function widerBinding<T extends AnyBinding>(present: T, wanted: T): T | undefined {
  if (frozen(present)) return undefined;
  const missing = (wanted.subjects ?? []).filter((s) => !(present.subjects ?? []).some((p) => sameSubject(p, s)));
  if (missing.length === 0 && sameMetadata(present, wanted)) return undefined;
  return {
    ...present,
    metadata: mergedMetadata(present, wanted),
    subjects: [...(present.subjects ?? []), ...missing],
  };
}
