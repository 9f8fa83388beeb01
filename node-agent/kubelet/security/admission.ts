import type { Node, Pod } from '../../../schemas/generated/core-v1.ts';
import { goQuote } from '../../../schemas/meta/go-quote.ts';
import type { Refusal } from '../admission.ts';
import { wantsAppArmor } from './app-armor.ts';

/** What a node's kernel can do that others cannot. */
export interface KernelFacts {
  readonly appArmor: boolean;
}
/** What changes nothing for any other pod, and whose it is. Source: kubelet sysctl/safe_sysctls.go, node/util/sysctl namespace.go. */
const SAFE_SYSCTLS: ReadonlyMap<string, 'IPC' | 'Net'> = new Map([
  ['kernel.shm_rmid_forced', 'IPC'],
  ...[
    'ip_local_port_range', 'tcp_syncookies', 'ping_group_range', 'ip_unprivileged_port_start', 'ip_local_reserved_ports',
    'tcp_keepalive_time', 'tcp_fin_timeout', 'tcp_keepalive_intvl', 'tcp_keepalive_probes', 'tcp_rmem', 'tcp_wmem',
  ].map((name) => [`net.ipv4.${name}`, 'Net'] as const),
]); // prettier-ignore

/** Kernel parameters of a pod that would change those of others. Pure. Source: kubelet sysctl/allowlist.go. */
export function admitSysctls({ spec }: Pod): Refusal | undefined {
  for (const { name } of spec?.securityContext?.sysctls ?? []) {
    const why = sysctlProblem(dotted(name), spec?.hostNetwork === true, spec?.hostIPC === true);
    if (why !== undefined) return { reason: 'SysctlForbidden', message: `forbidden sysctl: ${why}` };
  }
  return undefined;
}
function sysctlProblem(name: string, hostNet: boolean, hostIPC: boolean): string | undefined {
  const whose = SAFE_SYSCTLS.get(name);
  if (whose === undefined) return `${goQuote(name)} not allowlisted`;
  if (whose === 'IPC' ? hostIPC : hostNet) return `${goQuote(name)} not allowed with host ${whose} enabled`;
  return undefined;
}
/** `net/ipv4/x` is `net.ipv4.x`; what the first separator is counts. Source: node/util/sysctl NormalizeName. */
const dotted = (name: string): string => {
  const first = /[./]/.exec(name)?.[0];
  return first === '/' ? name.replaceAll(/[./]/g, (c) => (c === '/' ? '.' : '/')) : name;
};
/** What the node cannot hold its containers to. Pure. Source: kubelet lifecycle/predicate.go, lifecycle/handlers.go. */
export function admitSecurity(pod: Pod, node: Node, { appArmor }: KernelFacts): Refusal | undefined {
  const isStrict = pod.spec?.securityContext?.supplementalGroupsPolicy === 'Strict';
  if (isStrict && node.status?.features?.supplementalGroupsPolicy !== true)
    return { reason: 'SupplementalGroupsPolicyNotSupported', message: 'SupplementalGroupsPolicy=Strict is not supported in this node' };
  if (!appArmor && wantsAppArmor(pod))
    return { reason: 'AppArmor', message: 'Cannot enforce AppArmor: AppArmor is not enabled on the host' };
  return undefined;
} // prettier-ignore
