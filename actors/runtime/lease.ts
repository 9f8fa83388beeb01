import type { Lease, LeaseSpec } from '../../schemas/generated/coordination-v1.ts';
import { formatMicroTime } from '../../schemas/meta/time.ts';

/**
 * Longer than client-go's 15 s, 10 s and 2 s: a holder's death is learnt from presence, the lease is for those who are
 * deaf to it, and each renewal wakes the whole request path.
 */
export const LEASE_DURATION_MS = 30_000;
export const RENEW_DEADLINE_MS = 20_000;
export const RENEW_PERIOD_MS = 10_000;
/** How long who was given a lease may take to accept it. */
const ACCEPT_SECONDS = 2;

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
export function leaseState(seen: Sighting, me: string, now: number, isGone: boolean): LeaseState {
  const { holderIdentity } = seen.lease.spec ?? {};
  if (!holderIdentity) return 'free';
  if (holderIdentity === me) return 'mine';
  return isGone || expiresAt(seen) < now ? 'free' : 'held';
}
/** When the lease is free unless it is renewed, by our clock. */
export const expiresAt = ({ lease, changedAt }: Sighting): number =>
  changedAt + (lease.spec?.leaseDurationSeconds ?? LEASE_DURATION_MS / 1_000) * 1_000;

/** The lease as its next holder writes it: each change of holder counts as a transition. */
export function takenBy(me: string, lease: Lease | undefined, now: number): LeaseSpec {
  return {
    holderIdentity: me,
    leaseDurationSeconds: LEASE_DURATION_MS / 1_000,
    acquireTime: formatMicroTime(now),
    renewTime: formatMicroTime(now),
    leaseTransitions: lease === undefined ? 0 : (lease.spec?.leaseTransitions ?? 0) + 1,
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
/** The lease as its holder hands it to another, who accepts by taking it; not accepted it is soon free. */
export const givenTo = (other: string, lease: Lease, now: number): LeaseSpec => ({
  ...takenBy(other, lease, now),
  leaseDurationSeconds: ACCEPT_SECONDS,
});
