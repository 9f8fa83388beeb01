import { addressOfLabel, type Address } from '../cluster/address.ts';
import type { Cell, Cluster, ServiceEntry } from '../cluster/cluster.ts';
import type { Port } from '../cluster/facts.ts';
import type { Name } from '../wire/name.ts';

/** One thing that a name of the cluster stands for. */
export type Found =
  | {
      readonly kind: 'address';
      readonly address: Address;
      /** -1: it has none. */
      readonly port: number;
      /** The name of that address alone. */
      readonly owner: Name;
    }
  | { readonly kind: 'alias'; readonly target: Name };

export interface Finding {
  /** `missing`: there is no such name; an empty list: it is there and stands for nothing. */
  readonly found: readonly Found[] | 'missing';
  /** What this was found in. */
  readonly cell: Cell;
}
export type PodMode = 'disabled' | 'insecure' | 'verified';

/**
 * What `labels`, a name below the cluster's domain without that domain, stands for:
 * `service.namespace.svc`, `endpoint.service.namespace.svc`, `_port._protocol.service.namespace.svc`, `address.namespace.pod`.
 * Source: coredns plugin/kubernetes parse.go, kubernetes.go Records; github.com/kubernetes/dns docs/specification.md.
 */
export function find(labels: Name, zone: Name, cluster: Cluster, pods: PodMode): Finding {
  const at = labels.length - 1;
  const [branch, namespace, service] = [labels[at], labels[at - 1], labels[at - 2]];
  if (branch === undefined) return { found: [], cell: cluster.spaces };
  // Of all that names can be too long for: endpoint, or port and protocol.
  if ((branch !== 'svc' && branch !== 'pod') || labels.length > 5) return { found: 'missing', cell: cluster.spaces };
  if (namespace === undefined) return { found: [], cell: cluster.spaces };
  const space = cluster.namespace(namespace);
  if (space === undefined) return { found: 'missing', cell: cluster.spaces };
  if (service === undefined) return { found: [], cell: cluster.spaces };
  if (branch === 'pod') return podNamed(service, namespace, zone, cluster, pods);
  const entry = cluster.service(namespace, service);
  if (entry?.facts === undefined) return { found: 'missing', cell: space };
  const more = labels.slice(0, at - 2);
  const [port, protocol] = more.length === 2 ? more.map(withoutUnderscore) : [];
  const found = ofService(entry, { endpoint: more.length === 1 ? more[0] : undefined, port, protocol }, zone);
  return { found: found.length === 0 ? 'missing' : found, cell: entry };
}
const withoutUnderscore = (label: string): string => label.replace(/^_/, '');

interface Part {
  readonly endpoint: string | undefined;
  readonly port: string | undefined;
  readonly protocol: string | undefined;
}
function ofService(entry: ServiceEntry, part: Part, zone: Name): Found[] {
  const { facts, namespace, name } = entry;
  if (facts?.kind === 'external') {
    const isWhole = part.endpoint === undefined && part.port === undefined;
    return isWhole && facts.target !== undefined ? [{ kind: 'alias', target: facts.target }] : [];
  }
  const own = [name, namespace, 'svc', ...zone];
  const matches = (p: Port): boolean =>
    (part.port === undefined || part.port === '' || p.name === part.port) &&
    (part.protocol === undefined || part.protocol === '' || p.protocol === part.protocol);
  const found: Found[] = [];
  if (facts?.kind === 'clusterIp' && part.endpoint === undefined) {
    for (const p of facts.ports)
      if (matches(p))
        for (const address of facts.addresses) found.push({ kind: 'address', address, port: p.port, owner: own });
    return found;
  }
  for (const { endpoints, ports } of entry.slices.values()) {
    const fitting = ports.filter(matches);
    if (fitting.length === 0) continue;
    for (const { address, label } of endpoints) {
      if (part.endpoint !== undefined && part.endpoint !== label) continue;
      const owner = [label, ...own];
      for (const { port } of fitting) found.push({ kind: 'address', address, port, owner });
    }
  }
  return found;
}
function podNamed(label: string, namespace: string, zone: Name, cluster: Cluster, mode: PodMode): Finding {
  const cell = mode === 'verified' ? cluster.pods : cluster.spaces;
  const address = mode === 'disabled' ? undefined : addressOfLabel(label);
  if (address === undefined || (mode === 'verified' && !cluster.hasPod(namespace, address.text)))
    return { found: 'missing', cell };
  return { cell, found: [{ kind: 'address', address, port: 0, owner: [label, namespace, 'pod', ...zone] }] };
}
