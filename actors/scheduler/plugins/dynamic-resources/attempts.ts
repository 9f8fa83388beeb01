import type { World } from '../../../../bus/world.ts';
import type { Pod } from '../../../../schemas/generated/core-v1.ts';
import type { DeviceClass, ResourceClaim } from '../../../../schemas/generated/resource-v1.ts';
import { parseDuration } from '../../../../schemas/meta/duration.ts';
import { selectsDevice } from '../../../../schemas/resource/device-selection.ts';
import type { Preemption } from '../../preemption.ts';
import type { NodeInfo } from '../../snapshot/node-info.ts';
import type { PodInfo } from '../../snapshot/pod-info.ts';
import type { DynamicResourcesArgs } from '../args.ts';
import { normalizeByMax, rejection, type Cycle, type Preparation, type Scorer } from '../plugin.ts';
import { allocator, type Allocator } from './allocator/allocate.ts';
import type { Slices } from './allocator/pools.ts';
import { claimName } from './allocator/soundness.ts';
import { Attempt } from './attempt.ts';
import { extendedClaim, isExtendedClaimOf, isUnwritten } from './extended.ts';
import { claimsOf, problemOf } from './pod-claims.ts';
import type { ClaimTracker } from './tracker.ts';
import { mayBeBacked, NAME, type DeviceView } from './view.ts';

/**
 * How long looking for devices on one node may take. Upstream's default is ten seconds; but there nothing else waits
 * meanwhile, and here everything of the thread does. An operator may say otherwise.
 */
const FILTER_TIMEOUT_MS = 500;
/** Source: config DynamicResourcesBindingTimeoutDefault. */
const BINDING_TIMEOUT_MS = 600_000;

/** The state of devices and claims at a moment. */
export interface Known {
  readonly tracker: ClaimTracker;
  readonly slices: () => Slices;
  readonly deviceClass: (name: string) => DeviceClass | undefined;
  /** Grows with every change of any of it. */
  readonly version: () => number;
  /** By the resource that it stands for. */
  readonly classFor: (resource: string) => DeviceClass | undefined;
  /** Of a pod, all that it controls. */
  readonly ownedBy: (uid: string) => Iterable<ResourceClaim>;
}
/** What is done with claims when no node would do; neither waits. */
export interface Undoing {
  /** Takes back the devices of a claim that nobody uses. */
  deallocate(claim: ResourceClaim): void;
  /** Deletes the claim that an attempt has left. */
  discard(claim: ResourceClaim): void;
}
/** Looks at pods and nodes: what they need, have, and can get. */
export class Attempts implements DeviceView {
  readonly #world: World;
  readonly #known: Known;
  readonly #undoing: Undoing;
  readonly #attempts = new WeakMap<Cycle, { readonly preparation: Preparation; readonly attempt?: Attempt }>();
  /** The pod that is being placed, and since when. */
  #latest: { readonly attempt: Attempt; readonly args: DynamicResourcesArgs; readonly version: number } | undefined;

