import { ApiError } from '../../../schemas/meta/status.ts';
import type { Registry } from '../../../schemas/resource.ts';
import { partsOf, type EncryptionConfiguration } from './configuration.ts';
import { byPrefix, isEncrypted, plainOnly, transformerOf, type Cipher, type Transformer } from './transformers.ts';

/** Values as they lie in the store, and as they are. */
export interface Vault {
  seal(key: string, plain: Uint8Array): Uint8Array;
  /** Thrown: ApiError InternalError for what nobody's key opens. */
  open(key: string, stored: Uint8Array): Uint8Array;
  /** Whether it would be written otherwise today: under a newer key, or in plain. */
  isStale(key: string, stored: Uint8Array): boolean;
}
export interface EncryptionOptions {
  readonly configuration: EncryptionConfiguration;
  /** Unpredictable to others: of it nonces are made. */
  readonly randomBytes: (count: number) => Uint8Array;
  /** Where the configuration names it. */
  readonly secretbox?: Cipher | undefined;
  /** Calls the listener with what is to count from then on; returns what ends that. */
  readonly onChange?: ((listener: (options: EncryptionOptions) => void) => () => void) | undefined;
}
const NO_MATCH = 'the provided value does not match any of the supported transformers';
/** The store itself reads who holds them (see actors/etcd/fence.ts), so they are plain whatever the configuration says. */
const LEASES = 'leases.coordination.k8s.io';

const unreadable = (key: string, error: unknown): ApiError =>
  new ApiError(
    'InternalError',
    `Internal error occurred: unable to transform key ${JSON.stringify(key)}: ${(error as Error).message}`,
    { cause: error },
  );

/** Nothing is encrypted; what once was cannot be read. */
export const openVault: Vault = {
  seal: (_key, plain) => plain,
  open(key, stored) {
    // The first byte of `k8s:enc:`: an encoded object begins with another.
    if (stored[0] !== 0x6b || !isEncrypted(stored)) return stored;
    throw unreadable(key, new Error('identity transformer tried to read encrypted data'));
  },
  isStale: () => false,
};

/**
 * Encrypts the values of chosen resources. The bytes are those of the real server: `k8s:enc:<provider>:v1:<key name>:`, then
 * the cipher text. Source: apiserver pkg/server/options/encryptionconfig transformerFromOverrides.
 */
export function createVault(
  { configuration, randomBytes, secretbox }: EncryptionOptions,
  registry: Pick<Registry, 'byStorageKey'>,
): Vault {
  const chosen = new Map<string, Transformer>();
  for (const { resources, providers } of configuration) {
    const own = byPrefix(
      providers.map((p) => transformerOf(p, randomBytes, secretbox)),
      '',
      NO_MATCH,
    );
    for (const name of resources) {
      const { resource, group } = partsOf(name);
      const id = `${resource}.${group}`;
      // A later list that names it again is for reading what it wrote.
      const earlier = chosen.get(id);
      chosen.set(id, earlier === undefined ? own : either(earlier, own));
    }
  }
  const byId = new Map<string, Transformer>();
  const transformerFor = (key: string): Transformer => {
    const { resource, group } = subjectOf(key, registry);
    const id = `${resource}.${group}`;
    let found = byId.get(id);
    if (found === undefined) {
      found =
        id === LEASES ? plainOnly : (chosen.get(id) ?? chosen.get(`*.${group}`) ?? chosen.get('*.*') ?? plainOnly);
      byId.set(id, found);
    }
    return found;
  };
  return {
    seal: (key, plain) => transformerFor(key).seal(plain, key),
    open(key, stored) {
      try {
        return transformerFor(key).open(stored, key).plain;
      } catch (error) {
        throw unreadable(key, error);
      }
    },
    isStale: (key, stored) => transformerFor(key).open(stored, key).stale,
  };
}
/**
 * createVault() under a configuration that may be replaced: what is written or read from then on goes by the new one.
 * Source: apiserver pkg/server/options/encryptionconfig DynamicTransformers.
 */
export function createChangingVault(
  options: EncryptionOptions,
  registry: Pick<Registry, 'byStorageKey'>,
): Vault & { stop(): void } {
  let current = createVault(options, registry);
  const stop = options.onChange?.((next) => (current = createVault(next, registry)));
  return {
    seal: (key, plain) => current.seal(key, plain),
    open: (key, stored) => current.open(key, stored),
    isStale: (key, stored) => current.isStale(key, stored),
    stop: () => stop?.(),
  };
}
/** Source: encryptionconfig unionTransformers. */
const either = (first: Transformer, second: Transformer): Transformer => ({
  prefix: first.prefix,
  seal: (plain, aad) => first.seal(plain, aad),
  open(stored, aad) {
    try {
      return first.open(stored, aad);
    } catch {
      return { plain: second.open(stored, aad).plain, stale: true };
    }
  },
});
/** Which resource lies at a key: custom ones perhaps before they are served. */
function subjectOf(
  key: string,
  registry: Pick<Registry, 'byStorageKey'>,
): { readonly resource: string; readonly group: string } {
  const known = registry.byStorageKey(key);
  // Events of both groups lie in one place, which counts as the core's.
  if (known !== undefined) return { resource: known.resource, group: known.resource === 'events' ? '' : known.group };
  const [, , group = '', resource = ''] = key.split('/');
  return { resource, group };
}
