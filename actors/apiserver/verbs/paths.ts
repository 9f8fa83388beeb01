type Json = Record<string, unknown>;

/** The value at a path such as `spec.replicas`; undefined if something on the way is not there. */
export const readPath = (object: object, path: string): unknown =>
  path.split('.').reduce<unknown>((at, key) => (at as Json | null | undefined)?.[key], object);

/** Puts a value there, making what is missing on the way. */
export function writePath(object: object, path: string, value: unknown): void {
  const keys = path.split('.');
  const last = keys.pop()!;
  let at = object as Json;
  for (const key of keys) at = (at[key] ??= {}) as Json;
  at[last] = value;
}
