import { parseCidr, parseIp, type Cidr } from '../../../schemas/meta/ip.ts';
import { formatIp } from '../../../schemas/networking/strict-ip.ts';

/** .0 names the range, .1 is the node's bridge. */
const FIRST = 2;
/** More than any node has pods; an IPv6 range has far more addresses than are counted here. */
const MOST = 2 ** 24;

/** Addresses of one range, given out in turn so that a freed one is not reused at once. */
export class AddressPool {
  readonly #range: Cidr;
  readonly #size: number;
  readonly #used = new Set<number>();
  #next = FIRST;

  /** Throws on what is no range. */
  constructor(cidr: string) {
    const range = parseCidr(cidr);
    if (range === undefined) throw new Error(`${cidr} is no range of addresses`);
    this.#range = range;
    this.#size = Math.min(2 ** ((range.family === 4 ? 32 : 128) - range.bits), MOST);
  }
  /** undefined when all are in use. */
  take(): string | undefined {
    const usable = this.#size - FIRST - 1;
    for (let i = 0; i < usable; i++) {
      const at = FIRST + ((this.#next - FIRST + i) % usable);
      if (this.#used.has(at)) continue;
      this.#used.add(at);
      this.#next = at + 1;
      return formatIp(this.#range.family, this.#range.base + BigInt(at));
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
    const ip = parseIp(address);
    return ip?.family === this.#range.family ? Number(ip.value - this.#range.base) : -1;
  }
}
