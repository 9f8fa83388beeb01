import { goQuote } from '../../meta/go-quote.ts';
import { parseGoUrl, type GoUrl } from '../../helpers/go-url.ts';
import { CelArray, CelEntries, CelError, CelOpaque, noSuchOverload, type CelValue } from '../values.ts';
import { isA, isString, overload, type CelLibrary } from './kinds.ts';

/** A URL, and the text it was made of. */
export class CelUrl extends CelOpaque {
  override readonly typeName = 'kubernetes.URL';
  readonly url: GoUrl;
  readonly text: string;
  constructor(url: GoUrl, text: string) {
    super();
    this.url = url;
    this.text = text;
  }
  equals(other: CelValue): boolean | CelError {
    return other instanceof CelUrl ? this.text === other.text : noSuchOverload();
  }
}
/** Why a text is no URL of a request. Source: Go net/url ParseRequestURI. */
export function requestUriProblem(text: string): string | undefined {
  const bad = (why: string): string => `parse ${goQuote(text)}: ${why}`;
  if (text === '') return bad('empty url');
  if (text === '*') return undefined;
  const found = parseGoUrl(text.replaceAll('#', '%23'));
  if (typeof found === 'string')
    return found.includes('first path segment') ? bad('invalid URI for request') : found.replaceAll('%23', '#');
  const after = found.scheme === '' ? text : text.slice(found.scheme.length + 1);
  return found.scheme === '' && !after.startsWith('/') ? bad('invalid URI for request') : undefined;
}
function parse(text: string): CelValue {
  const bad = (why: string): CelError => new CelError(`URL parse error during conversion from string: ${why}`);
  const problem = requestUriProblem(text);
  if (problem !== undefined) return bad(problem);
  const url = parseGoUrl(text);
  return typeof url === 'string' ? bad(url) : new CelUrl(url, text);
}
/** Without the port, and without the brackets of IPv6. Source: Go net/url stripPort. */
function hostname(host: string): string {
  const bracket = host.indexOf(']');
  if (bracket >= 0) return host.slice(host.startsWith('[') ? 1 : 0, bracket);
  const colon = host.indexOf(':');
  return colon < 0 ? host : host.slice(0, colon);
}
function port(host: string): string {
  const bracket = host.indexOf(']');
  if (bracket >= 0) return host[bracket + 1] === ':' ? host.slice(bracket + 2) : '';
  const colon = host.indexOf(':');
  return colon < 0 ? '' : host.slice(colon + 1);
}
function unescape(text: string): string | undefined {
  if (/%(?![\da-fA-F]{2})/.test(text)) return undefined;
  const bytes: number[] = [];
  const source = new TextEncoder().encode(text.replaceAll('+', ' '));
  for (let i = 0; i < source.length; i++) {
    if (source[i] !== 0x25) bytes.push(source[i]!);
    else {
      bytes.push(Number.parseInt(String.fromCodePoint(source[i + 1]!, source[i + 2]!), 16));
      i += 2;
    }
  }
  return new TextDecoder().decode(Uint8Array.from(bytes));
}
/** Source: Go net/url ParseQuery: what is malformed is left out. */
function query(text: string): CelValue {
  const found = new Map<string, string[]>();
  for (const part of text.split('&')) {
    if (part === '' || part.includes(';')) continue;
    const equals = part.indexOf('=');
    const key = unescape(equals < 0 ? part : part.slice(0, equals));
    const value = unescape(equals < 0 ? '' : part.slice(equals + 1));
    if (key === undefined || value === undefined) continue;
    const values = found.get(key) ?? [];
    values.push(value);
    found.set(key, values);
  }
  const entries = new CelEntries();
  for (const [key, values] of found) entries.set(key, new CelArray(values));
  return entries;
}
const hexOf = (byte: number): string => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
/** The path as it was, where it is properly escaped, else escaped. Source: Go net/url EscapedPath. */
function escapedPath(text: string, { scheme, host, user }: GoUrl): string {
  if (text === '*') return '*';
  let rest = text.split('#', 1)[0]!.split('?', 1)[0]!;
  if (scheme !== '') rest = rest.slice(scheme.length + 1);
  if (scheme !== '' && !rest.startsWith('/')) return '';
  if (rest.startsWith('//') && (host !== '' || user !== undefined || scheme !== '')) {
    const slash = rest.indexOf('/', 2);
    rest = slash < 0 ? '' : rest.slice(slash);
  }
  // What may stand in a path as it is: all else makes Go escape the path anew.
  if (/^(?:[A-Za-z0-9\-_.~!$&'()*+,;=:@/[\]]|%[\da-fA-F]{2})*$/.test(rest)) return rest;
  let out = '';
  const bytes = new TextEncoder().encode(decodeBytes(rest));
  for (const byte of bytes) {
    const c = String.fromCodePoint(byte);
    out += byte < 0x80 && /[A-Za-z0-9\-_.~$&+,/:;=@]/.test(c) ? c : hexOf(byte);
  }
  return out;
}
const decodeBytes = (text: string): string => unescape(text.replaceAll('+', '%2B')) ?? text;
const isUrl = isA(CelUrl);
const part = (id: string, of: (url: CelUrl) => CelValue) => [overload(id, [isUrl], of)];

/** Source: apiserver pkg/cel/library/urls.go. */
export const urls: CelLibrary = {
  url: [overload('string_to_url', [isString], parse)],
  isURL: [overload('is_url_string', [isString], (text: string) => requestUriProblem(text) === undefined)],
  getScheme: part('url_get_scheme', ({ url }) => url.scheme),
  getHost: part('url_get_host', ({ url }) => url.host),
  getHostname: part('url_get_hostname', ({ url }) => hostname(url.host)),
  getPort: part('url_get_port', ({ url }) => port(url.host)),
  getEscapedPath: part('url_get_escaped_path', ({ url, text }) => escapedPath(text, url)),
  getQuery: part('url_get_query', ({ url }) => query(url.query)),
};
