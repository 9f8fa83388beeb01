import { createCipheriv, createDecipheriv } from 'node:crypto';
import { aggregate } from '../../../schemas/meta/aggregate.ts';
import type { EncryptionKey, EncryptionProvider } from './configuration.ts';

/** What stands before encrypted values; no object's encoding begins so. */
const ENCRYPTED = Buffer.from('k8s:enc:');
export interface Opened {
  readonly plain: Uint8Array;
  /** Not as it would be written now. */
  readonly stale: boolean;
}
/** Bytes as the store has them and back. `aad`: the key in the store, so that a value counts nowhere else. */
export interface Transformer {
  readonly prefix: Buffer;
  seal(plain: Uint8Array, aad: string): Buffer;
  /** Throws Error. */
  open(stored: Uint8Array, aad: string): Opened;
}
export type RandomBytes = (count: number) => Uint8Array;

export const isEncrypted = (stored: Uint8Array): boolean => startsWith(stored, ENCRYPTED);
function startsWith(bytes: Uint8Array, prefix: Uint8Array): boolean {
  if (bytes.length < prefix.length) return false;
  for (let i = 0; i < prefix.length; i++) if (bytes[i] !== prefix[i]) return false;
  return true;
}

/** Plain values; encrypted ones are for another provider to read. Source: apiserver pkg/storage/value/encrypt/identity. */
const identity: Transformer = {
  prefix: Buffer.alloc(0),
  seal: (plain) => Buffer.from(plain.buffer, plain.byteOffset, plain.length),
  open(stored) {
    if (isEncrypted(stored)) throw new Error('identity transformer tried to read encrypted data');
    return { plain: stored, stale: false };
  },
};
export const plainOnly: Transformer = identity;

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const BLOCK_BYTES = 16;
const TOO_SHORT = 'the stored data was shorter than the required size';

/** Source: apiserver pkg/storage/value/encrypt/aes, NewGCMTransformer: nonce, cipher text, tag. */
function gcm({ name, secret }: EncryptionKey, randomBytes: RandomBytes): Transformer {
  const algorithm = `aes-${(secret.length * 8) as 128 | 192 | 256}-gcm` as const;
  return {
    prefix: Buffer.from(`${name}:`),
    seal(plain, aad) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv(algorithm, secret, nonce).setAAD(Buffer.from(aad));
      return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
    },
    open(stored, aad) {
      if (stored.length < NONCE_BYTES) throw new Error(TOO_SHORT);
      const end = stored.length - TAG_BYTES;
      try {
        const decipher = createDecipheriv(algorithm, secret, stored.subarray(0, NONCE_BYTES))
          .setAAD(Buffer.from(aad))
          .setAuthTag(stored.subarray(Math.max(end, NONCE_BYTES)));
        const plain = Buffer.concat([decipher.update(stored.subarray(NONCE_BYTES, end)), decipher.final()]);
        return { plain, stale: false };
      } catch {
        throw new Error('cipher: message authentication failed');
      }
    },
  };
}
/** Source: apiserver pkg/storage/value/encrypt/aes, NewCBCTransformer: initial vector, padded cipher text. */
function cbc({ name, secret }: EncryptionKey, randomBytes: RandomBytes): Transformer {
  const algorithm = `aes-${secret.length * 8}-cbc`;
  return {
    prefix: Buffer.from(`${name}:`),
    seal(plain) {
      const iv = randomBytes(BLOCK_BYTES);
      const cipher = createCipheriv(algorithm, secret, iv);
      return Buffer.concat([iv, cipher.update(plain), cipher.final()]);
    },
    open(stored) {
      if (stored.length < BLOCK_BYTES) throw new Error(TOO_SHORT);
      const text = stored.subarray(BLOCK_BYTES);
      if (text.length % BLOCK_BYTES !== 0) throw new Error('the stored data is not a multiple of the block size');
      try {
        const decipher = createDecipheriv(algorithm, secret, stored.subarray(0, BLOCK_BYTES));
        return { plain: Buffer.concat([decipher.update(text), decipher.final()]), stale: false };
      } catch {
        throw new Error('invalid padding on input');
      }
    },
  };
}

/** The first one writes; whoever's prefix stands before the value reads. Source: apiserver pkg/storage/value prefixTransformers. */
export function byPrefix(transformers: readonly Transformer[], prefix: string, unmatched: string): Transformer {
  const [first] = transformers;
  return {
    prefix: Buffer.from(prefix),
    seal: (plain, aad) => Buffer.concat([first!.prefix, first!.seal(plain, aad)]),
    open(stored, aad) {
      const problems: string[] = [];
      for (const [i, transformer] of transformers.entries()) {
        if (!startsWith(stored, transformer.prefix)) continue;
        try {
          const opened = transformer.open(stored.subarray(transformer.prefix.length), aad);
          return { plain: opened.plain, stale: opened.stale || i > 0 };
        } catch (error) {
          if (transformer.prefix.length > 0) problems.push((error as Error).message);
        }
      }
      if (problems.length === 0) throw new Error(unmatched);
      throw new Error(aggregate(problems));
    },
  };
}
/** Makes the transformer of one key. */
export type Cipher = (key: EncryptionKey, randomBytes: RandomBytes) => Transformer;
const CIPHERS = { aesgcm: [gcm, 'AES'], aescbc: [cbc, 'AES'] } as const;
/** `secretbox`: who uses it brings it (see secretbox.ts). Thrown: Error without. */
export function transformerOf(
  { kind, keys }: EncryptionProvider,
  randomBytes: RandomBytes,
  secretbox: Cipher | undefined,
): Transformer {
  if (kind === 'identity') return identity;
  const [make, called] = kind === 'secretbox' ? [secretbox, 'Secretbox'] : CIPHERS[kind];
  if (make === undefined) throw new Error('the cipher of secretbox was not loaded');
  return byPrefix(
    keys.map((key) => make(key, randomBytes)),
    `k8s:enc:${kind}:v1:`,
    `no matching key was found for the provided ${called} transformer`,
  );
}
