const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** The first `length` letters of a digest, as RFC 4648 and Go's base32 write it. */
export function base32(digest: Uint8Array, length: number): string {
  let text = '';
  for (let bits = 0, held = 0, at = 0; text.length < length;) {
    if (bits < 5) {
      held = ((held << 8) | digest[at++]!) & 0xffff;
      bits += 8;
    }
    bits -= 5;
    text += ALPHABET[(held >> bits) & 31];
  }
  return text;
}
