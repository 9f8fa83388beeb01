import type { Bus } from '../../bus/bus.ts';
import type { TimerId, World } from '../../bus/world.ts';
import { ApiError } from '../../schemas/meta/status.ts';
import { ClusterView } from './cluster-view.ts';
import { ExternalPrograms } from './external.ts';
import type { Feed, Told } from './feed.ts';
import { Ledger } from './ledger.ts';
import type { ActorAddress, ActorPage, ActorQuery, Command, CommandResult, FollowedMessage, Step } from './protocol.ts';

const TICK_MS = 250;
/** Steps kept of a followed actor for who follows it later. */
const STEPS_KEPT = 100;

/** One who listens: a page, a visualizer. */
export interface Listener {
  tell(message: Told): void;
}
/** A listener's place in the hub. */
export interface Seat {
  follow(actors: readonly ActorAddress[]): void;
  leave(): void;
}
interface Seated {
  readonly listener: Listener;
  followed: ReadonlyMap<string, ActorAddress>;
}
interface Cached {
  begun: FollowedMessage;
  steps: Step[];
}
const keyOf = (a: ActorAddress): string => `${a.component}/${a.id}/${a.actor}`;

/**
 * All listeners on one side, the cluster and outside programs on the other. The cluster is attached to while anybody
 * listens; what is told to all is made once.
 */
export class Hub {
  readonly programs: ExternalPrograms;
  readonly #cluster: ClusterView;
  readonly #ledger = new Ledger();
  readonly #world: World;
  readonly #seats = new Set<Seated>();
  readonly #cache = new Map<string, Cached>();
  #holders = 0;
  #ready: Promise<void> = Promise.resolve();
  #tick: TimerId | undefined;
  #tickedAt = 0;

