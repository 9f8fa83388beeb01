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
import { METRICS_BINDINGS, METRICS_ROLES } from './metrics.ts';

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
            kinds<ClusterRole>('ClusterRole', [...facts.clusterRoles, ...OWN_ROLES, ...METRICS_ROLES]),
            widerRole,
          ),
          ensureAll(
            ground,
            at('clusterrolebindings'),
            kinds<ClusterRoleBinding>('ClusterRoleBinding', [
              ...facts.clusterRoleBindings,
              ...OWN_BINDINGS,
              ...METRICS_BINDINGS,
            ]),
            widerBinding,
          ),
        ]
      : [
          ensureAll(ground, at('roles'), kinds<Role>('Role', [...facts.roles, ...OWN_LOCAL_ROLES]), widerRole),
          ensureAll(ground, at('rolebindings'), kinds<RoleBinding>('RoleBinding', [...facts.roleBindings, ...OWN_LOCAL_BINDINGS]), widerBinding), // prettier-ignore
        ],
  );
  return counts.reduce((sum, n) => sum + n, 0);
}

const CLOUD = 'system:cloud-controller-manager';
const COREDNS = 'system:coredns';
/**
 * Of components that Kubernetes does not have, by the names of their callers, and of the cloud controller manager, which
 * Kubernetes leaves to who installs it. Its controllers ask as the accounts that Kubernetes has for them.
 */
