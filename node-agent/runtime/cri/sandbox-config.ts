import { join } from 'node:path';
import type { Container, Pod } from '../../../schemas/generated/core-v1.ts';
import { sandboxLabels } from './labels.ts';
import type { CriSandboxConfig } from './messages.ts';
import type { IdRange, PodDns } from './parts.ts';
import { PROTOCOLS } from './protocol.ts';
import { sandboxSecurityOf } from './security.ts';

/** Folder of a pod's logs. Source: kuberuntime BuildPodLogsDirectory. */
export const podLogFolder = (logs: string, { namespace, name, uid }: Pod['metadata']): string =>
  join(logs, `${namespace}_${name}_${uid}`);

/** What a pod's sandbox is to be. Pure. Source: kuberuntime generatePodSandboxConfig. */
export function sandboxConfig(
  pod: Pod,
  o: { readonly attempt: number; readonly hostname: string; readonly dns: PodDns; readonly cgroupParent: string; readonly logs: string; readonly users?: IdRange | undefined },
): CriSandboxConfig {
  const { metadata, spec } = pod;
  return {
    metadata: { name: metadata.name ?? '', namespace: metadata.namespace ?? '', uid: metadata.uid ?? '', attempt: o.attempt },
    // In the host's network the host's name is the pod's.
    ...(spec?.hostNetwork !== true && { hostname: o.hostname }),
    logDirectory: podLogFolder(o.logs, metadata),
    dnsConfig: { servers: o.dns.servers, searches: o.dns.searches, options: o.dns.options },
    portMappings: (spec?.containers ?? []).flatMap(portMappings),
    labels: sandboxLabels(pod),
    annotations: metadata.annotations ?? {},
    linux: {
      cgroupParent: o.cgroupParent,
      securityContext: sandboxSecurityOf(pod, o.users),
      sysctls: Object.fromEntries((spec?.securityContext?.sysctls ?? []).map(({ name, value }) => [name, value])),
    },
  };
} // prettier-ignore
/** Source: kubelet container MakePortMappings. */
function portMappings({ ports = [] }: Container): CriSandboxConfig['portMappings'] {
  const seen = new Set<string>();
  return ports.flatMap(({ name, protocol = 'TCP', containerPort, hostPort = 0, hostIP }) => {
    const family = hostIP === undefined || hostIP === '' ? 'any' : hostIP.includes(':') ? 'v6' : 'v4';
    const key = name ?? `${family}-${protocol}-${hostIP ?? ''}:${containerPort}:${hostPort}`;
    if (seen.has(key)) return [];
    seen.add(key);
    return [{ protocol: PROTOCOLS[protocol] ?? 0, containerPort, hostPort, hostIp: hostIP }];
  });
}
