import type { ResourceClaim } from '../../../../../schemas/generated/resource-v1.ts';
import type { NodeIdentity } from '../../../../../schemas/helpers/node-affinity.ts';
import { consumptions, hasCapacity } from './capacity.ts';
import { constraintOf, type Constraint } from './constraints.ts';
import type { CounterBook } from './counters.ts';
import { reaches, nanos, type Candidate, type Pool, type Surroundings } from './devices.ts';
import { alternatives, isKeptOff, type Request, type Wanted } from './requests.ts';
import { claimName, Unsound, wantedOf } from './soundness.ts';

/** Most devices of one claim. Source: resource/v1 AllocationResultsMaxSize. */
const MOST_DEVICES = 32;

/** A device that a claim gets. */
export interface Chosen {
  readonly wanted: Wanted;
  readonly candidate: Candidate;
  /** Of a device that others may have as well: which part this is, and what it takes. */
  readonly share?: { readonly id: string; readonly consumed: Readonly<Record<string, string>> };
}
/** `tooMany`: whatever is chosen, the claim would get more devices than it may. */
type Found = 'found' | 'none' | 'tooMany';
/** Where in the pools the next device of a request is looked for: those before have been tried. */
interface Position {
  readonly pool: number;
  readonly candidate: number;
}
const START: Position = { pool: 0, candidate: 0 };
/** Thrown when a search has taken longer than it may. */
export class SearchTimeout extends Error {}

/**
 * Looks for devices on one node for all claims together: every combination, in the order of the pools, until one does.
 * Requests are served in their order; devices of one request have no order among each other. Source:
 * structured/internal/incubating allocateOne.
 */
export class Search {
  readonly #node: NodeIdentity;
  readonly #claims: readonly ResourceClaim[];
  readonly #pools: readonly Pool[];
  readonly #around: Surroundings;
  readonly #counters: CounterBook;
  /** By claim, request and alternative. */
  readonly #wanted: (readonly (readonly Wanted[])[])[] = [];
  readonly #constraints: (readonly Constraint[])[] = [];
  readonly #selected = new Map<Request, Map<string, boolean>>();
  /** Devices that are being given away, by the claims that get them. */
  readonly #giving = new Map<string, Set<number>>();
  readonly #sharing = new Map<string, { shares: number; readonly taken: Map<string, bigint> }>();
  /** By claim. */
  readonly chosen: Chosen[][];

