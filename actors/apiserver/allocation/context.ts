import type { Registry } from '../../../schemas/resource.ts';
import type { World } from '../../../bus/world.ts';
import type { Metrics } from '../metrics/index.ts';
import type { CacheReader, Loopback } from '../request.ts';

/** Keys of the store that are no objects: creating one is a claim. */
export interface Claims {
  /** False if the key exists; a value that `isLeftover` accepts is overwritten. */
  take(key: string, value: string, isLeftover: (value: string) => boolean): Promise<boolean>;
  free(key: string): Promise<void>;
  list(prefix: string): Promise<readonly { readonly key: string; readonly value: string }[]>;
}
export interface AllocationContext {
  readonly registry: Registry;
  readonly cache: CacheReader;
  readonly loopback: Loopback;
  readonly world: World;
  readonly claims: Claims;
  readonly metrics?: Pick<Metrics, 'collect' | 'section'> | undefined;
  /** Of the machine, for events. */
  readonly hostname?: string | undefined;
  /** The first is the default family's. */
  readonly serviceCidrs: readonly string[];
  /** Inclusive; default 30000-32767. */
  readonly nodePorts?: { readonly first: number; readonly last: number } | undefined;
  /** Resolves when the cache holds all that was committed before the call. */
  readonly fresh: () => Promise<void>;
}
