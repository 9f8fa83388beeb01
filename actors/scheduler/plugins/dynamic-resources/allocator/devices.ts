import type { Device, DeviceClass, ResourceSlice } from '../../../../../schemas/generated/resource-v1.ts';
import type { NodeSelector } from '../../../../../schemas/generated/core-v1.ts';
import { matchesTerm, type NodeIdentity } from '../../../../../schemas/helpers/node-affinity.ts';
import { parseQuantity } from '../../../../../schemas/meta/quantity.ts';

/** A device that may be chosen, and where it stands. */
export interface Candidate {
  /** `driver/pool/device`. Neither drivers nor devices have slashes in their names, so no two are alike. */
  readonly id: string;
  readonly driver: string;
  readonly pool: Pool;
  readonly slice: ResourceSlice;
  readonly device: Device;
}
/** Devices of a pool that a node can reach. */
export interface Pool {
  /** `driver/pool`. */
  readonly id: string;
  readonly driver: string;
  readonly name: string;
  /** Slices of it are missing: nothing of it may be allocated. */
  readonly isIncomplete: boolean;
  /** It contradicts itself: nothing of it may be allocated either. */
  readonly isInvalid: boolean;
  /** Some of its devices have to be waited for. */
  readonly isLate: boolean;
  readonly candidates: readonly Candidate[];
  /** Every device of the pool that takes from its counters, also those out of the node's reach. */
  readonly consumers: readonly Candidate[];
  /** Amounts by counter set and counter. */
  readonly counters: ReadonlyMap<string, ReadonlyMap<string, bigint>>;
}
/** What claims hold already. */
export interface Allocated {
  /** Held by one claim alone. */
  isTaken(id: string): boolean;
  /** Held at all, alone or shared. */
  isHeld(id: string): boolean;
  /** What shares of a device have taken of its capacities; undefined if nobody shares it. */
  consumed(id: string): ReadonlyMap<string, bigint> | undefined;
}
/** What a search reads besides slices and claims. */
export interface Surroundings {
  readonly allocated: Allocated;
  readonly deviceClass: (name: string) => DeviceClass | undefined;
  /** Whether an expression selects a device; throws `Error` with upstream's text where it cannot tell. */
  readonly selects: (expression: string, candidate: Candidate) => boolean;
  /** Makes the id of a share of a device. */
  readonly newId: () => string;
  /** Asked before each step; true ends the search. */
  readonly isOver: () => boolean;
}
const REMEMBER = 1_000;
const remembered = new Map<string, bigint>();
/** A quantity in 10^-9, exact. */
export function nanos(quantity: string | number): bigint {
  const text = String(quantity);
  let found = remembered.get(text);
  if (found === undefined) {
    if (remembered.size >= REMEMBER) remembered.clear();
    remembered.set(text, (found = parseQuantity(text).nano));
  }
  return found;
}
export const deviceId = (of: { readonly driver: string; readonly pool: string; readonly device: string }): string =>
  `${of.driver}/${of.pool}/${of.device}`;

/** Whether what says where devices are says that the node reaches them. Source: structured NodeMatches. */
export function reaches(
  at: { readonly nodeName?: string | undefined; readonly allNodes?: boolean | undefined; readonly nodeSelector?: NodeSelector | undefined }, // prettier-ignore
  node: NodeIdentity,
): boolean {
  if (at.nodeName) return at.nodeName === node.name;
  if (at.allNodes) return true;
  return at.nodeSelector?.nodeSelectorTerms.some((term) => matchesTerm(term, node)) ?? false;
}
