import type { PodTemplateSpec } from '../../schemas/generated/core-v1.ts';

const ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';

/**
 * Names a template: FNV-1a over its canonical JSON and, after a collision, the collision count; digits spelled in the
 * alphabet of generated names. (Kubernetes hashes a dump of Go structs, so its hashes differ; nothing compares them.)
 */
export function templateHash(template: PodTemplateSpec | undefined, collisions: number | undefined): string {
  let hash = 0x811c9dc5;
  const add = (byte: number): void => {
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  };
  for (const byte of new TextEncoder().encode(canonicalJson(template))) add(byte);
  if (collisions !== undefined) for (let i = 0; i < 8; i++) add(i < 4 ? (collisions >>> (8 * i)) & 0xff : 0);
  return [...String(hash)].map((digit) => ALPHABET[digit.charCodeAt(0) % ALPHABET.length]).join('');
}
/** JSON with the keys of each object in order, as Go writes maps. */
export const canonicalJson = (value: unknown): string =>
  JSON.stringify(value, (_key, v: unknown) =>
    v !== null && typeof v === 'object' && !Array.isArray(v)
      ? Object.fromEntries(Object.entries(v).sort(([a], [b]) => (a < b ? -1 : 1)))
      : v,
  ) ?? '';
