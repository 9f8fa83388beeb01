import type { Json } from './mutate.ts';

const OWN = new Set(['uid', 'creationTimestamp', 'deletionTimestamp', 'resourceVersion', 'time', 'startTime', 'lastTransitionTime', 'lastUpdateTime', 'lastPhaseTransitionTime', 'continue', 'hash', 'serverAddress']); // prettier-ignore
const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const ADDRESS = /\b10\.96\.\d+\.\d+\b/g;
const VERSIONS =
  /(resourceVersion: |too old resource version: |required rv: |current: |the object has been modified.*)\d+( \(\d+\))?/g;
const AGE = /^(\d+[smhd])+$/;

/** What a server chooses by itself, by one word. The order of members stays. */
export function masked(value: Json, key = ''): Json {
  if (Array.isArray(value)) {
    const items = value.map((item) => masked(item, key));
    return key === 'causes' || key === 'managedFields' ? items.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)) : items; // prettier-ignore
  }
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, OWN.has(k) && v !== null && v !== '' && typeof v !== 'object' ? '$' : masked(v, k)])); // prettier-ignore
  if (key === 'nodePort' && Number(value) >= 30_000) return '$port';
  if (typeof value !== 'string') return value;
  if (key === 'description') return '$text';
  if (key === 'cells' && AGE.test(value)) return '$age';
  return value
    .replaceAll(UUID, '$uid')
    .replaceAll(/X509SHA256=\w+/g, '$sha256')
    .replaceAll(key === 'cells' ? /\d{4}-\d\d-\d\dT[\d:]+Z/g : /(?!)/g, '$time')
    .replaceAll(/scheme "pkg[^"]*"/g, 'scheme')
    .replaceAll(/"time":"[^"]*"/g, '"time":"$"')
    .replaceAll(ADDRESS, '$ip')
    .replaceAll(/kube-api-access-\w{5}/g, 'kube-api-access-$')
    .replaceAll(VERSIONS, '$1$');
}
/** Names of members in the order in which they come, a line each. */
export function orderOf(value: Json, path = '', lines: string[] = []): string[] {
  if (typeof value !== 'object' || value === null) return lines;
  if (!Array.isArray(value)) lines.push(`${path}: ${Object.keys(value).join(' ')}`);
  for (const [key, part] of Object.entries(value)) orderOf(part, `${path}.${key}`, lines);
  return lines;
}