  /** Throws Unsound where something is wrong with a claim or a class. */
  constructor(node: NodeIdentity, claims: readonly ResourceClaim[], pools: readonly Pool[], around: Surroundings, counters: CounterBook) {
    this.#node = node;
    this.#claims = claims;
    this.#pools = pools;
    this.#around = around;
    this.#counters = counters;
    this.chosen = claims.map(() => []);
    for (const claim of claims) {
      const of = (request: Request): Wanted =>
        wantedOf(claim, request, pools, around, (one, candidate) => this.#isSelected(claim, one, candidate) && this.#hasRoom(one.request, candidate));
      const { requests = [], constraints = [] } = claim.spec.devices ?? {};
      const wanted = requests.map((request) => alternatives(request).map(of));
      const least = wanted.reduce((sum, all) => sum + Math.min(...all.map(({ count }) => count)), 0);
      if (least > MOST_DEVICES)
        throw new Unsound(`claim ${claimName(claim)}: number of requested devices ${least} exceeds the claim limit of ${MOST_DEVICES}`);
      this.#wanted.push(wanted);
      this.#constraints.push(constraints.map((one, i) => {
        const constraint = constraintOf(one);
        if (constraint === undefined) throw new Unsound(`claim ${claimName(claim)}, constraint #${i}: empty constraint (unsupported constraint type?)`);
        return constraint;
      }));
    }
  } // prettier-ignore

  /** Fills `chosen`, if that is possible. Throws Unsound and SearchTimeout. */
  run(): boolean {
    return this.#fromClaim(0) === 'found';
  }
  #fromClaim(claim: number): Found {
    if (claim >= this.#claims.length) return 'found';
    const found = this.#fromRequest(claim, 0);
    // Another choice for an earlier claim may be of help.
    return found === 'tooMany' && claim > 0 ? 'none' : found;
  }
  #fromRequest(claim: number, request: number): Found {
    const wanted = this.#wanted[claim]![request];
    if (wanted === undefined) return this.#fromClaim(claim + 1);
    if (wanted[0]!.request.name === wanted[0]!.request.base) return this.#device(claim, request, wanted[0]!, 0, START);
    let found: Found = 'tooMany';
    for (const alternative of wanted) {
      const now = this.#device(claim, request, alternative, 0, START);
      if (now === 'found') return now;
      if (now === 'none') found = 'none';
    }
    return found;
  }
  /** The `nth` device of a request, and all after it. */
  #device(claim: number, request: number, wanted: Wanted, nth: number, from: Position): Found {
    if (this.#around.isOver()) throw new SearchTimeout('timed out');
    if (wanted.all?.length === 0) return 'none';
    if (nth >= wanted.count) return this.#fromRequest(claim, request + 1);
    if (this.chosen[claim]!.length + wanted.count - nth > MOST_DEVICES) return 'tooMany';
    if (wanted.all !== undefined) {
      const give = this.#give(claim, wanted, wanted.all[nth]!);
      if (give === undefined) return 'none';
      const found = this.#device(claim, request, wanted, nth + 1, START);
      if (found !== 'found') give();
      return found;
    }
    for (let p = from.pool; p < this.#pools.length; p++) {
      const { candidates } = this.#pools[p]!;
      for (let c = p === from.pool ? from.candidate : 0; c < candidates.length; c++) {
        const candidate = candidates[c]!;
        if (!this.#isFree(claim, wanted.request, candidate)) continue;
        if (!this.#isSelected(this.#claims[claim]!, wanted, candidate)) continue;
        const take = this.#give(claim, wanted, candidate);
        if (take === undefined) continue;
        const found = this.#device(claim, request, wanted, nth + 1, { pool: p, candidate: c + 1 });
        if (found === 'found') return found;
        take();
        if (found === 'tooMany') return found;
      }
    }
    return 'none';
  }
  #isFree(claim: number, { adminAccess }: Request, { id }: Candidate): boolean {
    const claims = this.#giving.get(id);
    if (adminAccess) return claims?.has(claim) !== true;
    return !this.#around.allocated.isTaken(id) && (claims === undefined || claims.size === 0);
  }
  #hasRoom({ capacity }: Request, { id, device }: Candidate): boolean {
    return hasCapacity(device, capacity, this.#around.allocated.consumed(id), this.#sharing.get(id)?.taken);
  }
  /** Whether class and request select the device, and it is within reach. */
  #isSelected(claim: ResourceClaim, wanted: Wanted, candidate: Candidate): boolean {
    let known = this.#selected.get(wanted.request);
    if (known === undefined) this.#selected.set(wanted.request, (known = new Map<string, boolean>()));
    let is = known.get(candidate.id);
    if (is === undefined) known.set(candidate.id, (is = this.#selects(claim, wanted, candidate)));
    return is;
  }
  #selects(claim: ResourceClaim, { request, deviceClass }: Wanted, candidate: Candidate): boolean {
    const all = (selectors: Request['selectors'], whose: string): boolean =>
      selectors.every(({ cel }, i) => {
        try {
          return this.#around.selects(cel?.expression ?? '', candidate);
        } catch (error) {
          throw new Unsound(`${whose}: selector #${i}: ${(error as Error).message}`);
        }
      });
    if (!all(deviceClass.spec.selectors ?? [], `class ${deviceClass.metadata.name}`)) return false;
    if (!all(request.selectors, `claim ${claimName(claim)}`)) return false;
    return candidate.slice.spec.perDeviceNodeSelection !== true || reaches(candidate.device, this.#node);
  }
  /** Gives the device to the claim, if it may have it; what comes back takes it from it again. */
  #give(claim: number, wanted: Wanted, candidate: Candidate): (() => void) | undefined {
    const { request } = wanted;
    const { id, device } = candidate;
    const isShared = device.allowMultipleAllocations === true;
    if (!this.#isFree(claim, request, candidate) || isKeptOff(request, candidate) || !this.#hasRoom(request, candidate)) return undefined;
    // Whoever shares a device that is in use takes nothing more from its counters.
    const isInUse = isShared && (this.#around.allocated.consumed(id) !== undefined || this.#sharing.has(id));
    const counted = !isInUse && (device.consumesCounters?.length ?? 0) > 0;
    if (counted && !this.#counters.take(candidate)) return undefined;
    const constraints = this.#constraints[claim]!;
    for (const [i, constraint] of constraints.entries()) {
      if (constraint.add(request, candidate)) continue;
      for (const one of constraints.slice(0, i)) one.remove(request, candidate);
      if (counted) this.#counters.release(candidate);
      // The claim contradicts itself: no other choice helps.
      if (wanted.all !== undefined)
        throw new Unsound(`claim ${claimName(this.#claims[claim]!)}, request ${request.own}: cannot add device ${id} because a claim constraint would not be satisfied`);
      return undefined;
    }
    const share = isShared ? { id: this.#around.newId(), consumed: consumptions(device, request.capacity) } : undefined;
    if (share !== undefined) this.#share(id, share.consumed, 1n);
    else this.#holdersOf(id).add(claim);
    this.chosen[claim]!.push({ wanted, candidate, ...(share && { share }) });
    return () => {
      this.chosen[claim]!.pop();
      if (share !== undefined) this.#share(id, share.consumed, -1n);
      else this.#holdersOf(id).delete(claim);
      for (const one of constraints) one.remove(request, candidate);
      if (counted) this.#counters.release(candidate);
    };
  } // prettier-ignore
  #holdersOf(id: string): Set<number> {
    let claims = this.#giving.get(id);
    if (claims === undefined) this.#giving.set(id, (claims = new Set<number>()));
    return claims;
  }
  #share(id: string, consumed: Readonly<Record<string, string>>, sign: 1n | -1n): void {
    let sharing = this.#sharing.get(id);
    if (sharing === undefined) this.#sharing.set(id, (sharing = { shares: 0, taken: new Map<string, bigint>() }));
    sharing.shares += Number(sign);
    if (sharing.shares === 0) this.#sharing.delete(id);
    for (const [name, amount] of Object.entries(consumed))
      sharing.taken.set(name, (sharing.taken.get(name) ?? 0n) + sign * nanos(amount));
  }
}
