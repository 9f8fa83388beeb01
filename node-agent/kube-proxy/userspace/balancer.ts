import type { World } from '../../../bus/world.ts';
import { withPort } from '../plan/address.ts';
import type { Target } from '../plan/choose.ts';
import type { Front } from './fronts.ts';

/** So many clients of a port are remembered; the one that was away longest is forgotten first. */
const MAX_CLIENTS = 10_000;

/** Says which endpoint a client gets: any, or the one it had. */
export class Balancer {
  readonly #world: World;
  /** By owner, by client. */
  readonly #last = new Map<string, Map<string, { readonly target: string; readonly at: number }>>();

  constructor(world: World) {
    this.#world = world;
  }
  /** In the order in which they are to be tried; empty: nobody serves, or not that client. */
  order(front: Front, client: string): readonly Target[] {
    const targets = front.targets(client) ?? [];
    if (targets.length < 2) return targets;
    const had = this.#had(front, client);
    const known = had === undefined ? -1 : targets.findIndex(({ ip, port }) => withPort(ip, port) === had);
    const from = known >= 0 ? known : Math.floor(this.#world.random() * targets.length);
    return [...targets.slice(from), ...targets.slice(0, from)];
  }
  /** The client was taken to this one. */
  took(front: Front, client: string, { ip, port }: Target): void {
    if (front.affinitySeconds === 0) return;
    let clients = this.#last.get(front.owner);
    if (clients === undefined) this.#last.set(front.owner, (clients = new Map()));
    clients.delete(client);
    clients.set(client, { target: withPort(ip, port), at: this.#world.clock.now() });
    if (clients.size > MAX_CLIENTS) clients.delete(clients.keys().next().value!);
  }
  /** Of those of whom there are no fronts any more nothing is remembered. */
  keep(owners: ReadonlySet<string>): void {
    for (const owner of this.#last.keys()) if (!owners.has(owner)) this.#last.delete(owner);
  }
  #had(front: Front, client: string): string | undefined {
    if (front.affinitySeconds === 0) return undefined;
    const last = this.#last.get(front.owner)?.get(client);
    return last !== undefined && this.#world.clock.now() - last.at < front.affinitySeconds * 1_000 ? last.target : undefined;
  } // prettier-ignore
}
/** As it is without a family's clothes: `::ffff:10.0.0.1` is 10.0.0.1. */
export const plainAddress = (address: string | undefined): string => (address ?? '').replace(/^::ffff:/i, '');
