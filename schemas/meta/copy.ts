/** A deep copy of a JSON value, several times as fast as structuredClone. */
export function copyJson<T>(value: T): T {
  return copy(value) as T;
}
function copy(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(copy);
  const out: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    const inner = copy((value as Readonly<Record<string, unknown>>)[key]);
    if (key === '__proto__')
      Object.defineProperty(out, key, { value: inner, enumerable: true, configurable: true, writable: true });
    else out[key] = inner;
  }
  return out;
}
