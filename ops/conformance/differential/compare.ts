import type { Json } from './mutate.ts';

/** Where two answers part. */
export interface Difference {
  readonly path: string;
  readonly wanted: string;
  readonly got: string;
}
const OWN = new Set(['uid', 'creationTimestamp', 'resourceVersion', 'time', 'selfLink', 'lastTransitionTime', 'lastPhaseTransitionTime', 'timeAdded', 'expirationTimestamp', 'token', 'remainingItemCount']); // prettier-ignore
const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const ALLOCATED = /\b10\.96\.\d+\.\d+\b|\bfd00:10:96::[\da-f:]+/g;
const CREDENTIAL = /^X509SHA256=[0-9a-f]{64}$/;
const UNORDERED = new Set(['causes', 'managedFields', 'resourceRules', 'nonResourceRules']);
const NODE_PORT = 30_000;

/** What a server may choose by itself, by one word; lists without an order in theirs. */
export function normalize(value: Json, key = ''): Json {
  if (Array.isArray(value)) {
    const items = value.map((item) => normalize(item, key));
    return UNORDERED.has(key) ? items.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)) : items;
  }
  if (value === null || typeof value !== 'object') {
    if ((key === 'nodePort' || key === 'healthCheckNodePort') && Number(value) >= NODE_PORT) return '$port';
    return typeof value === 'string'
      ? value.replace(CREDENTIAL, '$credential').replaceAll(UUID, '$uid').replaceAll(ALLOCATED, '$ip').replaceAll(/kube-api-access-\w{5}/g, 'kube-api-access-$') // prettier-ignore
      : value;
  }
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((name) => [name, OWN.has(name) && typeof value[name] === 'string' ? '$' : normalize(value[name]!, name)]),
  );
}
/** The first few places where `got` is not as `wanted`; both normalized. */
export function differences(wanted: Json, got: Json, path = '', found: Difference[] = []): Difference[] {
  if (found.length >= 4 || JSON.stringify(wanted) === JSON.stringify(got)) return found;
  const both = isObject(wanted) && isObject(got) && Array.isArray(wanted) === Array.isArray(got);
  // Of a refusal its message says all that its causes do.
  if (both && !Array.isArray(wanted)) {
    const [a, b] = [wanted as { [key: string]: Json }, got as { [key: string]: Json }];
    const parts = Object.keys({ ...a, ...b });
    if (a['kind'] === 'Status' && b['kind'] === 'Status' && a['message'] !== b['message'])
      return [...found, { path: `${path}.message`, wanted: String(a['message']), got: String(b['message']) }];
    for (const part of parts) differences(a[part] ?? '(none)', b[part] ?? '(none)', `${path}.${part}`, found);
  } else if (both && (wanted as Json[]).length === (got as Json[]).length) {
    for (const [i, item] of (wanted as Json[]).entries())
      differences(item, (got as Json[])[i]!, `${path}[${i}]`, found);
  } else found.push({ path, wanted: cut(wanted), got: cut(got) });
  return found;
}
const isObject = (value: Json): boolean => typeof value === 'object' && value !== null;
const cut = (value: Json): string => {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > 6000 ? `${text.slice(0, 6000)}...` : text;
};
