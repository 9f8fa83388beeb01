import type { Container, HTTPGetAction } from '../../../../schemas/generated/core-v1.ts';
import { goQuote } from '../../../../schemas/meta/go-quote.ts';

const MAX_PORT = 65_535;

/** A port by its number, or by a container's name for it. Throws: Error. Source: pkg/probe ResolveContainerPort. */
export function portOf(port: number | string, { ports = [] }: Pick<Container, 'ports'>): number {
  let number = typeof port === 'number' ? port : ports.find(({ name }) => name === port)?.containerPort;
  if (number === undefined) {
    if (!/^[+-]?\d+$/.test(String(port)))
      throw new Error(`strconv.Atoi: parsing ${goQuote(String(port))}: invalid syntax`);
    number = Number(port);
  }
  if (number > 0 && number <= MAX_PORT) return number;
  throw new Error(`invalid port number: ${number}`);
}
export const hostPort = (host: string, port: number): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;

/** A GET as it goes out. */
export interface HttpTarget {
  readonly scheme: 'http' | 'https';
  readonly host: string;
  readonly port: number;
  /** With query; escaped. */
  readonly path: string;
  readonly headers: Readonly<Record<string, readonly string[]>>;
}
/** `kube-probe/1.36`. Source: pkg/probe/http userAgent. */
export const USER_AGENT = { probe: 'kube-probe/1.36', lifecycle: 'kube-lifecycle/1.36' } as const;

/** Throws: Error, a port that is none. Source: pkg/probe/http NewRequestForHTTPGetAction. */
export function httpTarget(action: HTTPGetAction, container: Container, ip: string, purpose: keyof typeof USER_AGENT): HttpTarget {
  const headers = new Map<string, string[]>();
  for (const { name, value } of action.httpHeaders ?? []) {
    const key = canonical(name);
    headers.set(key, [...(headers.get(key) ?? []), value]);
  }
  if (!headers.has('User-Agent')) headers.set('User-Agent', [USER_AGENT[purpose]]);
  if (!headers.has('Accept')) headers.set('Accept', ['*/*']);
  // Who sets these to nothing wants none.
  for (const name of ['User-Agent', 'Accept', 'Host']) if (headers.get(name)?.[0] === '') headers.delete(name);
  return {
    scheme: action.scheme?.toLowerCase() === 'https' ? 'https' : 'http',
    host: action.host || ip,
    port: portOf(action.port, container),
    path: pathOf(action.path ?? ''),
    headers: Object.fromEntries(headers),
  };
} // prettier-ignore
export const urlOf = ({ scheme, host, port, path }: HttpTarget): string => `${scheme}://${hostPort(host, port)}${path}`;

/** Source: net/textproto CanonicalMIMEHeaderKey: what could be no name stays as it is. */
const canonical = (name: string): string =>
  /^[\w!#$%&'*+.^`|~-]+$/.test(name)
    ? name.toLowerCase().replaceAll(/(^|-)([a-z])/g, (_, dash: string, letter: string) => dash + letter.toUpperCase())
    : name;

const NOT_IN_PATH = /[^\w\-.~!$&'()*+,;=:@[\]/%]/gu;
const NOT_IN_QUERY = /[^!-~]/gu;
/** A path as Go's URLs send it; one with bad escapes is all path. Source: pkg/probe/http formatURL, net/url EscapedPath. */
function pathOf(path: string): string {
  const [before = ''] = path.split('#', 1);
  const mark = before.indexOf('?');
  const own = mark < 0 ? before : before.slice(0, mark);
  const isBad = /%(?![0-9a-fA-F]{2})/.test(own);
  const plain = isBad ? path : own;
  const escaped = (isBad ? plain.replaceAll('%', '%25') : plain).replaceAll(NOT_IN_PATH, encodeURIComponent);
  const query = mark < 0 || isBad ? '' : before.slice(mark).replaceAll(NOT_IN_QUERY, encodeURIComponent);
  return (escaped === '' || escaped.startsWith('/') ? escaped : `/${escaped}`) + query;
}
