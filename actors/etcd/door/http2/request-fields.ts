import type { Field } from './header-fields.ts';

const PSEUDO: ReadonlySet<string> = new Set([':method', ':scheme', ':path', ':authority']);
const REQUIRED = [':method', ':scheme', ':path'] as const;
/** They speak of a connection of HTTP/1. */
const OF_CONNECTION: ReadonlySet<string> = new Set(['connection', 'proxy-connection', 'keep-alive', 'transfer-encoding', 'upgrade']); // prettier-ignore

/** Whether these are the fields of a request: one that is malformed is not served. Source: RFC 9113 section 8.2 and 8.3. */
export function isRequest(fields: readonly Field[]): boolean {
  const seen = new Set<string>();
  let isRegular = false;
  for (const [name, value] of fields) {
    if (name.startsWith(':')) {
      if (isRegular || seen.has(name) || !PSEUDO.has(name) || value === '') return false;
      seen.add(name);
      continue;
    }
    isRegular = true;
    if (name === '' || /[A-Z]/.test(name) || OF_CONNECTION.has(name)) return false;
    if (name === 'te' && value !== 'trailers') return false;
  }
  return REQUIRED.every((name) => seen.has(name));
}
