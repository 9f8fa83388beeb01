import type { Service } from '../../../schemas/generated/core-v1.ts';
import type { DynamicObject } from '../../../schemas/meta/object.ts';
import { services } from '../../runtime/resources.ts';
import type { AllocationContext } from './context.ts';
import type { AllocationMetrics, Usage } from './metrics.ts';
import { createRecorder, type Recorder } from './recorder.ts';

const PREFIX = '/registry/ranges/servicenodeports/';
const LEFTOVER_MS = 60_000;
const RANDOM_TRIES = 64;
const FIRST_REHEARSED = 32_769;

export class PortError extends Error {
  override readonly name = 'PortError';
}
/** All that one write takes and gives back; nothing is given back before it is known how the write ended. */
export interface PortOperation {
  take(port: number): Promise<void>;
  next(): Promise<number>;
  releaseLater(port: number): void;
  finish(committed: boolean): Promise<void>;
}

/**
 * Ports that every node opens for a service, one claim each. Source: kubernetes
 * pkg/registry/core/service/portallocator (allocator.go, operation.go).
 */
export class NodePorts {
  readonly #context: AllocationContext;
  readonly #first: number;
  readonly #last: number;
  #recorder: Recorder | undefined;
  /** By how many services of the cache each port is used. */
  readonly #used = new Map<number, number>();
  readonly #counts: AllocationMetrics;
  constructor(context: AllocationContext, counts: AllocationMetrics) {
    this.#context = context;
    this.#counts = counts;
    this.#first = context.nodePorts?.first ?? 30_000;
    this.#last = context.nodePorts?.last ?? 32_767;
    const resource = context.registry.lookup(services)!;
    for (const service of context.cache.list(resource)) this.#count(service, 1);
    context.cache.onChange(resource, (object, old) => {
      if (old !== undefined) this.#count(old, -1);
      if (object !== undefined) this.#count(object, 1);
    });
  }
  begin(owner: string, dryRun: boolean): PortOperation {
    const taken = new Set<number>();
    const later = new Set<number>();
    const { claims, world, fresh } = this.#context;
    const key = (port: number): string => `${PREFIX}${port}`;
    const isUsed = async (port: number): Promise<boolean> => {
      if ((this.#used.get(port) ?? 0) === 0) return false;
      // A service that was just deleted may still be in the cache.
      await fresh();
      return (this.#used.get(port) ?? 0) > 0;
    };
    const claim = async (port: number): Promise<boolean> => {
      if (taken.has(port) || (await isUsed(port))) return false;
      const value = JSON.stringify({ owner, at: world.clock.now() });
      if (!(await claims.take(key(port), value, (old) => this.#isLeftover(old)))) return false;
      taken.add(port);
      return true;
    };
    if (dryRun) return rehearsal(isUsed);
    return {
      take: async (port) => {
        const refuse = (why: string): PortError => {
          this.#counts.gaveNoPort('static');
          return new PortError(why);
        };
        if (port < this.#first || port > this.#last)
          throw refuse(`provided port is not in the valid range. The range of valid ports is ${this.#first}-${this.#last}`); // prettier-ignore
        if (!(await claim(port))) throw refuse('provided port is already allocated');
        this.#counts.gavePort('static');
      },
      next: async () => {
        for (const port of this.#candidates())
          if (await claim(port)) {
            this.#counts.gavePort('dynamic');
            return port;
          }
        this.#counts.gaveNoPort('dynamic');
        throw new PortError('range is full');
      },
      releaseLater: (port) => void later.add(port),
      finish: async (committed) => {
        await Promise.all([...(committed ? later : taken)].map((port) => claims.free(key(port))));
      },
    };
  }
  get usage(): Usage {
    const allocated = [...this.#used.values()].filter((services) => services > 0).length;
    return { allocated, available: Math.max(0, this.#last - this.#first + 1 - allocated) };
  }
  async release(ports: readonly number[]): Promise<void> {
    await Promise.all(ports.map((port) => this.#context.claims.free(`${PREFIX}${port}`)));
  }
  /** Source: portallocator/controller/repair.go. */
  async repair(): Promise<number> {
    const { claims, cache, registry, world } = this.#context;
    const present = new Map((await claims.list(PREFIX)).map((c) => [Number(c.key.slice(PREFIX.length)), c.value]));
    const seen = new Set<number>();
    let repairs = 0;
    for (const service of Array.from(cache.list<Service>(registry.lookup(services)!))) {
      const warn = (type: Parameters<AllocationMetrics['wrongPort']>[0], reason: string, note: string): void => {
        this.#counts.wrongPort(type);
        (this.#recorder ??= createRecorder(this.#context, 'portallocator-repair-controller')).warn(service, reason, 'PortAllocation', note); // prettier-ignore
      };
      for (const port of portsByProtocol(service)) {
        if (port < this.#first || port > this.#last)
          warn('outOfRange', 'PortOutOfRange', `Port ${port} is not within the port range ${this.#first}-${this.#last}; please recreate service`); // prettier-ignore
        else if (seen.has(port))
          warn(
            'duplicate',
            'PortAlreadyAllocated',
            `Port ${port} was assigned to multiple services; please recreate service`,
          );
        else if (!present.has(port)) {
          warn('repair', 'PortNotAllocated', `Port ${port} is not allocated; repairing`);
          const value = JSON.stringify({ owner: '', at: world.clock.now() });
          if (await claims.take(`${PREFIX}${port}`, value, () => false)) repairs++;
        }
        seen.add(port);
      }
    }
    for (const [port, value] of present) {
      if ((this.#used.get(port) ?? 0) > 0 || !this.#isLeftover(value)) continue;
      this.#counts.wrongPort('leak');
      await claims.free(`${PREFIX}${port}`);
      repairs++;
    }
    return repairs;
  }
  #isLeftover(value: string): boolean {
    try {
      const { at } = JSON.parse(value) as { at?: unknown };
      return typeof at === 'number' && this.#context.world.clock.now() - at > LEFTOVER_MS;
    } catch {
      return true;
    }
  }
  /** Chosen by hand from the low end, by the server from the rest first. Source: portallocator calculateRangeOffset. */
  *#candidates(): Generator<number> {
    const size = this.#last - this.#first + 1;
    const band = size <= 16 ? 0 : Math.min(Math.max(16, Math.floor(size / 32)), 128);
    const { random } = this.#context.world;
    const from = this.#first + band;
    const count = size - band;
    for (let i = 0; i < RANDOM_TRIES; i++) yield from + Math.floor(random() * count);
    const start = Math.floor(random() * count);
    for (let i = 0; i < count; i++) yield from + ((start + i) % count);
    for (let port = this.#first; port < from; port++) yield port;
  }
  #count(service: DynamicObject, by: number): void {
    for (const port of new Set(portsOf(service))) this.#used.set(port, (this.#used.get(port) ?? 0) + by);
  }
}
/**
 * Nothing is taken, and what is given is not looked for: numbers from above the range, or after the largest that was asked
 * for. Source: portallocator/operation.go.
 */
function rehearsal(isUsed: (port: number) => Promise<boolean>): PortOperation {
  const taken: number[] = [];
  return {
    async take(port) {
      if (taken.includes(port) || (await isUsed(port))) throw new PortError('provided port is already allocated');
      taken.push(port);
    },
    async next() {
      const port = taken.length === 0 ? FIRST_REHEARSED : Math.max(0, ...taken) + 1;
      taken.push(port);
      return port;
    },
    releaseLater: () => undefined,
    finish: () => Promise.resolve(),
  };
}
/** Node ports and the health check's. */
export function portsOf(service: Service): number[] {
  const out = (service.spec?.ports ?? []).map((p) => p.nodePort ?? 0);
  out.push(service.spec?.healthCheckNodePort ?? 0);
  return out.filter((port) => port !== 0);
}
/** Each once, but as often as a protocol has it more than once. Source: repair.go collectServiceNodePorts. */
function portsByProtocol({ spec }: Service): number[] {
  const found: number[] = [];
  const protocols = new Map<number, Set<string>>();
  const add = (port: number | undefined, protocol: string): void => {
    if (!port) return;
    const seen = protocols.get(port) ?? new Set<string>();
    if (seen.size === 0 || seen.has(protocol)) found.push(port);
    protocols.set(port, seen.add(protocol));
  };
  for (const { nodePort, protocol = 'TCP' } of spec?.ports ?? []) add(nodePort, protocol);
  add(spec?.healthCheckNodePort, 'TCP');
  return found;
}
