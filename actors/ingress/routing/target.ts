/** What a request asks for, as routes are found by it. */
export interface Target {
  /** Lower case, no port, no dot at its end. */
  readonly host: string;
  /** Decoded, without dot segments and empty elements: `/a/%2e%2e//admin` is not below `/a`. */
  readonly path: string;
  /** As it is passed on: what follows the authority, as the client wrote it. */
  readonly passed: string;
  /** As it is passed on. */
  readonly authority: string;
}
/** undefined: nobody can have meant that. `authority` is the Host header, or `:authority`. */
export function targetOf(url: string, authority: string): Target | undefined {
  let passed = url;
  if (url.charCodeAt(0) !== SLASH) {
    // As proxies are asked; its authority counts, whatever the header says. Source: RFC 9112 3.2.2.
    const absolute = /^https?:\/\/([^/?#]*)(.*)$/i.exec(url);
    if (absolute === null) return undefined;
    authority = absolute[1]!;
    passed = absolute[2]!.startsWith('/') ? absolute[2]! : `/${absolute[2]!}`;
  }
  const host = hostOf(authority);
  if (host === undefined) return undefined;
  const mark = passed.indexOf('?');
  const path = normal(mark < 0 ? passed : passed.slice(0, mark));
  return path === undefined ? undefined : { host, path, passed, authority };
}
const SLASH = 47;
const PLAIN_HOST = /^[a-z0-9-]+(?:\.[a-z0-9-]+)*$/;
/** undefined where it is none. */
export function hostOf(authority: string): string | undefined {
  if (PLAIN_HOST.test(authority)) return authority;
  const parts = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~-]*)(?::\d*)?$/.exec(authority);
  return parts === null ? undefined : parts[1]!.toLowerCase().replace(/\.$/, '');
}
const ODD = /%|\/\/|\/\./;
function normal(path: string): string | undefined {
  if (!ODD.test(path)) return path;
  let text: string;
  try {
    text = decodeURIComponent(path);
  } catch {
    return undefined;
  }
  if (text.includes('\0')) return undefined;
  const kept: string[] = [];
  for (const part of text.split('/').slice(1))
    if (part === '..') kept.pop();
    else if (part !== '.' && part !== '') kept.push(part);
  const folder = /\/\.{0,2}$/.test(text) && kept.length > 0;
  return `/${kept.join('/')}${folder ? '/' : ''}`;
}