  constructor(world: World, known: Known, undoing: Undoing) {
    this.#world = world;
    this.#known = known;
    this.#undoing = undoing;
  }
  /** Why the pod need not be looked at yet. Source: plugins/dynamicresources PreEnqueue. */
  waitsFor(pod: Pod): string | undefined {
    const claims = claimsOf(pod, (key) => this.#known.tracker.get(key));
    return 'reason' in claims ? claims.reason : undefined;
  }
  isBacked(resource: string): boolean {
    return this.#known.classFor(resource) !== undefined;
  }
  /** While one attempt lasts nothing changes, so a cycle is prepared once. Source: PreFilter. */
  prepare(cycle: Cycle, args: DynamicResourcesArgs): Preparation {
    let known = this.#attempts.get(cycle);
    if (known === undefined) this.#attempts.set(cycle, (known = this.#prepare(cycle.pod, args)));
    this.#latest = known.attempt && { attempt: known.attempt, args, version: this.#known.version() };
    return known.preparation;
  }
  /** What was found for the pod that is being placed; looked for anew on its node if something has changed since. */
  found(pod: PodInfo, node: NodeInfo): Attempt | undefined {
    const latest = this.#latest;
    if (latest?.attempt.asking.pod.uid !== pod.uid) return undefined;
    if (latest.version === this.#known.version()) return latest.attempt;
    const { preparation, attempt } = this.#prepare(pod, latest.args);
    const rejected = attempt?.judge(node) ?? (typeof preparation === 'object' && 'reject' in preparation ? preparation.reject : undefined);
    if (rejected) throw new Error(rejected.reasons.join(', '));
    return attempt;
  } // prettier-ignore
  #prepare(info: PodInfo, args: DynamicResourcesArgs): { readonly preparation: Preparation; readonly attempt?: Attempt } {
    const { pod } = info;
    const { tracker, classFor, deviceClass } = this.#known;
    const reject = (reason: string): { readonly preparation: Preparation } => ({ preparation: { reject: rejection(NAME, reason) } });
    const users = claimsOf(pod, (key) => tracker.get(key));
    if ('reason' in users) return reject(users.reason);
    const extended = this.#extendedOf(info);
    const claims = extended ? [...users, extended] : users;
    if (claims.length === 0) return { preparation: 'skip' };
    const open = claims.filter(({ status }) => status?.allocation === undefined);
    for (const claim of open) {
      if (tracker.isPromised(claim.metadata.uid!)) return reject(`resource claim ${claimName(claim)} is in the process of being allocated`);
      const problem = claim === extended ? undefined : problemOf(claim, deviceClass);
      if (problem !== undefined) return reject(problem);
    }
    const attempt = new Attempt({
      pod: info,
      claims,
      extended,
      allocator: open.length > 0 ? this.#allocator(durationMs(args.filterTimeout) ?? FILTER_TIMEOUT_MS) : undefined,
      classFor: (resource) => classFor(resource)?.metadata.name,
      bindingTimeoutMs: durationMs(args.bindingTimeout) ?? BINDING_TIMEOUT_MS,
      now: () => this.#world.clock.now(),
    });
    return { preparation: { filter: (node) => attempt.judge(node) }, attempt };
  } // prettier-ignore
  /** Source: preFilterExtendedResources. */
  #extendedOf({ pod, requests, uid }: PodInfo): ResourceClaim | undefined {
    let isBacked = false;
    for (const [name, amount] of requests) isBacked ||= amount > 0 && mayBeBacked(name) && this.isBacked(name);
    if (!isBacked) return undefined;
    for (const claim of this.#known.ownedBy(uid))
      if (isExtendedClaimOf(pod, claim)) return this.#known.tracker.get(claimName(claim));
    return extendedClaim(pod, this.#world.ids.uuid());
  }
  #allocator(timeoutMs: number): Allocator {
    const { clock, ids } = this.#world;
    const elapsed = (): number => (clock.elapsed ?? clock.now)();
    let until = Infinity;
    const { tracker, slices, deviceClass } = this.#known;
    const all = allocator(slices(), {
      allocated: tracker,
      deviceClass,
      selects(expression, { driver, device }) {
        const selected = selectsDevice(expression, driver, device);
        if (typeof selected === 'boolean') return selected;
        throw new Error(selected.error);
      },
      newId: () => ids.uuid(),
      isOver: () => elapsed() > until,
    });
    return {
      allocate(node, claims) {
        until = timeoutMs > 0 ? elapsed() + timeoutMs : Infinity;
        return all.allocate(node, claims);
      },
    };
  }
  score(cycle: Cycle): Scorer | undefined {
    const attempt = this.#attempts.get(cycle)?.attempt;
    return (
      attempt && { score: ({ name }) => attempt.score(name), normalize: (scores) => normalizeByMax(scores, false) }
    );
  }
  /** Source: PostFilter. */
  postFilter(cycle: Cycle): Preemption {
    const answer = (unhelpful: string): Preemption => ({ unhelpful, renounces: false });
    const attempt = this.#attempts.get(cycle)?.attempt;
    if (attempt === undefined) return answer('no new claims to deallocate');
    attempt.over();
    const { claims, extended, pod } = attempt.asking;
    for (const i of attempt.unavailable) {
      const claim = claims[i]!;
      const consumers = claim.status?.reservedFor ?? [];
      if (claim === extended || consumers.some(({ uid }) => uid !== pod.uid)) continue;
      this.#undoing.deallocate(claim);
      return answer('deallocation of ResourceClaim completed');
    }
    if (extended === undefined || isUnwritten(extended)) return answer('still not schedulable');
    this.#undoing.discard(extended);
    return answer('deletion of ResourceClaim completed');
  }
}
/** Of a Go duration that was checked before. */
function durationMs(text: string | undefined): number | undefined {
  const nanos = text === undefined ? undefined : parseDuration(text);
  return typeof nanos === 'bigint' ? Number(nanos / 1_000_000n) : undefined;
}
