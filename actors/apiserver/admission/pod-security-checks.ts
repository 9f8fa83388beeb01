import type {
  Container,
  EphemeralContainer,
  PodSpec,
  SecurityContext,
  Volume,
} from '../../../schemas/generated/core-v1.ts';
import type { ObjectMeta } from '../../../schemas/meta/object.ts';

/**
 * The checks of the Pod Security Standards, each from the minor version on that brought it.
 * Source: k8s.io/pod-security-admission policy/check_*.go.
 */
export interface Violation {
  readonly reason: string;
  readonly detail: string;
}
export interface PodUnderTest {
  readonly metadata: ObjectMeta | undefined;
  readonly spec: PodSpec;
  /** Init containers, containers, ephemeral containers, in this order. */
  readonly containers: readonly (Container | EphemeralContainer)[];
}
type Verdict = Violation | undefined;
interface Check {
  readonly id: string;
  readonly level: 'baseline' | 'restricted';
  readonly since: number;
  /** A baseline check whose place this one takes. */
  readonly overrides?: string;
  /** `minor`: the policy's version, for checks that changed. */
  readonly run: (pod: PodUnderTest, minor: number) => Verdict;
}

const quoted = (items: Iterable<string>): string => [...items].map((item) => `"${item}"`).join(', ');
const sorted = (items: ReadonlySet<string>): string[] => [...items].sort();
const plural = (one: string, many: string, count: number): string => (count === 1 ? one : many);
const named = (names: readonly string[]): string =>
  `${plural('container', 'containers', names.length)} ${quoted(names)}`;
const contextOf = (c: Container | EphemeralContainer): SecurityContext | undefined => c.securityContext;
const bad = (pod: PodUnderTest, test: (context: SecurityContext | undefined) => boolean): string[] =>
  pod.containers.filter((c) => test(contextOf(c))).map((c) => c.name);
/** `pod and containers "a", "b"`. */
const setters = (podToo: boolean, names: readonly string[]): string =>
  [...(podToo ? ['pod'] : []), ...(names.length > 0 ? [named(names)] : [])].join(' and ');
const isWindows = (pod: PodUnderTest): boolean => pod.spec.os?.name === 'windows';
/** Pods with users of their own may do more within them. */
const ownUsers = (pod: PodUnderTest, minor: number): boolean => minor >= 35 && pod.spec.hostUsers === false;

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
const VOLUMES: readonly (keyof Volume)[] = [
  'configMap', 'csi', 'downwardAPI', 'emptyDir', 'ephemeral', 'image', 'persistentVolumeClaim', 'projected', 'secret',
]; // prettier-ignore
const allowedProfile = (type: string | undefined): boolean => type === 'RuntimeDefault' || type === 'Localhost';

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

