import {
  bad,
  named,
  ownUsers,
  plural,
  quoted,
  setters,
  sorted,
  isWindows,
  type Check,
  type PodUnderTest,
  type Violation,
} from './common.ts';
import { appArmor, dropAll, nonRoot, probeHosts, procMount, seccomp, seLinux, volumeTypes } from './long-checks.ts';

const CAPABILITIES = new Set([
  'AUDIT_WRITE', 'CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'KILL', 'MKNOD', 'NET_BIND_SERVICE', 'SETFCAP', 'SETGID',
  'SETPCAP', 'SETUID', 'SYS_CHROOT',
]); // prettier-ignore
const SYSCTLS: readonly (readonly [since: number, names: readonly string[]])[] = [
  [0, ['kernel.shm_rmid_forced', 'net.ipv4.ip_local_port_range', 'net.ipv4.tcp_syncookies', 'net.ipv4.ping_group_range', 'net.ipv4.ip_unprivileged_port_start']],
  [27, ['net.ipv4.ip_local_reserved_ports']],
  [29, ['net.ipv4.tcp_keepalive_time', 'net.ipv4.tcp_fin_timeout', 'net.ipv4.tcp_keepalive_intvl', 'net.ipv4.tcp_keepalive_probes']],
  [32, ['net.ipv4.tcp_rmem', 'net.ipv4.tcp_wmem']],
]; // prettier-ignore
/**
 * The checks of the Pod Security Standards, each from the minor version on that brought it.
 * Source: k8s.io/pod-security-admission policy/check_*.go.
 */
const CHECKS: readonly Check[] = [
  { id: 'appArmorProfile', level: 'baseline', since: 0, run: appArmor },
  {
    id: 'capabilities_baseline',
    level: 'baseline',
    since: 0,
    run(pod) {
      const found = new Set<string>();
      const names = bad(pod, (c) => {
        const added = (c?.capabilities?.add ?? []).filter((name) => !CAPABILITIES.has(name));
        for (const name of added) found.add(name);
        return added.length > 0;
      });
      return names.length === 0
        ? undefined
        : {
            reason: 'non-default capabilities',
            detail: `${named(names)} must not include ${quoted(sorted(found))} in securityContext.capabilities.add`,
          };
    },
  },
  {
    id: 'hostNamespaces',
    level: 'baseline',
    since: 0,
    run({ spec }) {
      const set = (['hostNetwork', 'hostPID', 'hostIPC'] as const).filter((name) => spec[name] === true);
      return set.length === 0
        ? undefined
        : { reason: 'host namespaces', detail: set.map((name) => `${name}=true`).join(', ') };
    },
  },
  {
    id: 'hostPathVolumes',
    level: 'baseline',
    since: 0,
    run({ spec }) {
      const names = (spec.volumes ?? []).filter((v) => v.hostPath !== undefined).map((v) => v.name);
      return names.length === 0
        ? undefined
        : { reason: 'hostPath volumes', detail: `${plural('volume', 'volumes', names.length)} ${quoted(names)}` };
    },
  },
  {
    id: 'hostPorts',
    level: 'baseline',
    since: 0,
    run(pod) {
      const found = new Set<string>();
      const names = pod.containers
        .filter((c) => {
          const set = (c.ports ?? []).filter((p) => p.hostPort);
          for (const p of set) found.add(String(p.hostPort));
          return set.length > 0;
        })
        .map((c) => c.name);
      return names.length === 0
        ? undefined
        : {
            reason: 'hostPort',
            detail: `${named(names)} ${plural('uses', 'use', names.length)} ${plural('hostPort', 'hostPorts', found.size)} ${sorted(found).join(', ')}`,
          };
    },
  },
  { id: 'hostProbesAndHostLifecycle', level: 'baseline', since: 34, run: probeHosts },
  {
    id: 'privileged',
    level: 'baseline',
    since: 0,
    run(pod) {
      const names = bad(pod, (c) => c?.privileged === true);
      return names.length === 0
        ? undefined
        : { reason: 'privileged', detail: `${named(names)} must not set securityContext.privileged=true` };
    },
  },
  {
    id: 'procMount',
    level: 'baseline',
    since: 0,
    run: (pod, minor) => (ownUsers(pod, minor) ? undefined : procMount(pod)),
  },
  { id: 'seLinuxOptions', level: 'baseline', since: 0, run: seLinux },
  { id: 'seccompProfile_baseline', level: 'baseline', since: 19, run: (pod) => seccomp(pod, false) },
  {
    id: 'sysctls',
    level: 'baseline',
    since: 0,
    run(pod, minor) {
      const allowed = new Set(SYSCTLS.filter(([since]) => since <= minor).flatMap(([, names]) => names));
      const names = (pod.spec.securityContext?.sysctls ?? []).map((s) => s.name).filter((name) => !allowed.has(name));
      return names.length === 0 ? undefined : { reason: 'forbidden sysctls', detail: names.join(', ') };
    },
  },
  {
    id: 'windowsHostProcess',
    level: 'baseline',
    since: 0,
    run(pod) {
      const names = bad(pod, (c) => c?.windowsOptions?.hostProcess === true);
      const podToo = pod.spec.securityContext?.windowsOptions?.hostProcess === true;
      return names.length === 0 && !podToo
        ? undefined
        : {
            reason: 'hostProcess',
            detail: `${setters(podToo, names)} must not set securityContext.windowsOptions.hostProcess=true`,
          };
    },
  },
  {
    id: 'allowPrivilegeEscalation',
    level: 'restricted',
    since: 8,
    run(pod, minor) {
      if (minor >= 25 && isWindows(pod)) return undefined;
      const names = bad(pod, (c) => c?.allowPrivilegeEscalation !== false);
      return names.length === 0
        ? undefined
        : {
            reason: 'allowPrivilegeEscalation != false',
            detail: `${named(names)} must set securityContext.allowPrivilegeEscalation=false`,
          };
    },
  },
  { id: 'capabilities_restricted', level: 'restricted', since: 22, overrides: 'capabilities_baseline', run: dropAll },
  { id: 'procMount_restricted', level: 'restricted', since: 35, overrides: 'procMount', run: procMount },
  { id: 'restrictedVolumes', level: 'restricted', since: 0, overrides: 'hostPathVolumes', run: volumeTypes },
  { id: 'runAsNonRoot', level: 'restricted', since: 0, run: nonRoot },
  {
    id: 'runAsUser',
    level: 'restricted',
    since: 23,
    run(pod, minor) {
      if (ownUsers(pod, minor)) return undefined;
      const names = bad(pod, (c) => c?.runAsUser === 0);
      const podToo = pod.spec.securityContext?.runAsUser === 0;
      return names.length === 0 && !podToo
        ? undefined
        : { reason: 'runAsUser=0', detail: `${setters(podToo, names)} must not set runAsUser=0` };
    },
  },
  {
    id: 'seccompProfile_restricted',
    level: 'restricted',
    since: 19,
    overrides: 'seccompProfile_baseline',
    run: (pod, minor) => (minor >= 25 && isWindows(pod) ? undefined : seccomp(pod, true)),
  },
];

/** Violations of a level at a version, baseline checks first. */
export function violations(pod: PodUnderTest, level: 'baseline' | 'restricted', minor: number): Violation[] {
  const active = CHECKS.filter((c) => c.since <= minor && (level === 'restricted' || c.level === 'baseline'));
  const overridden = new Set(active.map((c) => c.overrides));
  return active
    .filter((c) => !overridden.has(c.id))
    .map((c) => c.run(pod, minor))
    .filter((v) => v !== undefined);
}
