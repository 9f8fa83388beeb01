import { decode } from '../../bus/codec.ts';
import type { StoreFence } from '../../bus/protocol/etcd.ts';
import { ApiError } from '../../schemas/meta/status.ts';
import type { Index } from './index.ts';
import type { Version } from './version.ts';

interface Holding {
  readonly holder: string | undefined;
  readonly transitions: number;
}
const decoded = new WeakMap<Version, Holding>();

/**
 * Stops the writes of an elected component that was succeeded: the last look before the log, repeated before each
 * attempt. What remains is a successor that this index has not heard of yet: the time of one event.
 * Thrown: Conflict.
 */
export function assertHolder(index: Index, fence: StoreFence): void {
  const { key, holder } = fence;
  const lease = index.newest(key);
  const now = lease && holdingOf(lease);
  if (!isHolder(index, fence))
    throw new ApiError('Conflict', `${holder} no longer holds the lease ${key}: ${now?.holder || 'nobody'} does`);
}

export function isHolder(index: Index, { key, holder, transitions }: StoreFence): boolean {
  const lease = index.newest(key);
  const now = lease && holdingOf(lease);
  return now?.holder === holder && now.transitions === transitions;
}
function holdingOf(lease: Version): Holding | undefined {
  const known = decoded.get(lease);
  if (known !== undefined || lease.value === undefined) return known;
  const { spec } = decode(lease.value) as { spec?: { holderIdentity?: string; leaseTransitions?: number } };
  const holding = { holder: spec?.holderIdentity, transitions: spec?.leaseTransitions ?? 0 };
  decoded.set(lease, holding);
  return holding;
}

export const formatFence = ({ key, holder, transitions }: StoreFence): string => `${transitions} ${holder} ${key}`;
