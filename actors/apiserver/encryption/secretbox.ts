import { xsalsa20poly1305 } from '@noble/ciphers/salsa.js';
import type { EncryptionKey } from './configuration.ts';
import type { RandomBytes, Transformer } from './transformers.ts';

const NONCE_BYTES = 24;
const TAG_BYTES = 16;

/**
 * XSalsa20 and Poly1305 under a key of 32 bytes: nonce, tag, cipher text. Loaded where a configuration asks for it.
 * Source: apiserver pkg/storage/value/encrypt/secretbox.
 */
export function secretbox({ name, secret }: EncryptionKey, randomBytes: RandomBytes): Transformer {
  return {
    prefix: Buffer.from(`${name}:`),
    seal(plain) {
      const nonce = randomBytes(NONCE_BYTES);
      return Buffer.concat([nonce, xsalsa20poly1305(secret, nonce).encrypt(plain)]);
    },
    open(stored) {
      if (stored.length < NONCE_BYTES + TAG_BYTES)
        throw new Error('the stored data was shorter than the required size');
      // A view of its own: the cipher works on words where the bytes allow it.
      const nonce = Uint8Array.from(stored.subarray(0, NONCE_BYTES));
      try {
        return { plain: xsalsa20poly1305(secret, nonce).decrypt(stored.subarray(NONCE_BYTES)), stale: false };
      } catch {
        throw new Error('output array was not large enough for encryption');
      }
    },
  };
}
