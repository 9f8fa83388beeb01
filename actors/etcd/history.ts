import type { Version } from './version.ts';

/** All versions above the floor in the order of their revisions. */
export class History {
  #versions: Version[] = [];
  #head = 0;
  /** Of the newest one that was dropped. */
  #baseSum = 0;

  get length(): number {
    return this.#versions.length - this.#head;
  }
  push(version: Version): void {
    this.#versions.push(version);
  }
  /** Version.sum of the newest. */
  get sum(): number {
    return this.length === 0 ? this.#baseSum : this.#versions.at(-1)!.sum;
  }
  /** Version.sum as it was at `revision`, which must not be older than what was dropped. */
  sumAt(revision: number): number {
    const i = this.#position(revision + 1);
    return i === this.#head ? this.#baseSum : this.#versions[i - 1]!.sum;
  }
  first(): Version | undefined {
    return this.#versions[this.#head];
  }
  *after(revision: number): Iterable<Version> {
    for (let i = this.#position(revision + 1); i < this.#versions.length; i++) yield this.#versions[i]!;
  }
  newest(): Version | undefined {
    return this.length === 0 ? undefined : this.#versions.at(-1);
  }
  /** True if a version up to `revision` is still in it. */
  reaches(revision: number): boolean {
    const first = this.first();
    return first !== undefined && first.revision <= revision;
  }
  /** Removes and returns the oldest, up to `revision` and at most `limit`. */
  dropTo(revision: number, limit: number): Version[] {
    const end = Math.min(this.#position(revision + 1), this.#head + limit);
    const dropped = this.#versions.slice(this.#head, end);
    this.#head = end;
    this.#baseSum = dropped.at(-1)?.sum ?? this.#baseSum;
    if (this.#head > 1024 && this.#head * 2 > this.#versions.length) {
      this.#versions = this.#versions.slice(this.#head);
      this.#head = 0;
    } else this.#versions.fill(undefined as never, end - dropped.length, end);
    return dropped;
  }
  /** Revision of the newest version but the last `count`; 0 if there are no more. */
  allBut(count: number): number {
    return this.length > count ? this.#versions[this.#versions.length - count - 1]!.revision : 0;
  }
  /** Revision of the newest version written up to `time`; 0 if none. */
  upTo(time: number): number {
    let low = this.#head;
    let high = this.#versions.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#versions[middle]!.time <= time) low = middle + 1;
      else high = middle;
    }
    return low > this.#head ? this.#versions[low - 1]!.revision : 0;
  }

  #position(revision: number): number {
    let low = this.#head;
    let high = this.#versions.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#versions[middle]!.revision < revision) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
