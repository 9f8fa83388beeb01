import type { Service } from '../../../schemas/generated/core-v1.ts';
import type { IPAddress, ServiceCIDR } from '../../../schemas/generated/networking-v1.ts';
import { reasonOf } from '../../../schemas/meta/status.ts';
import { parseTime } from '../../../schemas/meta/time.ts';
import { services } from '../../runtime/resources.ts';
import { contains, formatAddress, parseAddress, parseRange, usable, type Family, type Range } from './ip.ts';
import type { AllocationContext } from './context.ts';
import type { AllocationMetrics, Usage } from './metrics.ts';

export const MANAGED_BY = 'ipaddress.kubernetes.io/managed-by';
export const FAMILY = 'ipaddress.kubernetes.io/ip-family';
export const MANAGER = 'ipallocator.k8s.io';
/** A claim without a service may belong to a create that is under way; after so long it is a leftover. */
const LEFTOVER_MS = 60_000;
const RANDOM_TRIES = 64;
/** The ServiceCIDR that an API server makes of what it was started with. */
const OWN_CIDR = 'kubernetes';
/** Addresses in the largest range: an IPv6 prefix of 64 bits. */
const LARGEST = 1n << 64n;

/** Refusals of one address, as they end up in the text of an Invalid status. */
export class AddressError extends Error {
  override readonly name = 'AddressError';
  readonly isFull: boolean;
  constructor(message: string, isFull = false) {
    super(message);
    this.isFull = isFull;
  }
}
interface Offer {
  readonly range: Range;
  readonly ready: boolean;
}
export interface ServiceRef {
  readonly namespace: string;
  readonly name: string;
}

/**
 * Cluster addresses: one IPAddress object each. Creating the object is the claim, so any number of API servers can
 * allocate at once. Source: kubernetes pkg/registry/core/service/ipallocator (ipallocator.go, cidrallocator.go).
 */