const OWN_ROLES: Fact<ClusterRole> = [
  {
    metadata: { name: 'kubus:node-authenticator' },
    rules: [
      { apiGroups: [''], resources: ['nodes'], verbs: ['get', 'list', 'watch', 'create', 'patch'] },
      { apiGroups: ['authentication.k8s.io'], resources: ['tokenreviews'], verbs: ['create'] },
    ],
  },
  {
    metadata: { name: CLOUD },
    rules: [
      { apiGroups: [''], resources: ['nodes', 'services'], verbs: ['get', 'list', 'watch'] },
      { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['get', 'list', 'watch'] },
      { apiGroups: ['', 'events.k8s.io'], resources: ['events'], verbs: ['create', 'patch', 'update'] },
    ],
  },
  // Source: kubeadm CoreDNSClusterRole; Kubernetes' own system:kube-dns knows no slices.
  {
    metadata: { name: COREDNS },
    rules: [
      { apiGroups: [''], resources: ['endpoints', 'services', 'pods', 'namespaces'], verbs: ['list', 'watch'] },
      { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list', 'watch'] },
    ],
  },
  {
    metadata: { name: 'kubus:ingress' },
    rules: [
      { apiGroups: [''], resources: ['services'], verbs: ['get', 'list', 'watch'] },
      // Those that Ingresses name, each by its name: which they are nobody can say beforehand.
      { apiGroups: [''], resources: ['secrets'], verbs: ['get', 'list', 'watch'] },
      { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['get', 'list', 'watch'] },
      { apiGroups: ['networking.k8s.io'], resources: ['ingresses'], verbs: ['get', 'list', 'watch'] },
      { apiGroups: ['networking.k8s.io'], resources: ['ingresses/status'], verbs: ['patch'] },
      { apiGroups: ['networking.k8s.io'], resources: ['ingressclasses'], verbs: ['get', 'list', 'watch', 'create'] },
      { apiGroups: ['', 'events.k8s.io'], resources: ['events'], verbs: ['create', 'patch', 'update'] },
    ],
  },
  {
    metadata: { name: 'kubus:local-volumes' },
    rules: [
      { apiGroups: [''], resources: ['persistentvolumeclaims'], verbs: ['get', 'list', 'watch', 'patch'] },
      {
        apiGroups: [''],
        resources: ['persistentvolumes'],
        verbs: ['get', 'list', 'watch', 'create', 'patch', 'delete'],
      },
      { apiGroups: ['storage.k8s.io'], resources: ['storageclasses'], verbs: ['get', 'list', 'watch', 'create'] },
      { apiGroups: [''], resources: ['nodes'], verbs: ['get'] },
      { apiGroups: ['', 'events.k8s.io'], resources: ['events'], verbs: ['create', 'patch', 'update'] },
    ],
  },
  // What each real node has to know of all of them, to lead packets to pods and to keep them away.
  {
    metadata: { name: 'kubus:pod-network' },
    rules: [
      { apiGroups: [''], resources: ['nodes', 'pods', 'namespaces'], verbs: ['list', 'watch'] },
      { apiGroups: ['networking.k8s.io'], resources: ['networkpolicies'], verbs: ['list', 'watch'] },
    ],
  },
];
const LOCK = 'system::leader-locking-cloud-controller-manager';
const ROUTES = 'kubus:routes';
const INGRESS_LOCK = 'kubus:leader-locking-ingress';
const INGRESS = 'system:component:ingress';
const OWN_SERVICE = 'kubus:dns';
const AUTHORITY = 'kubus:authority';
const CLIENT_AUTHORITY = 'kubus:client-authority';
const SELF_NODE_CLIENT = 'system:certificates.k8s.io:certificatesigningrequests:selfnodeclient';
const OWN_LOCAL_ROLES: Fact<Role> = [
  {
    metadata: { name: LOCK, namespace: 'kube-system' },
    rules: [
      { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['create'] },
      {
        apiGroups: ['coordination.k8s.io'],
        resources: ['leases'],
        resourceNames: ['cloud-controller-manager'],
        verbs: ['get', 'update'],
      },
    ],
  },
  {
    metadata: { name: INGRESS_LOCK, namespace: 'kube-system' },
    rules: [
      { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['create'] },
      {
        apiGroups: ['coordination.k8s.io'],
        resources: ['leases'],
        resourceNames: ['kubus-ingress'],
        verbs: ['get', 'update'],
      },
    ],
  },
  // The service by which the cluster's name server is found, and where that is.
  {
    metadata: { name: OWN_SERVICE, namespace: 'kube-system' },
    rules: [
      { apiGroups: [''], resources: ['services'], verbs: ['create'] },
      { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['create', 'update', 'delete'] },
    ],
  },
  // Where the local cloud keeps its table of routes.
  {
    metadata: { name: ROUTES, namespace: 'kube-system' },
    rules: [
      { apiGroups: [''], resources: ['configmaps'], verbs: ['create'] },
      { apiGroups: [''], resources: ['configmaps'], resourceNames: ['kubus-routes'], verbs: ['get', 'patch'] },
    ],
  },
  // By what nodes know API servers.
  {
    metadata: { name: AUTHORITY, namespace: 'kube-public' },
    rules: [{ apiGroups: [''], resources: ['configmaps'], resourceNames: ['kube-root-ca.crt'], verbs: ['get'] }],
  },
];
const OWN_LOCAL_BINDINGS: Fact<RoleBinding> = [
  ...[
    [LOCK, CLOUD],
    [ROUTES, CLOUD],
    [INGRESS_LOCK, INGRESS],
    [OWN_SERVICE, 'system:serviceaccount:kube-system:coredns'],
  ].map(([name = '', user = '']) => ({
    metadata: { name, namespace: 'kube-system' },
    roleRef: { apiGroup: GROUP, kind: 'Role', name },
    subjects: [{ apiGroup: GROUP, kind: 'User', name: user }],
  })),
  {
    metadata: { name: AUTHORITY, namespace: 'kube-public' },
    roleRef: { apiGroup: GROUP, kind: 'Role', name: AUTHORITY },
    subjects: [{ apiGroup: GROUP, kind: 'Group', name: 'system:nodes' }],
  },
  // Whose certificates of clients kubelets believe.
  {
    metadata: { name: CLIENT_AUTHORITY, namespace: 'kube-system' },
    roleRef: { apiGroup: GROUP, kind: 'Role', name: 'extension-apiserver-authentication-reader' },
    subjects: [{ apiGroup: GROUP, kind: 'Group', name: 'system:nodes' }],
  },
];
const OWN_BINDINGS: Fact<ClusterRoleBinding> = [
  // A node's request for its own certificate needs nobody's approval. Source: kubeadm AutoApproveNodeCertificateRotation.
  {
    metadata: { name: 'kubeadm:node-autoapprove-certificate-rotation' },
    roleRef: { apiGroup: GROUP, kind: 'ClusterRole', name: SELF_NODE_CLIENT },
    subjects: [{ apiGroup: GROUP, kind: 'Group', name: 'system:nodes' }],
  },
  {
    metadata: { name: 'kubus:node-authenticator' },
    roleRef: { apiGroup: GROUP, kind: 'ClusterRole', name: 'kubus:node-authenticator' },
    subjects: [{ apiGroup: GROUP, kind: 'User', name: 'system:component:node-authenticator' }],
  },
  {
    metadata: { name: COREDNS },
    roleRef: { apiGroup: GROUP, kind: 'ClusterRole', name: COREDNS },
    subjects: [{ kind: 'ServiceAccount', name: 'coredns', namespace: 'kube-system' }],
  },
  {
    metadata: { name: 'kubus:ingress' },
    roleRef: { apiGroup: GROUP, kind: 'ClusterRole', name: 'kubus:ingress' },
    subjects: [{ apiGroup: GROUP, kind: 'User', name: INGRESS }],
  },
  {
    metadata: { name: 'kubus:local-volumes' },
    roleRef: { apiGroup: GROUP, kind: 'ClusterRole', name: 'kubus:local-volumes' },
    subjects: [{ apiGroup: GROUP, kind: 'User', name: 'system:component:local-volumes' }],
  },
  {
    metadata: { name: 'kubus:pod-network' },
    roleRef: { apiGroup: GROUP, kind: 'ClusterRole', name: 'kubus:pod-network' },
    subjects: [{ apiGroup: GROUP, kind: 'User', name: 'system:component:pod-network' }],
  },
  {
    metadata: { name: CLOUD },
    roleRef: { apiGroup: GROUP, kind: 'ClusterRole', name: CLOUD },
    subjects: [{ apiGroup: GROUP, kind: 'User', name: CLOUD }],
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