function appArmor(pod: PodUnderTest): Verdict {
  const values = new Set<string>();
  const wrong = (type: string | undefined): boolean => {
    if (type === undefined || allowedProfile(type)) return false;
    values.add(type);
    return true;
  };
  const podToo = wrong(pod.spec.securityContext?.appArmorProfile?.type);
  const names = bad(pod, (c) => wrong(c?.appArmorProfile?.type));
  const annotations = Object.entries(pod.metadata?.annotations ?? {})
    .filter(([key]) => key.startsWith('container.apparmor.security.beta.kubernetes.io/'))
    .filter(([, value]) => value !== '' && value !== 'runtime/default' && !value.startsWith('localhost/'))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .sort();
  const who = [
    setters(podToo, names),
    annotations.length > 0 ? plural('annotation', 'annotations', annotations.length) : '',
  ]
    .filter((text) => text !== '')
    .join(' and ');
  if (who === '') return undefined;
  const all = [...sorted(values), ...annotations];
  return {
    reason: plural('forbidden AppArmor profile', 'forbidden AppArmor profiles', all.length),
    detail: `${who} must not set AppArmor profile type to ${quoted(all)}`,
  };
}
function probeHosts(pod: PodUnderTest): Verdict {
  const hosts = new Set<string>();
  const names = new Set<string>();
  for (const c of pod.containers)
    for (const h of [c.livenessProbe, c.readinessProbe, c.startupProbe, c.lifecycle?.postStart, c.lifecycle?.preStop])
      for (const host of [h?.httpGet?.host, h?.tcpSocket?.host])
        if (host) {
          hosts.add(host);
          names.add(c.name);
        }
  if (names.size === 0) return undefined;
  return {
    reason: 'probe or lifecycle host',
    detail: `${named(sorted(names))} ${plural('uses', 'use', names.size)} ${plural('probe or lifecycle host', 'probe or lifecycle hosts', hosts.size)} ${quoted(sorted(hosts))}`,
  };
}
function procMount(pod: PodUnderTest): Verdict {
  const types = new Set<string>();
  const names = bad(pod, (c) => {
    if (c?.procMount === undefined || c.procMount === 'Default') return false;
    types.add(c.procMount);
    return true;
  });
  return names.length === 0
    ? undefined
    : {
        reason: 'procMount',
        detail: `${named(names)} must not set securityContext.procMount to ${quoted(sorted(types))}`,
      };
}
function seLinux(pod: PodUnderTest, minor: number): Verdict {
  const allowed = [
    '',
    'container_t',
    'container_init_t',
    'container_kvm_t',
    ...(minor >= 31 ? ['container_engine_t'] : []),
  ];
  const types = new Set<string>();
  let [user, role] = [false, false];
  const wrong = (
    o: { type?: string | undefined; user?: string | undefined; role?: string | undefined } | undefined,
  ): boolean => {
    if (o === undefined) return false;
    const type = !allowed.includes(o.type ?? '');
    if (type) types.add(o.type ?? '');
    user ||= Boolean(o.user);
    role ||= Boolean(o.role);
    return type || Boolean(o.user) || Boolean(o.role);
  };
  const podToo = wrong(pod.spec.securityContext?.seLinuxOptions);
  const names = bad(pod, (c) => wrong(c?.seLinuxOptions));
  if (!podToo && names.length === 0) return undefined;
  const data = [
    ...(types.size > 0 ? [`${plural('type', 'types', types.size)} ${quoted(sorted(types))}`] : []),
    ...(user ? ['user may not be set'] : []),
    ...(role ? ['role may not be set'] : []),
  ];
  return {
    reason: 'seLinuxOptions',
    detail: `${setters(podToo, names)} set forbidden securityContext.seLinuxOptions: ${data.join('; ')}`,
  };
}
function seccomp(pod: PodUnderTest, required: boolean): Verdict {
  const values = new Set<string>();
  const own = pod.spec.securityContext?.seccompProfile;
  const podToo = own !== undefined && !allowedProfile(own.type);
  if (podToo) values.add(own.type);
  const names = bad(pod, (c) => {
    const type = c?.seccompProfile?.type;
    if (type === undefined || allowedProfile(type)) return false;
    values.add(type);
    return true;
  });
  if (podToo || names.length > 0)
    return {
      reason: 'seccompProfile',
      detail: `${setters(podToo, names)} must not set securityContext.seccompProfile.type to ${quoted(sorted(values))}`,
    };
  const without = required && own === undefined ? bad(pod, (c) => c?.seccompProfile === undefined) : [];
  return without.length === 0
    ? undefined
    : {
        reason: 'seccompProfile',
        detail: `pod or ${named(without)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"`,
      };
}
function dropAll(pod: PodUnderTest, minor: number): Verdict {
  if (minor >= 25 && isWindows(pod)) return undefined;
  const found = new Set<string>();
  const keeping = bad(pod, (c) => !(c?.capabilities?.drop ?? []).includes('ALL'));
  const adding = bad(pod, (c) => {
    const added = (c?.capabilities?.add ?? []).filter((name) => name !== 'NET_BIND_SERVICE');
    for (const name of added) found.add(name);
    return added.length > 0;
  });
  const details = [
    ...(keeping.length > 0 ? [`${named(keeping)} must set securityContext.capabilities.drop=["ALL"]`] : []),
    ...(adding.length > 0
      ? [`${named(adding)} must not include ${quoted(sorted(found))} in securityContext.capabilities.add`]
      : []),
  ];
  return details.length === 0 ? undefined : { reason: 'unrestricted capabilities', detail: details.join('; ') };
}
function volumeTypes({ spec }: PodUnderTest): Verdict {
  const wrong = (spec.volumes ?? []).filter((v) => !VOLUMES.some((type) => v[type] !== undefined));
  if (wrong.length === 0) return undefined;
  const types = new Set(wrong.map((v) => Object.keys(v).find((key) => key !== 'name') ?? 'unknown'));
  return {
    reason: 'restricted volume types',
    detail: `${plural('volume', 'volumes', wrong.length)} ${quoted(wrong.map((v) => v.name))} ${plural('uses', 'use', wrong.length)} ${plural('restricted volume type', 'restricted volume types', types.size)} ${quoted(sorted(types))}`,
  };
}
function nonRoot(pod: PodUnderTest, minor: number): Verdict {
  if (ownUsers(pod, minor)) return undefined;
  const own = pod.spec.securityContext?.runAsNonRoot;
  const names = bad(pod, (c) => c?.runAsNonRoot === false);
  if (own === false || names.length > 0)
    return {
      reason: 'runAsNonRoot != true',
      detail: `${setters(own === false, names)} must not set securityContext.runAsNonRoot=false`,
    };
  const without = own === true ? [] : bad(pod, (c) => c?.runAsNonRoot === undefined);
  return without.length === 0
    ? undefined
    : { reason: 'runAsNonRoot != true', detail: `pod or ${named(without)} must set securityContext.runAsNonRoot=true` };
}
