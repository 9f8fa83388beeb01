import { createHash } from 'node:crypto';

/**
 * An address that nodes of different names do not share, wherever they run: the nodes that `kubus up` counts have one each
 * below 172.18.0.0/16, the others one of some 800,000 above it.
 */
export function nodeIP(name: string): string {
  const place = Number(/-node-(\d{1,5})$/.exec(name)?.[1] ?? 0);
  if (place > 0 && place < 65_000) return `172.18.${(place + 1) >> 8}.${(place + 1) & 255}`;
  const hash = createHash('sha256').update(name).digest();
  return `172.${19 + (hash[0]! % 13)}.${hash[1]!}.${1 + (hash[2]! % 254)}`;
}
