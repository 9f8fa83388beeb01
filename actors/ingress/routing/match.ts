import type { BackendKey, HostRules, Routing } from './plan.ts';

/** Where a request goes; undefined: nowhere. `host` without a port, in lower case; `path` without its query, normal. */
export function match(routing: Routing, host: string, path: string): BackendKey | undefined {
  const rules = rulesOf(routing, host);
  if (rules === undefined) return routing.fallback;
  return rules.exact.get(path) ?? byPrefix(rules, path) ?? rules.fallback ?? routing.fallback;
}
function rulesOf({ hosts, wildcards, anyHost }: Routing, host: string): HostRules | undefined {
  const own = hosts.get(host);
  if (own !== undefined) return own;
  const dot = wildcards.size > 0 ? host.indexOf('.') : -1;
  return (dot > 0 ? wildcards.get(host.slice(dot + 1)) : undefined) ?? anyHost;
}
/** The longest that holds, element by element: as many looks as the path has elements, however many prefixes there are. */
function byPrefix({ prefixes }: HostRules, path: string): BackendKey | undefined {
  if (prefixes.size === 0) return undefined;
  let end = path.length;
  while (end > 0 && path.charCodeAt(end - 1) === SLASH) end--;
  for (; end > 0; end = path.lastIndexOf('/', end - 1)) {
    const found = prefixes.get(path.slice(0, end));
    if (found !== undefined) return found;
  }
  return prefixes.get('');
}
const SLASH = 47;

/** Of a certificate: the host itself, then a star in place of its first label, then what is for everybody. */
export function certificateFor({ certificates }: Routing, host: string): string | undefined {
  const dot = host.indexOf('.');
  return (
    certificates.get(host) ?? (dot > 0 ? certificates.get(`*${host.slice(dot)}`) : undefined) ?? certificates.get('')
  );
}
