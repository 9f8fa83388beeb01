/** What Go's parser makes of a URL, as far as validation asks. */
export interface GoUrl {
  readonly scheme: string;
  readonly host: string;
  /** Undefined without an `@`. */
  readonly user: string | undefined;
  readonly query: string;
  readonly fragment: string;
}
class UrlError extends Error {}
const fail = (why: string): never => {
  throw new UrlError(why);
};

/** The URL, or why it is none: `parse "x": ...`. Source: Go 1.26 net/url Parse. */
export function parseGoUrl(text: string): GoUrl | string {
  const hash = text.indexOf('#');
  const before = hash < 0 ? text : text.slice(0, hash);
  try {
    const url = parse(before);
    const fragment = hash < 0 ? '' : text.slice(hash + 1);
    checkEscapes(fragment);
    return { ...url, fragment };
  } catch (error) {
    if (!(error instanceof UrlError)) throw error;
    return `parse ${JSON.stringify(hash < 0 ? text : before)}: ${error.message}`;
  }
}
function parse(text: string): Omit<GoUrl, 'fragment'> {
  for (let i = 0; i < text.length; i++)
    if (text.charCodeAt(i) < 0x20 || text.charCodeAt(i) === 0x7f) fail('net/url: invalid control character in URL');
  if (text.startsWith(':')) fail('missing protocol scheme');
  const [, given, afterScheme = ''] = /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(.*)$/s.exec(text)!;
  const scheme = (given ?? '').toLowerCase();
  const mark = afterScheme.indexOf('?');
  const query = mark < 0 ? '' : afterScheme.slice(mark + 1);
  let rest = mark < 0 ? afterScheme : afterScheme.slice(0, mark);
  if (!rest.startsWith('/')) {
    if (scheme !== '') return { scheme, host: '', user: undefined, query };
    if (rest.split('/', 1)[0]!.includes(':')) fail('first path segment in URL cannot contain colon');
  }
  let host = '';
  let user: string | undefined;
  if ((scheme !== '' || !rest.startsWith('///')) && rest.startsWith('//')) {
    const slash = rest.indexOf('/', 2);
    const authority = slash < 0 ? rest.slice(2) : rest.slice(2, slash);
    rest = slash < 0 ? '' : rest.slice(slash);
    const at = authority.lastIndexOf('@');
    host = parseHost(scheme, authority.slice(at + 1));
    if (at >= 0) {
      user = authority.slice(0, at);
      if (!/^[A-Za-z0-9\-._:~!$&'()*+,;=%@]*$/.test(user)) fail('net/url: invalid userinfo');
      checkEscapes(user);
    }
  }
  checkEscapes(rest);
  return { scheme, host, user, query };
}
function parseHost(scheme: string, host: string): string {
  const bracket = host.lastIndexOf('[');
  if (bracket > 0) fail('invalid IP-literal');
  if (bracket === 0) {
    const end = host.lastIndexOf(']');
    if (end < 0) fail("missing ']' in host");
    checkPort(host.slice(end + 1));
    if (!/^[0-9a-fA-F:.]*:[0-9a-fA-F:.]*(%25.*)?$/s.test(host.slice(1, end))) fail('invalid IP-literal');
    return host;
  }
  const first = host.indexOf(':');
  if (first >= 0) {
    const isWeb = scheme === 'http' || scheme === 'https';
    checkPort(host.slice(isWeb ? first : host.lastIndexOf(':')));
  }
  checkEscapes(host, true);
  for (const c of host) if (c < '\u0080' && !/[A-Za-z0-9\-_.~!$&'()*+,;=:[\]<>"%]/.test(c)) fail(`invalid character ${JSON.stringify(c)} in host name`); // prettier-ignore
  return host;
}
function checkPort(text: string): void {
  if (!/^(:[0-9]*)?$/.test(text)) fail(`invalid port ${JSON.stringify(text)} after host`);
}
function checkEscapes(text: string, isHost = false): void {
  for (let i = text.indexOf('%'); i >= 0; i = text.indexOf('%', i + 1)) {
    const escape = text.slice(i, i + 3);
    // In a host only what is not ASCII may be escaped.
    const isBad = !/^%[0-9a-fA-F]{2}$/.test(escape) || (isHost && /^%[0-7]/.test(escape) && escape !== '%25');
    if (isBad) fail(`invalid URL escape ${JSON.stringify(escape)}`);
  }
}
