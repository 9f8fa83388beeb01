import type { Lease, LeaseSpec } from '../../schemas/generated/coordination-v1.ts';
import { formatMicroTime } from '../../schemas/meta/time.ts';

/** client-go's defaults for components of the control plane. */
export const LEASE_DURATION_MS = 15_000;
export const RENEW_DEADLINE_MS = 10_000;

/** What a candidate knows of a lease beside its text: when, by its own clock, it last saw it change. */
export interface Sighting {
  readonly lease: Lease;
  readonly changedAt: number;
}
/** What a candidate may do. `held`: wait. `free`: take it. `mine`: renew it. */
export type LeaseState = 'free' | 'mine' | 'held';

/**
 * Free: nobody holds it, or the holder has not renewed it for its duration since we saw it change (by our clock: that of
 * the holder does not matter), or the holder is known to be gone. Source: client-go leaderelection isLeaseValid.
 */
export function leaseState({ lease, changedAt }: Sighting, me: string, now: number, isGone: boolean): LeaseState {
  const { holderIdentity, leaseDurationSeconds } = lease.spec ?? {};
  if (!holderIdentity) return 'free';
  if (holderIdentity === me) return 'mine';
  const expiresAt = changedAt + (leaseDurationSeconds ?? LEASE_DURATION_MS / 1_000) * 1_000;
  return isGone || expiresAt < now ? 'free' : 'held';
}
/** The lease as its next holder writes it: each change of holder counts as a transition. */
export function takenBy(me: string, lease: Lease | undefined, now: number): LeaseSpec {
  const isFirst = lease === undefined;
  return {
    holderIdentity: me,
    leaseDurationSeconds: LEASE_DURATION_MS / 1_000,
    acquireTime: formatMicroTime(now),
    renewTime: formatMicroTime(now),
    leaseTransitions: isFirst ? 0 : (lease.spec?.leaseTransitions ?? 0) + 1,
  };
}
export const renewed = (lease: Lease, now: number): LeaseSpec => ({ ...lease.spec, renewTime: formatMicroTime(now) });
export const released = (lease: Lease, now: number): LeaseSpec => ({
  ...lease.spec,
  holderIdentity: '',
  leaseDurationSeconds: 1,
  renewTime: formatMicroTime(now),
  acquireTime: formatMicroTime(now),
});
