/** Things by their size, so that those next above or below one are found without looking at the others; of equal ones in order of arrival. */
export class Shelf<T> {
  /** Distinct ones, rising. */
  readonly #sizes: bigint[] = [];
  readonly #bySize = new Map<bigint, Map<string, T>>();

  get isEmpty(): boolean {
    return this.#sizes.length === 0;
  }
  put(key: string, size: bigint, thing: T): void {
    let same = this.#bySize.get(size);
    if (same === undefined) {
      this.#bySize.set(size, (same = new Map()));
      this.#sizes.splice(this.#from(size), 0, size);
    }
    same.set(key, thing);
  }
  take(key: string, size: bigint): void {
    const same = this.#bySize.get(size);
    if (!same?.delete(key) || same.size > 0) return;
    this.#bySize.delete(size);
    this.#sizes.splice(this.#from(size), 1);
  }
  keys(): string[] {
    return [...this.#bySize.values()].flatMap((same) => [...same.keys()]);
  }
  /** The smallest that is not below `size`. */
  smallest(size: bigint, matches: (thing: T) => boolean): T | undefined {
    for (let i = this.#from(size); i < this.#sizes.length; i++) {
      const found = this.#first(i, matches);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  /** The largest that is not above `size`. */
  largest(size: bigint, matches: (thing: T) => boolean): T | undefined {
    for (let i = this.#from(size + 1n) - 1; i >= 0; i--) {
      const found = this.#first(i, matches);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  #first(at: number, matches: (thing: T) => boolean): T | undefined {
    for (const thing of this.#bySize.get(this.#sizes[at]!)!.values()) if (matches(thing)) return thing;
    return undefined;
  }
  /** Where the first size not below `size` is, or would be. */
  #from(size: bigint): number {
    let [low, high] = [0, this.#sizes.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#sizes[middle]! < size) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
