/**
 * How many bits the code of each byte has, and last that of the end, which no text contains. The codes need no table: those
 * of a length follow on each other in the order of the bytes, and each length begins where the one before it ended.
 * Source: RFC 7541 appendix B.
 */
const BITS = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
  15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
  20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
  22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
  26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
  20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
  30,
] as const; // prettier-ignore
const END = 256;
const LONGEST = 30;

/** Of each length: its first code, how many it has, and where its symbols begin among all, which are in order of their codes. */
const first: number[] = [0];
const count: number[] = [0];
const begin: number[] = [0];
const symbols: number[] = [];
for (let bits = 1; bits <= LONGEST; bits++) {
  first[bits] = (first[bits - 1]! + count[bits - 1]!) * 2;
  begin[bits] = symbols.length;
  for (const [symbol, length] of BITS.entries()) if (length === bits) symbols.push(symbol);
  count[bits] = symbols.length - begin[bits]!;
}

/** The text of `from..to`, a character a byte. undefined: it is not of this code, or does not end as it must. */
export function decodeHuffman(bytes: Uint8Array, from: number, to: number): string | undefined {
  let text = '';
  let code = 0;
  let bits = 0;
  for (let i = from; i < to; i++)
    for (let bit = 7; bit >= 0; bit--) {
      code = (code << 1) | ((bytes[i]! >> bit) & 1);
      bits++;
      const place = code - first[bits]!;
      if (place >= count[bits]!) {
        if (bits === LONGEST) return undefined;
        continue;
      }
      const symbol = symbols[begin[bits]! + place]!;
      if (symbol === END) return undefined;
      text += String.fromCharCode(symbol);
      code = bits = 0;
    }
  // What is left is filled up with ones, less than a byte of them.
  return bits < 8 && code === (1 << bits) - 1 ? text : undefined;
}
