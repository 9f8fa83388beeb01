import type { TimerId, World } from '../../../bus/world.ts';
import type { PodDialer } from '../../runtime/pod-dialer.ts';
import type { BackendKey, Routing } from '../routing/plan.ts';
import type { Upstream } from '../routing/upstreams.ts';
import { Balancer } from './balancer.ts';
import { addressOf, ConnectionPool } from './pool.ts';

/** Where everything goes now; a value that is replaced whole. */
export interface Table {
  readonly routing: Routing;
  readonly upstreams: ReadonlyMap<BackendKey, Upstream>;
}
/** Something under way that is looked after. */
interface Looked {
  look(oldestTick: number): void;
}
const TICK_MS = 2_000;
/** Without progress for so long an exchange is ended, as nginx does after 60 s. */
const PATIENCE_TICKS = 30;

/** What all requests share: the table, connections to backends, whose turn it is, and one timer for all that waits. */
export class Proxy {
  table: Table;
  /** Whoever is kept is told with the next answer that it was the last. */
  isClosing = false;
  readonly pool: ConnectionPool;
  readonly balancer = new Balancer();
  /** Addresses of a name outside; rejects where there are none that may be asked. */
  readonly resolve: (host: string) => Promise<readonly string[]>;
  readonly #world: World;
  readonly #underWay = new Set<Looked>();
  #ticks = 0;
  #timer: TimerId | undefined;
  #idle: (() => void) | undefined;

  constructor(o: {
    readonly world: World;
    readonly dial: PodDialer;
    readonly resolve: Proxy['resolve'];
    readonly table: Table;
  }) {
    this.#world = o.world;
    this.pool = new ConnectionPool(o.dial);
    this.resolve = o.resolve;
    this.table = o.table;
  }
  get ticks(): number {
    return this.#ticks;
  }
  get underWay(): number {
    return this.#underWay.size;
  }
  /** Requests under way go on by what they have begun; connections to whom nobody is sent any more are let go. */
  use(table: Table): void {
    this.table = table;
    const addresses = new Set<string>();
    for (const upstream of table.upstreams.values())
      if (upstream.kind === 'endpoints') for (const one of upstream.addresses) addresses.add(addressOf(one));
    this.pool.keep(addresses);
    this.balancer.keep(table.upstreams);
  }
  began(one: Looked): void {
    this.#underWay.add(one);
    this.#timer ??= this.#world.clock.setTimeout(() => this.#tick(), TICK_MS);
  }
  ended(one: Looked): void {
    this.#underWay.delete(one);
    if (this.#underWay.size === 0) this.#idle?.();
  }
  #tick(): void {
    this.#ticks++;
    this.balancer.tick();
    const isPoolBusy = this.pool.tick();
    for (const one of this.#underWay) one.look(this.#ticks - PATIENCE_TICKS);
    const goesOn = isPoolBusy || this.#underWay.size > 0;
    this.#timer = goesOn ? this.#world.clock.setTimeout(() => this.#tick(), TICK_MS) : undefined;
  }
  /** Resolves when nothing is under way. */
  idle(): Promise<void> {
    if (this.#underWay.size === 0) return Promise.resolve();
    return new Promise((resolve) => (this.#idle = resolve));
  }
  close(): void {
    if (this.#timer !== undefined) this.#world.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.pool.close();
  }
}
