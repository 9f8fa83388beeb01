import type { UserInfo } from '../request.ts';
import { authenticated } from './users.ts';

/** Common names of the certificates of the front proxy's authority that may say who asks. */
export const FRONT_PROXY_NAMES: readonly string[] = ['front-proxy-client'];
const EXTRA = 'x-remote-extra-';

/**
 * Whom a front proxy speaks for; undefined if it does not say. `raw`: names and values of headers, alternating.
 * Source: apiserver pkg/authentication/request/headerrequest.
 */
export function remoteUser(raw: readonly string[]): UserInfo | undefined {
  let name: string | undefined;
  const groups: string[] = [];
  const extra = new Map<string, string[]>();
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const header = raw[i]!.toLowerCase();
    const value = raw[i + 1]!;
    if (header === 'x-remote-user') name ??= value;
    else if (header === 'x-remote-group') groups.push(value);
    else if (header.startsWith(EXTRA)) {
      const key = unescaped(header.slice(EXTRA.length));
      const values = extra.get(key);
      if (values === undefined) extra.set(key, [value]);
      else values.push(value);
    }
  }
  if (!name) return undefined;
  return authenticated({
    name,
    groups: groups.filter((group) => group !== ''),
    ...(extra.size > 0 && { extra: Object.fromEntries(extra) }),
  });
}
/** As it came, if it is not escaped well. */
function unescaped(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    return key;
  }
}
