import rbac from '../../../schemas/facts/rbac.json' with { type: 'json' };
import type { UserInfo } from '../request.ts';

/** A component that speaks over the bus, as the user that Kubernetes knows it by. */
export interface Caller extends UserInfo {
  /** Stands for the User-Agent: the default field manager. */
  readonly agent: string;
}
const AUTHENTICATED = 'system:authenticated';
const ACCOUNT_GROUPS = ['system:serviceaccounts', 'system:serviceaccounts:kube-system'];
const FIXED: Readonly<Record<string, Omit<Caller, 'agent'>>> = {
  scheduler: { name: 'system:kube-scheduler', groups: [AUTHENTICATED] },
  'controller-manager': { name: 'system:kube-controller-manager', groups: [AUTHENTICATED] },
  'cloud-controller-manager': { name: 'system:cloud-controller-manager', groups: [AUTHENTICATED] },
  admin: { name: 'kubernetes-admin', groups: ['system:masters', AUTHENTICATED] },
  // Source: kubeadm CoreDNSServiceAccount.
  dns: { name: 'system:serviceaccount:kube-system:coredns', groups: [...ACCOUNT_GROUPS, AUTHENTICATED] },
  // Source: metrics-server manifests.
  metrics: { name: 'system:serviceaccount:kube-system:metrics-server', groups: [...ACCOUNT_GROUPS, AUTHENTICATED] },
  'kube-proxy': { name: 'system:kube-proxy', groups: [AUTHENTICATED] },
};
/** Accounts that roles are bound to. */
const ACCOUNTS: ReadonlySet<string> = new Set(
  [...rbac.clusterRoleBindings, ...rbac.roleBindings].flatMap((b) => (b.subjects as readonly { kind: string; name: string }[] | undefined) ?? [])
    .filter((s) => s.kind === 'ServiceAccount').map((s) => s.name),
); // prettier-ignore
/** Controllers whose account is named otherwise. Source: bootstrappolicy controller_policy.go. */
const ALIASES: Readonly<Record<string, string>> = {
  'garbage-collector': 'generic-garbage-collector',
  'pod-gc': 'pod-garbage-collector',
  'node-lifecycle': 'node-controller',
  'node-ipam': 'node-controller',
  'taint-eviction': 'node-controller',
  // Source: k8s.io/cloud-provider/app DefaultInitFuncConstructors.
  'cloud-node': 'node-controller',
  'cloud-node-lifecycle': 'node-controller',
  'node-ttl': 'ttl-controller',
  resourceclaim: 'resource-claim-controller',
  endpoints: 'endpoint-controller',
  daemonset: 'daemon-set-controller',
  replicationcontroller: 'replication-controller',
  'root-ca': 'root-ca-cert-publisher',
  serviceaccount: 'service-account-controller',
  'persistentvolume-binder': 'persistent-volume-binder',
  'persistentvolume-expander': 'expand-controller',
  'persistentvolume-attach-detach': 'attachdetach-controller',
  'csr-signing': 'certificate-controller',
  'csr-approving': 'certificate-controller',
  'csr-cleaner': 'certificate-controller',
  'legacy-serviceaccount-token-cleaner': 'legacy-service-account-token-cleaner',
};
/** Those that the cloud controller manager runs. */
const OF_CLOUD: ReadonlySet<string> = new Set(['cloud-node', 'cloud-node-lifecycle', 'route', 'service']);
function accountOf(controller: string): string {
  if (ACCOUNTS.has(controller)) return controller;
  if (ACCOUNTS.has(`${controller}-controller`)) return `${controller}-controller`;
  return (Object.hasOwn(ALIASES, controller) && ALIASES[controller]) || `${controller}-controller`;
}
const known = new Map<string, Caller>();

/** The user of `<caller>`; an unknown one is an authenticated user without rights. */
export function userOfCaller(caller: string): Caller {
  let user = known.get(caller);
  if (user === undefined) {
    user = make(caller);
    if (known.size > 10_000) known.clear();
    known.set(caller, user);
  }
  return user;
}
function make(caller: string): Caller {
  const fixed = Object.hasOwn(FIXED, caller) ? FIXED[caller] : undefined;
  if (fixed !== undefined) return { ...fixed, agent: caller };
  const colon = caller.indexOf(':');
  const kind = caller.slice(0, Math.max(0, colon));
  const rest = caller.slice(colon + 1);
  if (kind === 'node')
    return { name: `system:node:${rest}`, groups: ['system:nodes', AUTHENTICATED], agent: 'kubelet' };
  // It makes the accounts' own credentials, so it has none of its own. Source: cmd/kube-controller-manager/app.
  if (caller === 'controller:serviceaccount-token')
    return { ...FIXED['controller-manager']!, agent: 'kube-controller-manager' };
  if (kind === 'controller') {
    return {
      name: `system:serviceaccount:kube-system:${accountOf(rest)}`,
      groups: [...ACCOUNT_GROUPS, AUTHENTICATED],
      agent: OF_CLOUD.has(rest) ? 'cloud-controller-manager' : 'kube-controller-manager',
    };
  }
  return { name: `system:component:${caller}`, groups: [AUTHENTICATED], agent: caller };
}
