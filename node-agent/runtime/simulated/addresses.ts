/** Addresses of one IPv4 range, given out in turn so that a freed one is not reused at once. */
export class AddressPool {
  readonly #base: number;
  readonly #size: number;
  readonly #used = new Set<number>();
  #next = FIRST;

  constructor(cidr: string) {
    const [address = '', bits = '24'] = cidr.split('/');
    this.#base = address.split('.').reduce((sum, part) => sum * 256 + (Number(part) & 255), 0);
    this.#size = 2 ** (32 - Number(bits));
  }
  /** undefined when all are in use. */
  take(): string | undefined {
    const usable = this.#size - FIRST - 1;
    for (let i = 0; i < usable; i++) {
      const at = FIRST + ((this.#next - FIRST + i) % usable);
      if (this.#used.has(at)) continue;
      this.#used.add(at);
      this.#next = at + 1;
      return this.#text(at);
    }
    return undefined;
  }
  /** Marks an address as used that was given out before; false if it is not of this range or taken. */
  claim(address: string): boolean {
    const at = this.#offset(address);
    if (at < 0 || at >= this.#size || this.#used.has(at)) return false;
    this.#used.add(at);
    if (at >= this.#next) this.#next = at + 1;
    return true;
  }
  release(address: string): void {
    this.#used.delete(this.#offset(address));
  }
  #offset(address: string): number {
    return address.split('.').reduce((sum, part) => sum * 256 + (Number(part) & 255), 0) - this.#base;
  }
  #text(offset: number): string {
    const n = this.#base + offset;
    return [24, 16, 8, 0].map((shift) => Math.floor(n / 2 ** shift) % 256).join('.');
  }
}
/** .0 names the range, .1 is the node's bridge. */
const FIRST = 2;
