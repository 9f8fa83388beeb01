/** A binary heap whose items can be found and removed by key. Equal items leave in order of arrival. */
export class Heap<T> {
  readonly #items: { readonly key: string; readonly item: T; readonly order: number }[] = [];
  readonly #at = new Map<string, number>();
  readonly #less: (a: T, b: T) => boolean;
  #arrivals = 0;

  constructor(less: (a: T, b: T) => boolean) {
    this.#less = less;
  }
  get size(): number {
    return this.#items.length;
  }
  has(key: string): boolean {
    return this.#at.has(key);
  }
  peek(): T | undefined {
    return this.#items[0]?.item;
  }
  values(): T[] {
    return this.#items.map((e) => e.item);
  }
  set(key: string, item: T): void {
    this.delete(key);
    this.#items.push({ key, item, order: this.#arrivals++ });
    this.#at.set(key, this.#items.length - 1);
    this.#up(this.#items.length - 1);
  }
  pop(): T | undefined {
    const top = this.#items[0];
    if (top !== undefined) this.delete(top.key);
    return top?.item;
  }
  delete(key: string): T | undefined {
    const i = this.#at.get(key);
    if (i === undefined) return undefined;
    const { item } = this.#items[i]!;
    const last = this.#items.pop()!;
    this.#at.delete(key);
    if (i < this.#items.length) {
      this.#items[i] = last;
      this.#at.set(last.key, i);
      this.#down(i);
      this.#up(i);
    }
    return item;
  }
  #before(i: number, j: number): boolean {
    const a = this.#items[i]!;
    const b = this.#items[j]!;
    if (this.#less(a.item, b.item)) return true;
    return !this.#less(b.item, a.item) && a.order < b.order;
  }
  #swap(i: number, j: number): void {
    const a = this.#items[i]!;
    const b = this.#items[j]!;
    this.#items[i] = b;
    this.#items[j] = a;
    this.#at.set(b.key, i);
    this.#at.set(a.key, j);
  }
  #up(i: number): void {
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!this.#before(i, parent)) return;
      this.#swap(i, parent);
      i = parent;
    }
  }
  #down(i: number): void {
    for (;;) {
      let least = i;
      for (const child of [2 * i + 1, 2 * i + 2])
        if (child < this.#items.length && this.#before(child, least)) least = child;
      if (least === i) return;
      this.#swap(i, least);
      i = least;
    }
  }
}