export class Addresses {
  readonly #context: AllocationContext;
  readonly #configured: readonly Range[];
  readonly #counts: AllocationMetrics;
  constructor(context: AllocationContext, counts: AllocationMetrics) {
    this.#context = context;
    this.#counts = counts;
    this.#configured = context.serviceCidrs.map((cidr) => {
      const range = parseRange(cidr);
      if (range === undefined) throw new Error(`${JSON.stringify(cidr)} is no range of addresses`);
      return range;
    });
  }
  get families(): readonly Family[] {
    return [...new Set(this.#configured.map((r) => r.family))];
  }
  #resource(name: 'ipaddresses' | 'servicecidrs') {
    return this.#context.registry.lookup({ group: 'networking.k8s.io', version: 'v1', resource: name })!;
  }
  /**
   * What ServiceCIDRs offer, each range once, ready if one that offers it is. Before the cluster's own exists, what the
   * server was started with. Source: ipallocator/cidrallocator.go syncAllocators.
   */
  #offers(family: Family): readonly Offer[] {
    const found = new Map<string, Offer>();
    let hasOwn = false;
    for (const object of this.#context.cache.list<ServiceCIDR>(this.#resource('servicecidrs'))) {
      hasOwn ||= object.metadata.name === OWN_CIDR;
      const ready = isReady(object);
      for (const cidr of object.spec?.cidrs ?? []) {
        const range = parseRange(cidr);
        if (range?.family !== family || range.size > LARGEST) continue;
        found.set(cidr, { range, ready: ready || found.get(cidr)?.ready === true });
      }
    }
    if (!hasOwn)
      for (const range of this.#configured) if (range.family === family) found.set(range.cidr, { range, ready: true });
    return [...found.values()];
  }
  /** Claims the address asked for. Thrown: AddressError. */
  async claim(address: string, owner: ServiceRef, dryRun: boolean): Promise<void> {
    const parsed = parseAddress(address);
    const offers = parsed === undefined ? [] : this.#offers(parsed.family);
    if (dryRun) {
      // A rehearsal asks one range alone, and not whether the address is taken.
      const [first] = offers;
      if (first?.ready !== true) throw new AddressError('allocator not ready');
      if (!contains(first.range, parsed!))
        throw new AddressError(`the provided IP (${address}) is not in the valid range. The range of valid IPs is ${first.range.cidr}`); // prettier-ignore
      return;
    }
    const offer = parsed && offers.find((o) => o.ready && contains(o.range, parsed));
    if (parsed === undefined || offer === undefined)
      throw new AddressError('the provided network does not match the current range');
    const { family, value } = parsed;
    const { cidr } = offer.range;
    const began = this.#context.world.clock.now();
    const name = formatAddress(family, value);
    const isGiven = (await this.create(family, name, owner)) || ((await this.#reclaim(name)) && (await this.create(family, name, owner))); // prettier-ignore
    if (!isGiven) {
      this.#counts.gaveNone(cidr, 'static');
      throw new AddressError('provided IP is already allocated');
    }
    this.#counts.gave(cidr, 'static', (this.#context.world.clock.now() - began) / 1_000);
  }
  /**
   * Claims any free address. Those that users choose by hand come from the low end: it is used last. Thrown: AddressError,
   * with `isFull` if nothing is left.
   */
  async next(family: Family, owner: ServiceRef, dryRun: boolean): Promise<string> {
    const offers = this.#offers(family);
    if (dryRun) {
      const [first] = offers;
      if (first?.ready !== true) throw new AddressError('allocator not ready');
      return formatAddress(family, first.range.base);
    }
    for (const { range, ready } of offers) {
      if (!ready) continue;
      const { first, last } = usable(range);
      const band = reserved(range.size);
      const began = this.#context.world.clock.now();
      for (const [from, to] of [
        [first + band, last],
        [first, first + band - 1n],
      ] as const)
        for (const value of this.#candidates(from, to)) {
          const address = formatAddress(family, value);
          if (this.present(address) !== undefined) continue;
          if (!(await this.create(family, address, owner))) continue;
          this.#counts.gave(range.cidr, 'dynamic', (this.#context.world.clock.now() - began) / 1_000);
          return address;
        }
      this.#counts.gaveNone(range.cidr, 'dynamic');
    }
    throw new AddressError('range is full', true);
  }
  async release(address: string): Promise<void> {
    try {
      await this.#context.loopback.delete(this.#resource('ipaddresses'), '', address);
    } catch (error) {
      if (reasonOf(error) !== 'NotFound') throw error;
    }
  }
  get resource() {
    return this.#resource('ipaddresses');
  }
  /** Whether any ServiceCIDR has the address, ready or not. */
  isOffered(address: { readonly family: Family; readonly value: bigint }): boolean {
    return this.#offers(address.family).some(({ range }) => contains(range, address));
  }

  /** How far each range is used. */
  *usage(): Iterable<readonly [cidr: string, usage: Usage]> {
    const given = Array.from(this.#context.cache.list<IPAddress>(this.resource))
      .filter(({ metadata }) => metadata.labels?.[MANAGED_BY] === MANAGER)
      .flatMap(({ metadata }) => parseAddress(metadata.name ?? '') ?? []);
    for (const family of this.families)
      for (const { range } of this.#offers(family)) {
        const { first, last } = usable(range);
        const size = last < first ? 0 : Number(last - first + 1n);
        const allocated = given.filter((address) => contains(range, address)).length;
        yield [range.cidr, { allocated, available: Math.max(0, size - allocated) }];
      }
  }

  *#candidates(from: bigint, to: bigint): Generator<bigint> {
    const size = to - from + 1n;
    if (size <= 0n) return;
    const pick = (): bigint =>
      from + (BigInt(Math.floor(this.#context.world.random() * Number.MAX_SAFE_INTEGER)) % size);
    for (let i = 0; i < RANDOM_TRIES; i++) yield pick();
    // Nearly full: look at each from a random one on. Huge ranges are never that full.
    const start = pick() - from;
    const most = size > 1_000_000n ? 1_000_000n : size;
    for (let i = 0n; i < most; i++) yield from + ((start + i) % size);
  }
  present(address: string): IPAddress | undefined {
    return this.#context.cache.get<IPAddress>(this.#resource('ipaddresses'), '', address);
  }
  /** False if someone has it. */
  async create(family: Family, address: string, owner: ServiceRef): Promise<boolean> {
    const object: IPAddress = {
      kind: 'IPAddress',
      apiVersion: 'networking.k8s.io/v1',
      metadata: { name: address, labels: { [FAMILY]: family, [MANAGED_BY]: MANAGER } },
      spec: { parentRef: { group: '', resource: 'services', ...owner } },
    };
    try {
      await this.#context.loopback.create(this.#resource('ipaddresses'), object);
      return true;
    } catch (error) {
      if (reasonOf(error) === 'AlreadyExists') return false;
      throw error;
    }
  }
  /** Drops a claim whose service is not there, left by a server that died between claim and create. */
  async #reclaim(address: string): Promise<boolean> {
    const { cache, registry, world, fresh } = this.#context;
    await fresh();
    const claim = this.present(address);
    if (claim === undefined) return true;
    const parent = claim.spec?.parentRef;
    const owner = cache.get<Service>(registry.lookup(services)!, parent?.namespace ?? '', parent?.name ?? '');
    if (owner !== undefined && addressesOf(owner).includes(address)) return false;
    if (claim.metadata.labels?.[MANAGED_BY] !== MANAGER || !isOld(claim, world.clock.now())) return false;
    await this.release(address);
    return true;
  }
}
/** Nobody may be there to say so: what has no condition is taken for ready. */
function isReady({ metadata, status }: ServiceCIDR): boolean {
  if (metadata.deletionTimestamp !== undefined && metadata.deletionTimestamp !== null) return false;
  const condition = status?.conditions?.find((c) => c.type === 'Ready');
  return condition === undefined || condition.status === 'True';
}
const isOld = (claim: IPAddress, now: number): boolean =>
  now - (parseTime(claim.metadata.creationTimestamp ?? '') ?? now) > LEFTOVER_MS;
/** Source: ipallocator.go calculateRangeOffset. */
function reserved(size: bigint): bigint {
  const sixteenth = size / 16n;
  const band = sixteenth < 16n ? 16n : sixteenth > 256n ? 256n : sixteenth;
  return size <= 16n ? 0n : band;
}
/** Those that the cluster gave: neither headless nor external services have any. */
export const addressesOf = (service: Service): readonly string[] =>
  service.spec?.type === 'ExternalName'
    ? []
    : (service.spec?.clusterIPs ?? []).filter((ip) => ip !== '' && ip !== 'None');
