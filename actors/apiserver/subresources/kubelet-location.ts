import type { Node } from '../../../schemas/generated/core-v1.ts';
import type { Core } from '../core.ts';
import { notFound, plain } from '../errors.ts';
import type { BackendLocation } from '../outbound/backend.ts';

/** Source: kube-apiserver --kubelet-preferred-address-types, KubeletPort. */
const PREFERRED = ['Hostname', 'InternalDNS', 'InternalIP', 'ExternalDNS', 'ExternalIP'];
const KUBELET_PORT = 10_250;

/**
 * Where the kubelet of a node listens. Throws NotFound in the words of who asks: a node is an object like another to
 * `nodes/proxy`, and to what is about a pod `pods "n" not found`. Source: pkg/kubelet/client GetConnectionInfo.
 */
export function kubeletLocation(core: Core, name: string, asks: { readonly group: string; readonly resource: string }): BackendLocation {
  const nodes = core.registry.lookup({ group: '', version: 'v1', resource: 'nodes' })!;
  const node = core.cache.get<Node & { metadata: { name: string } }>(nodes, '', name);
  if (node === undefined) throw notFound(asks, name);
  const known = node.status?.addresses ?? [];
  for (const type of PREFERRED) {
    const found = known.find((a) => a.type === type);
    if (found === undefined) continue;
    const port = node.status?.daemonEndpoints?.kubeletEndpoint?.Port ?? 0;
    return { scheme: 'https', host: found.address, port: port > 0 ? port : KUBELET_PORT };
  }
  const shown = known.map((a) => `{${a.type} ${a.address}}`).join(' ');
  throw plain(`no preferred addresses found; known addresses: [${shown}]`);
} // prettier-ignore
