import { createPrivateKey, createPublicKey, sign as signBytes } from 'node:crypto';
import { fromSeed } from '@nats-io/nkeys';

/** A key of NATS: who has it is known by its public half. */
export interface Nkey {
  /** `U...`, as nats-server's configuration names users. */
  readonly publicKey: string;
  sign(text: string): Uint8Array;
}
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
/** What PKCS #8 has before the 32 bytes of an Ed25519 key. Source: RFC 8410, section 7. */
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');
const KEY_BYTES = 32;

/**
 * The key of a seed (`SU...`), by Node's own Ed25519: the curve in JavaScript takes nkeys some 20 ms a signature until
 * V8 has compiled it, and V8 several megabytes to do so.
 * Thrown: NKeysError for what is no seed.
 */
export function nkeyOf(seed: string): Nkey {
  // Checks the seed; computes nothing.
  fromSeed(new TextEncoder().encode(seed));
  const raw = fromBase32(seed);
  const der = Buffer.concat([PKCS8, raw.subarray(2, 2 + KEY_BYTES)]);
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const x = createPublicKey(key).export({ format: 'jwk' }).x!;
  // The role lies across the first two bytes of a seed so that both can be read as letters.
  const role = ((raw[0]! & 7) << 5) | (raw[1]! >> 3);
  const named = Buffer.concat([Uint8Array.of(role), Buffer.from(x, 'base64url')]);
  const check = crc16(named);
  return {
    publicKey: toBase32(Buffer.concat([named, Uint8Array.of(check & 255, check >> 8)])),
    sign: (text) => signBytes(null, Buffer.from(text), key),
  };
}

/** Source: RFC 4648, section 6; without padding. */
function toBase32(bytes: Uint8Array): string {
  let text = '';
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = ((value << 8) | byte) & 0xfff;
    for (bits += 8; bits >= 5; bits -= 5) text += ALPHABET[(value >> (bits - 5)) & 31];
  }
  return bits > 0 ? text + ALPHABET[(value << (5 - bits)) & 31] : text;
}
function fromBase32(text: string): Uint8Array {
  const bytes: number[] = [];
  let bits = 0;
  let value = 0;
  for (const letter of text) {
    value = ((value << 5) | ALPHABET.indexOf(letter)) & 0xfff;
    bits += 5;
    if (bits >= 8) bytes.push((value >> (bits -= 8)) & 255);
  }
  return Uint8Array.from(bytes);
}
/** CRC-16 of XMODEM, which NATS ends its keys with. */
function crc16(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let i = 0; i < 8; i++) crc = ((crc & 0x8000) === 0 ? crc << 1 : (crc << 1) ^ 0x1021) & 0xffff;
  }
  return crc;
}
