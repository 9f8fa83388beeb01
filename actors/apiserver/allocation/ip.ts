export type Family = 'IPv4' | 'IPv6';
export interface Range {
  readonly family: Family;
  readonly cidr: string;
  readonly base: bigint;
  readonly size: bigint;
}

/** Addresses as numbers; undefined for what is no address. Leading zeros are refused, as Go does. */
export function parseAddress(text: string): { readonly family: Family; readonly value: bigint } | undefined {
  if (!text.includes(':')) {
    const parts = text.split('.');
    if (parts.length !== 4 || !parts.every((p) => /^(0|[1-9]\d{0,2})$/.test(p) && Number(p) < 256)) return undefined;
    return { family: 'IPv4', value: parts.reduce((sum, p) => sum * 256n + BigInt(p), 0n) };
  }
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const groups = (half: string): string[] => (half === '' ? [] : half.split(':'));
  const [head, tail] = [groups(halves[0]!), groups(halves[1] ?? '')];
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const all = [...head, ...Array.from({ length: halves.length === 1 ? 0 : missing }, () => '0'), ...tail];
  if (!all.every((g) => /^[0-9a-fA-F]{1,4}$/.test(g))) return undefined;
  return { family: 'IPv6', value: all.reduce((sum, g) => sum * 65536n + BigInt(`0x${g}`), 0n) };
}
export function formatAddress(family: Family, value: bigint): string {
  if (family === 'IPv4') return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.');
  const groups = Array.from({ length: 8 }, (_, i) => Number((value >> BigInt(112 - 16 * i)) & 0xffffn));
  // The longest run of at least two zeros becomes `::`.
  let [start, length] = [-1, 1];
  for (let i = 0; i < 8; i++) {
    let run = 0;
    while (i + run < 8 && groups[i + run] === 0) run++;
    if (run > length) [start, length] = [i, run];
  }
  const hex = groups.map((g) => g.toString(16));
  if (start < 0) return hex.join(':');
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`;
}
export function parseRange(cidr: string): Range | undefined {
  const [address = '', bits = ''] = cidr.split('/');
  const parsed = parseAddress(address);
  const width = parsed?.family === 'IPv6' ? 128 : 32;
  if (parsed === undefined || !/^\d+$/.test(bits) || Number(bits) > width) return undefined;
  const size = 1n << BigInt(width - Number(bits));
  return { family: parsed.family, cidr, base: parsed.value - (parsed.value % size), size };
}
/**
 * First and last address that services may have: without the network's own and, for IPv4, the broadcast address. The
 * smallest ranges have none: the first comes after the last then.
 */
export function usable(range: Range): { readonly first: bigint; readonly last: bigint } {
  const last = range.base + range.size - 1n;
  return { first: range.base + 1n, last: range.family === 'IPv4' ? last - 1n : last };
}
export function contains(range: Range, address: { readonly family: Family; readonly value: bigint }): boolean {
  const { first, last } = usable(range);
  return range.family === address.family && address.value >= first && address.value <= last;
}
