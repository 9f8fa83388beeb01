import type { Pod } from '../../../schemas/generated/core-v1.ts';
import type { Core, ResourceRequest } from '../core.ts';
import { badRequest, notFound } from '../errors.ts';
import { isGlobalUnicast } from '../outbound/addresses.ts';
import type { BackendLocation } from '../outbound/backend.ts';

const SCHEMES = ['', 'http', 'https'];
const HTTP_PORT = 80;
const HTTPS_PORT = 443;

/** `name`, `name:port` or `scheme:name:port`. Throws BadRequest. Source: apimachinery pkg/util/net SplitSchemeNamePort. */
export function splitName(
  text: string,
  what: string,
): { readonly scheme: 'http' | 'https'; readonly name: string; readonly port: string } {
  const parts = text.split(':');
  const [scheme = '', name = '', port = ''] = parts.length === 3 ? parts : ['', ...parts];
  if (parts.length > 3 || name === '' || !SCHEMES.includes(scheme))
    throw badRequest(`invalid ${what} request ${JSON.stringify(text)}`);
  return { scheme: scheme === 'https' ? 'https' : 'http', name, port };
}
/** Where a pod is reached; without a port the first that a container declares. Source: pkg/registry/core/pod ResourceLocation. */
export function locatePod(core: Core, { resource, info }: ResourceRequest): BackendLocation {
  const { scheme, name, port } = splitName(info.name, 'pod');
  const pod = core.cache.get<Pod & { metadata: { name: string } }>(resource, info.namespace, name);
  if (pod === undefined) throw notFound(resource, name);
  const declared = (pod.spec?.containers ?? []).find((c) => (c.ports ?? []).length > 0)?.ports?.[0]?.containerPort;
  const host = pod.status?.podIPs?.[0]?.ip ?? '';
  if (!isGlobalUnicast(host)) throw badRequest('address not allowed');
  if (port !== '' && !/^\d+$/.test(port)) throw badRequest(`invalid port ${JSON.stringify(port)}`);
  return { scheme, host, port: Number(port) || declared || (scheme === 'https' ? HTTPS_PORT : HTTP_PORT) };
}