  constructor(o: { readonly bus: Bus; readonly world: World }) {
    this.#world = o.world;
    const common = { ...o, ledger: this.#ledger, emit: (message: Told) => this.#tell(message) };
    this.#cluster = new ClusterView(common);
    this.programs = new ExternalPrograms(common);
  }
  get listeners(): number {
    return this.#seats.size;
  }
  /** Seats a listener: tells it how things stand, then what happens. */
  seat(listener: Listener): Seat {
    const release = this.#hold();
    const seated: Seated = { listener, followed: new Map() };
    // What is on its way to the others is part of what it is told now.
    this.#tellAll();
    this.#seats.add(seated);
    listener.tell({ type: 'components', components: this.#feeds().flatMap((feed) => feed.components()) });
    listener.tell({ type: 'counts', whole: true, rows: this.#feeds().flatMap((feed) => feed.counts()) });
    return {
      follow: (actors) => {
        const before = seated.followed;
        seated.followed = new Map(actors.map((actor) => [keyOf(actor), actor]));
        for (const key of seated.followed.keys()) {
          const cached = this.#cache.get(key);
          if (cached === undefined || before.has(key)) continue;
          const { begun, steps } = cached;
          listener.tell({ ...begun, ...(begun.detail && { detail: { ...begun.detail, steps: [...steps] } }) });
        }
        this.#follow();
      },
      leave: () => {
        if (!this.#seats.delete(seated)) return;
        this.#follow();
        release();
      },
    };
  }
  async list(query: ActorQuery): Promise<ActorPage> {
    return this.#attached(async () => {
      if (query.component === 'external') return this.programs.list(query);
      const [ofPrograms, rest] = [query.continue?.startsWith('external.'), query.continue?.replace('external.', '')];
      if (ofPrograms) return mark(await this.programs.list({ ...query, ...(rest && { continue: rest }) }));
      const page = await this.#cluster.list(query);
      if (page.continue !== undefined || query.component !== undefined) return page;
      const left = (query.limit ?? 100) - page.actors.length;
      if (left === 0) return this.programs.isEmpty ? page : { ...page, continue: 'external.' };
      const { continue: _own, ...first } = query;
      const more = mark(await this.programs.list({ ...first, limit: left }));
      return { ...more, actors: [...page.actors, ...more.actors] };
    });
  }
  command(command: Command): Promise<CommandResult> {
    return this.#attached(() =>
      (command.target.component === 'external' ? this.programs : this.#cluster).command(command),
    );
  }
  close(): void {
    this.#seats.clear();
    if (this.#holders > 0) this.#end();
    this.#holders = 0;
  }

  #feeds(): readonly Feed[] {
    return [this.#cluster, this.programs];
  }
  async #attached<T>(work: () => Promise<T>): Promise<T> {
    const release = this.#hold();
    try {
      await this.#ready;
      return await work();
    } finally {
      // Who asks once often asks again.
      this.#world.clock.setTimeout(release, 5_000);
    }
  }
  #hold(): () => void {
    if (this.#holders++ === 0) this.#begin();
    return () => {
      if (this.#holders > 0 && --this.#holders === 0) this.#end();
    };
  }
  #begin(): void {
    const { clock } = this.#world;
    this.#ready = this.#cluster.begin();
    this.#tickedAt = clock.now();
    const tick = (): void => {
      this.#tick = clock.setTimeout(tick, TICK_MS);
      this.#tellAll();
    };
    this.#tick = clock.setTimeout(tick, TICK_MS);
  }
  #end(): void {
    if (this.#tick !== undefined) this.#world.clock.clearTimeout(this.#tick);
    this.#cluster.end();
    this.#ledger.take();
    this.#cache.clear();
  }
  #follow(): void {
    const wanted = new Map([...this.#seats].flatMap((seat) => [...seat.followed]));
    for (const key of this.#cache.keys()) if (!wanted.has(key)) this.#cache.delete(key);
    const actors = [...wanted.values()];
    this.#cluster.follow(actors.filter((a) => a.component !== 'external'));
    this.programs.follow(actors.filter((a) => a.component === 'external'));
  }
  #tellAll(): void {
    const now = this.#world.clock.now();
    const ms = now - this.#tickedAt;
    this.#tickedAt = now;
    const { componentsChanged, counts, handled, flow } = this.#ledger.take();
    if (componentsChanged)
      this.#tell({ type: 'components', components: this.#feeds().flatMap((feed) => feed.components()) });
    if (counts.length > 0) this.#tell({ type: 'counts', whole: false, rows: counts });
    if (handled.length > 0) this.#tell({ type: 'handled', rows: handled });
    if (flow.length > 0) this.#tell({ type: 'flow', ms, rows: flow });
  }
  #tell(message: Told): void {
    if (message.type !== 'followed' && message.type !== 'steps') {
      for (const { listener } of this.#seats) listener.tell(message);
      return;
    }
    const key = keyOf(message.type === 'steps' ? message.actor : message.actor);
    this.#remember(key, message);
    for (const { listener, followed } of this.#seats) if (followed.has(key)) listener.tell(message);
  }
  #remember(key: string, message: Told): void {
    if (message.type === 'followed') {
      // After a restart, or a lost frame, what it did before is still what it did before.
      this.#cache.set(key, { begun: message, steps: this.#cache.get(key)?.steps ?? [] });
      return;
    }
    const cached = this.#cache.get(key);
    if (message.type !== 'steps' || cached === undefined) return;
    const { context, invoked, steps } = message;
    cached.steps = [...cached.steps, ...steps].slice(-STEPS_KEPT);
    const states = steps.at(-1)?.to ?? cached.begun.actor.states;
    cached.begun = {
      ...cached.begun,
      actor: { ...cached.begun.actor, states },
      detail: { context, invoked, steps: [] },
    };
  }
}
const mark = (page: ActorPage): ActorPage => ({
  ...page,
  ...(page.continue !== undefined && { continue: `external.${page.continue}` }),
});
/** What a listener may be told that is not there. */
export const noSuchStream = (): ApiError =>
  new ApiError('NotFound', 'there is no such stream (any more): open /api/stream and use the name it gives');
