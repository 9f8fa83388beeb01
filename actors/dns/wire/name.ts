/**
 * A domain name as its labels, the root's left out: bytes as characters (latin1), of letters the small ones. A label may hold
 * any byte, dots too.
 */
export type Name = readonly string[];

/** With the length of each label and the root. Source: RFC 1035 2.3.4. */
const MAX_NAME_BYTES = 255;
const MAX_LABEL_BYTES = 63;
/** Of pointers in one name: a name has no more labels than that. */
const MAX_JUMPS = 127;

/** `a.b.` or `a.b`; undefined where it cannot be a name. */
export function parseName(text: string): Name | undefined {
  const labels = text.replace(/\.$/, '').toLowerCase().split('.');
  if (labels.length === 1 && labels[0] === '') return [];
  let bytes = 1;
  for (const label of labels) {
    if (label === '' || label.length > MAX_LABEL_BYTES || [...label].some((c) => c > 'ÿ')) return undefined;
    bytes += 1 + label.length;
  }
  return bytes > MAX_NAME_BYTES ? undefined : labels;
}

export function isWithin(name: Name, zone: Name): boolean {
  const more = name.length - zone.length;
  return more >= 0 && zone.every((label, i) => name[more + i] === label);
}
export const sameName = (a: Name, b: Name): boolean => a.length === b.length && isWithin(a, b);

/** Of letters the small ones, of other bytes themselves. */
export const lowered = (byte: number): number => (byte >= 65 && byte <= 90 ? byte + 32 : byte);

/** Where the name that begins at `at` ends, its pointer not followed; -1 where it is none. */
export function skipName(packet: Uint8Array, at: number): number {
  let i = at;
  for (let bytes = 1; ;) {
    const length = packet[i];
    if (length === undefined) return -1;
    if (length === 0) return i + 1;
    if (length >= 0xc0) return i + 2 <= packet.length ? i + 2 : -1;
    bytes += 1 + length;
    if (length > MAX_LABEL_BYTES || bytes > MAX_NAME_BYTES) return -1;
    i += 1 + length;
  }
}
/** The name at `at`, pointers followed: only backwards, and never round in a circle. Undefined where it is none. */
export function readName(packet: Uint8Array, at: number): Name | undefined {
  const labels: string[] = [];
  let i = at;
  let before = at;
  let bytes = 1;
  for (let jumps = 0; ;) {
    const length = packet[i];
    if (length === undefined) return undefined;
    if (length === 0) return labels;
    if (length >= 0xc0) {
      const low = packet[i + 1];
      const to = low === undefined ? before : ((length & 0x3f) << 8) | low;
      if (to >= before || ++jumps > MAX_JUMPS) return undefined;
      before = i = to;
      continue;
    }
    bytes += 1 + length;
    if (length > MAX_LABEL_BYTES || bytes > MAX_NAME_BYTES || i + 1 + length > packet.length) return undefined;
    let label = '';
    for (let k = i + 1; k <= i + length; k++) label += String.fromCharCode(lowered(packet[k]!));
    labels.push(label);
    i += 1 + length;
  }
}
