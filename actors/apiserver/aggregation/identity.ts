import type { UserInfo } from '../request.ts';

/** A byte that a header's name may have as it is; the sign of escapes is not among them. */
const LEGAL = /[!#$&'*+\-.^_`|~0-9A-Za-z]/;

/** Names and values, alternating, by which a server that trusts this one learns who asks. Source: client-go transport SetAuthProxyHeaders. */
export function identityHeaders({ name, uid, groups, extra }: UserInfo): string[] {
  const out = ['X-Remote-User', name];
  if (uid) out.push('X-Remote-Uid', uid);
  for (const group of groups) out.push('X-Remote-Group', group);
  for (const [key, values] of Object.entries(extra ?? {}))
    for (const value of values) out.push(canonical(`X-Remote-Extra-${escaped(key)}`), value);
  return out;
}
const escaped = (key: string): string =>
  [...Buffer.from(key)]
    .map((byte) => {
      const char = String.fromCharCode(byte);
      return LEGAL.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    })
    .join('');
/** Source: net/textproto CanonicalMIMEHeaderKey. */
const canonical = (name: string): string =>
  name.toLowerCase().replaceAll(/(^|-)[a-z]/g, (start) => start.toUpperCase());
