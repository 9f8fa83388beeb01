/** Links of what is served through a proxy lead through it too. Source: apimachinery pkg/util/proxy transport.go. */

export interface Rewriting {
  /** What of the path asked for is not the backend's: `/api/v1/namespaces/d/pods/p/proxy`. */
  readonly prepend: string;
  /** `10.0.0.1:8080`. */
  readonly backend: string;
  /** As the client calls the server. */
  readonly requested: string;
  /** Links are to lead to the backend itself, by HTTPS: it is another API server. */
  readonly absolute?: boolean;
}
const URL_PARTS = /^(?:([a-z][a-z0-9+.-]*):)?(?:\/\/([^/?#]*))?([^?#]*)(\?[^#]*)?(#.*)?$/is;

/** Within the same host, what begins with a slash gets the prefix. */
export function rewriteUrl(url: string, { prepend, backend, requested, absolute }: Rewriting): string {
  const parts = URL_PARTS.exec(url);
  if (parts === null) return url;
  const [, scheme = '', host = '', path = '', query = '', fragment = ''] = parts;
  const elsewhere = host !== '' && host !== backend && host !== requested;
  if (elsewhere || !path.startsWith('/')) return url;
  if (absolute) return `https://${backend}${path}${query}${fragment}`;
  const origin = host !== '' && host === requested ? `${scheme === '' ? '' : `${scheme}:`}//${host}` : '';
  const full = path.startsWith(prepend) ? path : joinPaths(prepend, path);
  return `${origin}${full}${query}${fragment}`;
}
/** Joined and without `.`, `..` and empty segments; a slash at the end of the last stays. */
export function joinPaths(base: string, path: string): string {
  const out: string[] = [];
  for (const part of `${base}/${path}`.split('/'))
    if (part === '..') out.pop();
    else if (part !== '' && part !== '.') out.push(part);
  const joined = `/${out.join('/')}`;
  return path.endsWith('/') && joined !== '/' ? `${joined}/` : joined;
}

const LINKS: Readonly<Record<string, readonly string[]>> = {
  a: ['href'], applet: ['codebase'], area: ['href'], audio: ['src'], base: ['href'], blockquote: ['cite'],
  body: ['background'], button: ['formaction'], command: ['icon'], del: ['cite'], embed: ['src'], form: ['action'],
  frame: ['longdesc', 'src'], head: ['profile'], html: ['manifest'], iframe: ['longdesc', 'src'],
  img: ['longdesc', 'src', 'usemap'], input: ['src', 'usemap', 'formaction'], ins: ['cite'], link: ['href'],
  object: ['classid', 'codebase', 'data', 'usemap'], q: ['cite'], script: ['src'], source: ['src'], video: ['poster', 'src'],
}; // prettier-ignore
/** Elements whose content is text up to their own end. Source: golang.org/x/net/html readRawOrRCDATA. */
const RAW = new Set(['iframe', 'noembed', 'noframes', 'noscript', 'plaintext', 'script', 'style', 'textarea', 'title', 'xmp']); // prettier-ignore
const TAG = /<([a-z][^\s/>]*)((?:"[^"]*"|'[^']*'|[^>"'])*)>/iy;
const ATTRIBUTE = /([^\s=/][^\s=/>]*)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+)))?/g;

/** Start tags are written anew, as Go's tokenizer does; all else stays as it is. */
export function rewriteHtml(html: string, rewriting: Rewriting): string {
  let out = '';
  let lower: string | undefined;
  for (let at = 0; at < html.length;) {
    const open = html.indexOf('<', at);
    if (open < 0) return out + html.slice(at);
    out += html.slice(at, open);
    if (html.startsWith('<!--', open)) {
      const end = html.indexOf('-->', open + 4);
      at = end < 0 ? html.length : end + 3;
      out += html.slice(open, at);
      continue;
    }
    TAG.lastIndex = open;
    const tag = TAG.exec(html);
    if (tag === null) {
      out += '<';
      at = open + 1;
      continue;
    }
    const name = tag[1]!.toLowerCase();
    const closed = tag[2]!.endsWith('/');
    out += `<${name}${attributes(name, closed ? tag[2]!.slice(0, -1) : tag[2]!, rewriting)}${closed ? '/' : ''}>`;
    at = TAG.lastIndex;
    if (!RAW.has(name) || closed) continue;
    const end = (lower ??= html.toLowerCase()).indexOf(`</${name}`, at);
    out += html.slice(at, end < 0 ? html.length : end);
    at = end < 0 ? html.length : end;
  }
  return out;
}
function attributes(tag: string, text: string, rewriting: Rewriting): string {
  const links = LINKS[tag] ?? [];
  let out = '';
  for (const [, key = '', double, single, bare] of text.matchAll(ATTRIBUTE)) {
    const name = key.toLowerCase();
    const value = unescapeHtml(double ?? single ?? bare ?? '');
    out += ` ${name}="${escapeHtml(links.includes(name) ? rewriteUrl(value, rewriting) : value)}"`;
  }
  return out;
}
const NAMED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
const unescapeHtml = (text: string): string =>
  text.replaceAll(/&(?:#(\d+)|#x([0-9a-f]+)|(amp|lt|gt|quot|apos));/gi, (_, dec?: string, hex?: string, name?: string) =>
    name === undefined ? codePoint(dec === undefined ? parseInt(hex!, 16) : Number(dec)) : NAMED[name.toLowerCase()]!,
  ); // prettier-ignore
const MAX_CODE_POINT = 0x10ffff;
const codePoint = (code: number): string =>
  code > 0 && code <= MAX_CODE_POINT ? String.fromCodePoint(code) : String.fromCodePoint(0xfffd);
const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', "'": '&#39;', '<': '&lt;', '>': '&gt;', '"': '&#34;', '\r': '&#13;' }; // prettier-ignore
const escapeHtml = (text: string): string => text.replaceAll(/[&'<>"\r]/g, (c) => ESCAPES[c]!);
