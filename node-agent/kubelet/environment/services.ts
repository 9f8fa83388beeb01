import type { Service } from '../../../schemas/generated/core-v1.ts';

/** Of the default namespace; pods everywhere find the API by it. Source: kubelet masterServices. */
const API = { namespace: 'default', name: 'kubernetes' };

/**
 * Variables that tell a container of a namespace where its services are: all of them if the pod wants links, the API in
 * any case. Source: kubelet getServiceEnvVarMap, pkg/kubelet/envvars FromServices.
 */
export function serviceVariables(services: Iterable<Service>, namespace: string, links: boolean): Map<string, string> {
  const seen = new Map<string, Service>();
  for (const service of services) {
    const { name = '', namespace: at } = service.metadata;
    const clusterIP = service.spec?.clusterIP;
    if (!clusterIP || clusterIP === 'None') continue;
    // Who has a service of the API's name of its own sees that, as far as it wants to see any.
    if (at === namespace && links) seen.set(name, service);
    else if (at === API.namespace && name === API.name && !seen.has(name)) seen.set(name, service);
  }
  const variables = new Map<string, string>();
  for (const name of [...seen.keys()].sort()) tell(seen.get(name)!, variables);
  return variables;
}
const upper = (name: string): string => name.replaceAll('-', '_').toUpperCase();

function tell({ metadata, spec }: Service, into: Map<string, string>): void {
  const prefix = upper(metadata.name ?? '');
  const ip = spec?.clusterIP ?? '';
  const ports = spec?.ports ?? [];
  const [first] = ports;
  into.set(`${prefix}_SERVICE_HOST`, ip);
  if (first === undefined) return;
  into.set(`${prefix}_SERVICE_PORT`, String(first.port));
  for (const { name, port } of ports) if (name) into.set(`${prefix}_SERVICE_PORT_${upper(name)}`, String(port));
  const host = ip.includes(':') ? `[${ip}]` : ip;
  const urlOf = ({ protocol = 'TCP', port }: (typeof ports)[number]): string =>
    `${protocol.toLowerCase()}://${host}:${port}`;
  into.set(`${prefix}_PORT`, urlOf(first));
  for (const each of ports) {
    const { protocol = 'TCP', port } = each;
    const link = `${prefix}_PORT_${port}_${protocol}`;
    into.set(link, urlOf(each));
    into.set(`${link}_PROTO`, protocol.toLowerCase());
    into.set(`${link}_PORT`, String(port));
    into.set(`${link}_ADDR`, ip);
  }
}
