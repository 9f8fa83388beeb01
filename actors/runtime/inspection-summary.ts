import type { Summary } from './inspection-frames.ts';

/** Fields that hold names of objects, keys, nodes and the like in this product's charts. */
const NAMES: ReadonlySet<string> = new Set(['id', 'key', 'name', 'namespace', 'node', 'uid', 'reason']);
/** Kubernetes' names, keys and uids; nothing that a token or a password would be, but by its field it is no such thing. */
const NAME = /^[a-z0-9]([a-z0-9./:-]{0,251}[a-z0-9])?$/i;
const MAX_FIELDS = 24;

/**
 * What may be shown of an event or a context: numbers and booleans, and names in fields known to hold names; of all else
 * only what it is and how large. Never a secret, a token or a whole object, whatever was put in.
 */
export function summaryOf(value: unknown): Summary {
  const out: Record<string, string | number | boolean | null> = {};
  if (typeof value !== 'object' || value === null) return out;
  const names = Object.keys(value);
  for (const name of names.slice(0, MAX_FIELDS))
    if (name !== 'type') out[shortened(name)] = fieldOf(name, (value as Record<string, unknown>)[name]);
  if (names.length > MAX_FIELDS) out['…'] = `${names.length - MAX_FIELDS} more`;
  return out;
}
function fieldOf(name: string, value: unknown): string | number | boolean | null {
  switch (typeof value) {
    case 'string':
      // A JSON web token and most other secrets have upper case or are longer than any name.
      return NAMES.has(name) && NAME.test(value) && value === value.toLowerCase() ? value : `string(${value.length})`;
    case 'number':
    case 'boolean':
      return value;
    case 'object':
      return value === null ? null : kindOf(value);
    default:
      return typeof value;
  }
}
function kindOf(value: object): string {
  if (value instanceof Uint8Array) return `bytes(${value.length})`;
  if (Array.isArray(value)) return `list(${value.length})`;
  if (value instanceof Map || value instanceof Set) return `${value instanceof Map ? 'map' : 'set'}(${value.size})`;
  if (value instanceof Error) return `error(${shortened(value.name)})`;
  return `object(${Object.keys(value).length} fields)`;
}
const shortened = (text: string): string => (text.length > 60 ? `${text.slice(0, 59)}…` : text);
