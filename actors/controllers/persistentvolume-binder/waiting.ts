import type { PersistentVolume, PersistentVolumeClaim } from '../../../schemas/generated/core-v1.ts';
import { compileSelector } from '../../../schemas/helpers/label-match.ts';
import { canHold, claimClass, hasAccessModes, volumeClass } from '../../../schemas/helpers/volume-binding.ts';
import { keyOf } from '../../../schemas/meta/object.ts';

/** Claims that found no volume, in order of arrival, so that a new volume is offered to one of them and not to all. */
export class WaitingClaims {
  readonly #byClass = new Map<string, Map<string, PersistentVolumeClaim>>();
  readonly #classes = new Map<string, string>();

  get size(): number {
    return this.#classes.size;
  }
  add(claim: PersistentVolumeClaim): void {
    const key = keyOf(claim);
    const name = claimClass(claim);
    if (this.#classes.get(key) !== name) this.delete(key);
    this.#classes.set(key, name);
    const same = this.#byClass.get(name);
    if (same === undefined) this.#byClass.set(name, new Map([[key, claim]]));
    else same.set(key, claim);
  }
  delete(key: string): void {
    const name = this.#classes.get(key);
    if (name === undefined) return;
    this.#classes.delete(key);
    const same = this.#byClass.get(name)!;
    same.delete(key);
    if (same.size === 0) this.#byClass.delete(name);
  }
  /** Takes out the first claim that could have the volume, and returns its key. */
  takeFor(volume: PersistentVolume): string | undefined {
    for (const [key, claim] of this.#byClass.get(volumeClass(volume)) ?? []) {
      const { selector } = claim.spec ?? {};
      if (!canHold(volume, claim) || !hasAccessModes(claim, volume)) continue;
      if (selector !== undefined && !compileSelector(selector)(volume.metadata.labels)) continue;
      this.delete(key);
      return key;
    }
    return undefined;
  }
  ofClass(name: string): readonly string[] {
    return [...(this.#byClass.get(name)?.keys() ?? [])];
  }
}
