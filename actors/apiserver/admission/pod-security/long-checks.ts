import type { Volume } from '../../../../schemas/generated/core-v1.ts';
import {
  bad,
  isWindows,
  named,
  ownUsers,
  plural,
  quoted,
  setters,
  sorted,
  type PodUnderTest,
  type Verdict,
} from './common.ts';

/** Checks that need more than a few lines; the list of all is in checks.ts. */
const VOLUMES: readonly (keyof Volume)[] = [
  'configMap', 'csi', 'downwardAPI', 'emptyDir', 'ephemeral', 'image', 'persistentVolumeClaim', 'projected', 'secret',
]; // prettier-ignore
const allowedProfile = (type: string | undefined): boolean => type === 'RuntimeDefault' || type === 'Localhost';

export function appArmor(pod: PodUnderTest): Verdict {
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
export function probeHosts(pod: PodUnderTest): Verdict {
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
export function procMount(pod: PodUnderTest): Verdict {
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
export function seLinux(pod: PodUnderTest, minor: number): Verdict {
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
export function seccomp(pod: PodUnderTest, required: boolean): Verdict {
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
export function dropAll(pod: PodUnderTest, minor: number): Verdict {
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
export function volumeTypes({ spec }: PodUnderTest): Verdict {
  const wrong = (spec.volumes ?? []).filter((v) => !VOLUMES.some((type) => v[type] !== undefined));
  if (wrong.length === 0) return undefined;
  const types = new Set(wrong.map((v) => Object.keys(v).find((key) => key !== 'name') ?? 'unknown'));
  return {
    reason: 'restricted volume types',
    detail: `${plural('volume', 'volumes', wrong.length)} ${quoted(wrong.map((v) => v.name))} ${plural('uses', 'use', wrong.length)} ${plural('restricted volume type', 'restricted volume types', types.size)} ${quoted(sorted(types))}`,
  };
}
export function nonRoot(pod: PodUnderTest, minor: number): Verdict {
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
