import type { World } from '../../../../bus/world.ts';
import type { AllocationResult, ResourceClaim } from '../../../../schemas/generated/resource-v1.ts';
import { keyOf } from '../../../../schemas/meta/object.ts';
import type { SeriesRecorder } from '../../../runtime/event-series.ts';
import { isReservedFor } from '../../../runtime/pod-claims.ts';
import type { Reservation } from '../../reservation.ts';
import type { Attempt } from './attempt.ts';
import { isUnwritten, toCreate } from './extended.ts';
import { deadlineOf, readiness, waitsForDevices } from './readiness.ts';
import type { ClaimTracker } from './tracker.ts';
import type { ClaimWrites } from './writes.ts';

export interface Reserving {
  readonly world: World;
  readonly tracker: ClaimTracker;
  readonly writes: ClaimWrites;
  readonly recorder: SeriesRecorder;
  /** Hears of every change of a claim; returns what ends it. */
  readonly onChange: (hear: () => void) => () => void;
}
/** A claim on its way to its pod. */
interface OnItsWay {
  claim: ResourceClaim;
  /** What it is promised, if it had nothing before. */
  readonly promised: ResourceClaim | undefined;
  /** It was made for the pod's resources. */
  readonly isExtended: boolean;
}
/**
 * Promises the pod what was found for it on the node, until its claims say so: then they are allocated, reserved for it, and
 * their devices ready. Source: plugins/dynamicresources Reserve, PreBind, Unreserve.
 */
export function reserve(attempt: Attempt, node: string, o: Reserving): Reservation | undefined {
  const { world, tracker, writes } = o;
  const { claims, extended, pod: info, bindingTimeoutMs, allocator } = attempt.asking;
  const { pod } = info;
  const plan = attempt.plans.get(node);
  // A node that has the pod's resources itself needs no claim for them.
  const needed = claims.filter((claim) => claim !== extended || plan?.extended !== undefined);
  if (allocator !== undefined && plan === undefined && needed.length > 0)
    throw new Error('claim allocation not found for node');
  let next = 0;
  const all = needed.map((claim): OnItsWay => {
    if (claim.status?.allocation !== undefined) return { claim, promised: undefined, isExtended: false };
    const isExtended = claim === extended;
    const base = isExtended ? plan!.extended! : claim;
    const allocation: AllocationResult = plan!.allocations[next++]!;
    return { claim: base, promised: { ...base, status: { ...base.status, allocation } }, isExtended };
  });
  if (all.length === 0) return undefined;
  for (const { promised } of all) if (promised) tracker.promise(promised);

  async function write(one: OnItsWay, signal: AbortSignal): Promise<void> {
    if (isReservedFor(pod, one.claim)) return;
    let written: ResourceClaim | undefined;
    try {
      if (one.isExtended && isUnwritten(one.claim)) one.claim = await writes.create(toCreate(one.claim), signal);
      written = await writes.reserve(one.claim, pod, one.promised?.status?.allocation, signal);
      one.claim = written;
    } finally {
      if (one.promised) tracker.settle(one.promised, written);
      else if (written) tracker.wrote(written);
    }
    if (!one.isExtended) return;
    const requestMappings = [...plan!.mappings];
    await writes.mention(pod, { requestMappings, resourceClaimName: one.claim.metadata.name! }, signal);
  }
  /** Throws when the devices will not become ready. */
  function isReady(): boolean {
    return all.every((one) => {
      one.claim = tracker.get(keyOf(one.claim)) ?? one.claim;
      const ready = readiness(one.claim);
      if (typeof ready !== 'boolean') throw new Error(ready.failure);
      if (!ready && world.clock.now() > (deadlineOf(one.claim, bindingTimeoutMs) ?? Infinity))
        throw new Error(`device binding timeout: claim=${one.claim.metadata.name}`);
      return ready;
    });
  }
  function untilReady(signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const check = (): void => {
      try {
        if (isReady()) resolve();
      } catch (error) {
        reject(error);
      }
    };
    const giveUp = (): void => reject(signal.reason as Error);
    const timer = world.clock.setTimeout(
      () => reject(new Error('device binding timeout: context deadline exceeded')),
      bindingTimeoutMs,
    );
    signal.addEventListener('abort', giveUp, { once: true });
    const end = o.onChange(check);
    check();
    return promise.finally(() => {
      end();
      world.clock.clearTimeout(timer);
      signal.removeEventListener('abort', giveUp);
    });
  }
  return {
    async bind(signal) {
      for (const one of all) {
        await write(one, signal);
        signal.throwIfAborted();
      }
      if (!all.some(({ claim }) => waitsForDevices(claim))) return;
      const note = `waiting for binding conditions for device on node ${node}`;
      o.recorder.event({
        regarding: pod, type: 'Normal', reason: 'BindingConditionsPending', action: 'Scheduling', note,
      }); // prettier-ignore
      await untilReady(signal);
    },
    release(isBound) {
      if (isBound) return;
      for (const { claim, promised, isExtended } of all) {
        if (promised) tracker.settle(promised);
        const undone = isExtended
          ? isUnwritten(claim)
            ? undefined
            : writes.discard(claim).then(() => tracker.forget(claim))
          : isReservedFor(pod, claim) && writes.unreserve(claim, pod);
        // The next attempt finds what is left.
        if (undone) undone.catch((err: unknown) => world.log.debug('claim not released', { claim: keyOf(claim), err }));
      }
    },
  };
}
