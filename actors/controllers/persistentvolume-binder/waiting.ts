import type { PersistentVolume, PersistentVolumeClaim } from '../../../schemas/generated/core-v1.ts';
import { compileSelector } from '../../../schemas/helpers/label-match.ts';
import {
  canHold,
  claimClass,
  hasAccessModes,
  requestedSize,
  sizeOf,
  volumeClass,
} from '../../../schemas/helpers/volume-binding.ts';
import { keyOf } from '../../../schemas/meta/object.ts';
import { parseQuantity } from '../../../schemas/meta/quantity.ts';
import { Shelf } from './shelf.ts';

/** Claims that found no volume, so that a new volume is offered to the one that it fits best and not to all. */
export class WaitingClaims {
  readonly #byClass = new Map<string, Shelf<PersistentVolumeClaim>>();
  readonly #places = new Map<string, { readonly name: string; readonly size: bigint }>();

  get size(): number {
    return this.#places.size;
  }
  add(claim: PersistentVolumeClaim): void {
    const key = keyOf(claim);
    this.delete(key);
    const name = claimClass(claim);
    const size = parseQuantity(requestedSize(claim)).nano;
    this.#places.set(key, { name, size });
    let shelf = this.#byClass.get(name);
    if (shelf === undefined) this.#byClass.set(name, (shelf = new Shelf()));
    shelf.put(key, size, claim);
  }
  delete(key: string): void {
    const place = this.#places.get(key);
    if (place === undefined) return;
    this.#places.delete(key);
    const shelf = this.#byClass.get(place.name)!;
    shelf.take(key, place.size);
    if (shelf.isEmpty) this.#byClass.delete(place.name);
  }
  clear(): void {
    this.#byClass.clear();
    this.#places.clear();
  }
  /** Takes out the claim that wants most of what the volume has, of equal ones the first, and returns its key. */
  takeFor(volume: PersistentVolume): string | undefined {
    const claim = this.#byClass
      .get(volumeClass(volume))
      ?.largest(parseQuantity(sizeOf(volume)).nano, (each) => fits(volume, each));
    if (claim === undefined) return undefined;
    const key = keyOf(claim);
    this.delete(key);
    return key;
  }
  ofClass(name: string): readonly string[] {
    return this.#byClass.get(name)?.keys() ?? [];
  }
}
function fits(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  if (!canHold(volume, claim) || !hasAccessModes(claim, volume)) return false;
  const selector = claim.spec?.selector;
  return selector === undefined || compileSelector(selector)(volume.metadata.labels);
}
