import { OWN_PREFIX } from '../leases.ts';
import type { Version } from '../version.ts';
import { EtcdError } from './errors.ts';
import type { Message } from './messages.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The store's keys are text. Throws InvalidArgument for bytes that are none. */
export function keyOf(bytes: unknown): string {
  try {
    return utf8.decode(bytes as Uint8Array);
  } catch {
    throw new EtcdError('invalidArgument', 'keys must be UTF-8 in this store');
  }
}
/** Throws InvalidArgument for a key that is the store's own. */
export function writableKeyOf(bytes: unknown): string {
  const key = keyOf(bytes);
  if (isOwn(key)) throw new EtcdError('invalidArgument', `keys below ${OWN_PREFIX} are the store's own`);
  return key;
}
/** `range_end`: undefined for the one key, `\0` for all from the key on. */
export const endOf = (bytes: unknown): string | undefined =>
  (bytes as Uint8Array).length === 0 ? undefined : keyOf(bytes);

export const isOwn = (key: string): boolean => key.startsWith(OWN_PREFIX);

export const leaseIdOf = (id: string): bigint => BigInt(`0x${id}`);
export const leaseName = (id: bigint): string => id.toString(16).padStart(16, '0');

const encoder = new TextEncoder();
export const bytesOf = (text: string): Uint8Array => encoder.encode(text);

/** One state of one key as etcd shows it; of a tombstone the key and when it was written. */
export function keyValue(version: Version, keysOnly = false): Message {
  const { key, revision, createRevision, value, lease } = version;
  if (value === undefined) return { key: bytesOf(key), mod_revision: revision };
  return {
    key: bytesOf(key),
    create_revision: createRevision,
    mod_revision: revision,
    version: version.version,
    value: keysOnly ? undefined : value,
    lease: lease === undefined ? undefined : leaseIdOf(lease),
  };
}
