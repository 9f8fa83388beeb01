import type { Pod } from '../../../schemas/generated/core-v1.ts';
import { parseIp } from '../../../schemas/meta/ip.ts';
import type { Core, ResourceRequest } from '../core.ts';
import { badRequest, notFound } from '../errors.ts';

const SCHEMES = ['', 'http', 'https'];
const HTTP_PORT = 80;
const HTTPS_PORT = 443;

/**
 * Where `name`, `name:port` or `scheme:name:port` is reached; without a port the first that a container declares.
 * Source: pkg/registry/core/pod strategy.go ResourceLocation; apimachinery pkg/util/net SplitSchemeNamePort.
 */
export function locatePod(core: Core, { resource, info }: ResourceRequest): { host: string; port: number } {
  const parts = info.name.split(':');
  const [scheme = '', name = '', given = ''] = parts.length === 3 ? parts : ['', ...parts];
  if (parts.length > 3 || name === '' || !SCHEMES.includes(scheme))
    throw badRequest(`invalid pod request ${JSON.stringify(info.name)}`);
  const pod = core.cache.get<Pod & { metadata: { name: string } }>(resource, info.namespace, name);
  if (pod === undefined) throw notFound(resource, name);
  const declared = (pod.spec?.containers ?? []).find((c) => (c.ports ?? []).length > 0)?.ports?.[0]?.containerPort;
  const host = pod.status?.podIPs?.[0]?.ip ?? '';
  if (!isGlobalUnicast(host)) throw badRequest('address not allowed');
  return { host, port: Number(given) || declared || (scheme === 'https' ? HTTPS_PORT : HTTP_PORT) };
}
/** Neither of this host or link, nor of many, nor of nobody. Source: Go net.IP.IsGlobalUnicast. */
function isGlobalUnicast(text: string): boolean {
  const ip = parseIp(text);
  if (ip === undefined || ip.value === 0n) return false;
  const top = (bits: number): bigint => ip.value >> BigInt((ip.family === 4 ? 32 : 128) - bits);
  if (ip.family === 6) return ip.value !== 1n && top(8) !== 0xffn && top(10) !== 0x3fan;
  return top(8) !== 127n && top(4) !== 14n && top(16) !== 0xa9fen && ip.value !== 0xffffffffn;
}
