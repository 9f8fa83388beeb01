import type { Container, EnvVar, Pod } from '../../../schemas/generated/core-v1.ts';
import { expand } from '../../kubelet/environment/expansion.ts';

export interface Environment {
  readonly values: ReadonlyMap<string, string>;
  /** Variables whose values nobody here knows. */
  isUnknown(name: string): boolean;
}

/** What a container's variables are, as far as its pod says it: not those of ConfigMaps, Secrets and resources. */
export function environmentOf(pod: Pod, container: Container, podIP: string | undefined): Environment {
  const values = new Map([['HOSTNAME', pod.spec?.hostname ?? pod.metadata.name!]]);
  const unknown = new Set<string>();
  for (const variable of container.env ?? []) {
    const value = valueOf(variable, pod, podIP);
    if (value === undefined) unknown.add(variable.name);
    else values.set(variable.name, expand(value, values));
  }
  const isOpen = (container.envFrom?.length ?? 0) > 0;
  return { values, isUnknown: (name) => unknown.has(name) || (isOpen && !values.has(name)) };
}

function valueOf({ value, valueFrom }: EnvVar, pod: Pod, podIP: string | undefined): string | undefined {
  if (!valueFrom) return value ?? '';
  const path = valueFrom.fieldRef?.fieldPath;
  const [, map, key = ''] = /^metadata\.(labels|annotations)\['([^']+)'\]$/.exec(path ?? '') ?? [];
  if (map !== undefined) return pod.metadata[map as 'labels' | 'annotations']?.[key] ?? '';
  switch (path) {
    case 'metadata.name':
      return pod.metadata.name;
    case 'metadata.namespace':
      return pod.metadata.namespace;
    case 'metadata.uid':
      return pod.metadata.uid;
    case 'spec.nodeName':
      return pod.spec?.nodeName;
    case 'spec.serviceAccountName':
      return pod.spec?.serviceAccountName;
    case 'status.podIP':
    case 'status.podIPs':
      return podIP;
    default:
      return undefined;
  }
}
