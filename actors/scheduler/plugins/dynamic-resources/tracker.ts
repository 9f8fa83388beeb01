import type { ResourceClaim } from '../../../../schemas/generated/resource-v1.ts';
import { keyOf } from '../../../../schemas/meta/object.ts';
import { deviceId, nanos, type Allocated } from './allocator/devices.ts';

/** Where claims come from. */
interface Cache {
  get(key: string): ResourceClaim | undefined;
}
interface Held {
  readonly alone: readonly string[];
  readonly shared: readonly { readonly id: string; readonly consumed: Readonly<Record<string, string | number>> | undefined }[]; // prettier-ignore
}
const NOTHING: Held = { alone: [], shared: [] };

/**
 * Claims as they are, or as this scheduler knows that they are about to be: what it has promised on top of what it has
 * written on top of what the watch has told. And what they hold, kept up to date claim by claim. Source:
 * plugins/dynamicresources dra_manager.go, allocateddevices.go.
 */
export class ClaimTracker implements Allocated {
  readonly #cache: Cache;
  /** Grows with every change of a claim. */
  version = 0;
  /** Promised and not written yet: claims with their allocation, by uid. */
  readonly #promised = new Map<string, ResourceClaim>();
  /** Written and not seen yet, by key. */
  readonly #written = new Map<string, ResourceClaim>();
  readonly #held = new Map<string, Held>();
  readonly #alone = new Map<string, number>();
  readonly #shared = new Map<string, { shares: number; counted: number; readonly consumed: Map<string, bigint> }>();

  constructor(cache: Cache) {
    this.#cache = cache;
  }
  get(key: string): ResourceClaim | undefined {
    const seen = this.#cache.get(key);
    const written = this.#written.get(key);
    return written !== undefined && (seen === undefined || isNewer(written, seen)) ? written : seen;
  }
  /** The watch has told of a claim: before the cache is asked for it again. */
  seen(claim: ResourceClaim, isGone: boolean): void {
    const key = keyOf(claim);
    const written = this.#written.get(key);
    if (written !== undefined && (isGone || !isNewer(written, claim))) {
      this.#written.delete(key);
      if (written.metadata.uid !== claim.metadata.uid) this.#count(written.metadata.uid!, key);
    }
    this.#count(claim.metadata.uid!, key);
  }
  isPromised(uid: string): boolean {
    return this.#promised.has(uid);
  }
  /** From now on nobody else gets what the claim's allocation says. */
  promise(claim: ResourceClaim): void {
    this.#promised.set(claim.metadata.uid!, claim);
    this.#count(claim.metadata.uid!, keyOf(claim));
  }
  /** The promise is over; `written`: what the API has answered with, if it is kept. */
  settle(promised: ResourceClaim, written?: ResourceClaim): void {
    const { uid = '' } = promised.metadata;
    if (written !== undefined) this.wrote(written);
    if (this.#promised.delete(uid)) this.#count(uid, keyOf(promised));
  }
  wrote(claim: ResourceClaim): void {
    const key = keyOf(claim);
    const seen = this.#cache.get(key);
    if (seen === undefined || isNewer(claim, seen)) this.#written.set(key, claim);
    this.#count(claim.metadata.uid!, key);
  }
  /** It was deleted before anybody saw it. */
  forget(claim: ResourceClaim): void {
    this.#written.delete(keyOf(claim));
    this.#count(claim.metadata.uid!, keyOf(claim));
  }
  isTaken(id: string): boolean {
    return this.#alone.has(id);
  }
  isHeld(id: string): boolean {
    return this.#alone.has(id) || this.#shared.has(id);
  }
  consumed(id: string): ReadonlyMap<string, bigint> | undefined {
    const shared = this.#shared.get(id);
    return shared !== undefined && shared.counted > 0 ? shared.consumed : undefined;
  }
  #count(uid: string, key: string): void {
    this.version++;
    const known = this.get(key);
    const claim = this.#promised.get(uid) ?? (known?.metadata.uid === uid ? known : undefined);
    const before = this.#held.get(uid) ?? NOTHING;
    const now = claim === undefined ? NOTHING : heldBy(claim);
    this.#add(before, -1);
    this.#add(now, 1);
    if (now.alone.length + now.shared.length === 0) this.#held.delete(uid);
    else this.#held.set(uid, now);
  }
  #add({ alone, shared }: Held, sign: 1 | -1): void {
    for (const id of alone) {
      const count = (this.#alone.get(id) ?? 0) + sign;
      if (count === 0) this.#alone.delete(id);
      else this.#alone.set(id, count);
    }
    for (const { id, consumed } of shared) {
      let at = this.#shared.get(id);
      if (at === undefined) this.#shared.set(id, (at = { shares: 0, counted: 0, consumed: new Map<string, bigint>() }));
      at.shares += sign;
      if (at.shares === 0) this.#shared.delete(id);
      if (consumed === undefined) continue;
      at.counted += sign;
      for (const [name, amount] of Object.entries(consumed))
        at.consumed.set(name, (at.consumed.get(name) ?? 0n) + BigInt(sign) * nanos(amount));
    }
  }
}
/** Administrators take nothing from anybody. Source: foreachAllocatedDevice. */
function heldBy({ status }: ResourceClaim): Held {
  const results = (status?.allocation?.devices?.results ?? []).filter(({ adminAccess }) => adminAccess !== true);
  if (results.length === 0) return NOTHING;
  return {
    alone: results.filter(({ shareID }) => shareID === undefined).map(deviceId),
    shared: results
      .filter(({ shareID }) => shareID !== undefined)
      .map((one) => ({ id: deviceId(one), consumed: one.consumedCapacity })),
  };
}
const isNewer = (a: ResourceClaim, b: ResourceClaim): boolean =>
  Number(a.metadata.resourceVersion) > Number(b.metadata.resourceVersion);
