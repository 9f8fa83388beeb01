import type { Bus } from '../../bus/bus.ts';
import { watchPresence, type PresenceWatch } from '../../bus/presence.ts';
import type { TimerId, World } from '../../bus/world.ts';
import { ApiError } from '../../schemas/meta/status.ts';
import type { InspectionFrame, WireActor } from '../../actors/runtime/inspection-frames.ts';
import { ComponentLink, RENEW_MS } from './component-link.ts';
import type { Ledger } from './ledger.ts';
import { continueAfter, filterOf, placeOf } from './paging.ts';
import type { Emit, Feed } from './feed.ts';
import type {
  ActorAddress,
  ActorInfo,
  ActorPage,
  ActorQuery,
  Command,
  CommandResult,
  ComponentInfo,
  CountRow,
} from './protocol.ts';

/** Components answer a roll call at once; who has not by then is not there. */
const ROLL_CALL_MS = 500;

/**
 * The cluster as the inspector sees it: attached to every component that is there, only while somebody holds it. What the
 * components tell comes out as messages for the page, numbers at most four times a second.
 */
export class ClusterView implements Feed {
  readonly #bus: Bus;
  readonly #world: World;
  readonly #emit: Emit;
  readonly #links = new Map<string, ComponentLink>();
  readonly #ledger: Ledger;
  readonly #from: string;
  #presence: PresenceWatch | undefined;
  #renewal: TimerId | undefined;
  #followed: readonly ActorAddress[] = [];

  /** `ledger` takes the numbers, `emit` all else. */
  constructor(o: { readonly bus: Bus; readonly world: World; readonly emit: Emit; readonly ledger: Ledger }) {
    this.#ledger = o.ledger;
    this.#bus = o.bus;
    this.#from = o.world.ids.token();
    this.#world = o.world;
    this.#emit = o.emit;
  }
  /** Attaches to all who are there and who come, until end(). Resolves when whoever is there has been heard of. */
  begin(): Promise<void> {
    const { clock } = this.#world;
    this.#presence = watchPresence(this.#bus, this.#world, ({ component, id, state, alive }) => {
      const link = this.#links.get(`${component}/${id}`);
      this.#ledger.componentsChanged = true;
      if (!alive) return this.#gone(link);
      if (link !== undefined) link.state = state;
      else this.#found(component, id, state);
    });
    const renew = (): void => {
      this.#renewal = clock.setTimeout(renew, RENEW_MS);
      for (const link of this.#links.values()) link.renew();
    };
    this.#renewal = clock.setTimeout(renew, RENEW_MS);
    return new Promise((resolve) => void clock.setTimeout(() => resolve(), ROLL_CALL_MS));
  }
  end(): void {
    this.#presence?.unsubscribe();
    if (this.#renewal !== undefined) this.#world.clock.clearTimeout(this.#renewal);
    for (const link of this.#links.values()) link.detach();
    this.#links.clear();
  }
  components(): readonly ComponentInfo[] {
    return [...this.#links.values()]
      .sort((a, b) => (a.key < b.key ? -1 : 1))
      .map((l) => ({ component: l.component, id: l.id, state: l.state, attached: l.isAttached, role: l.role }));
  }
  counts(): readonly CountRow[] {
    return [...this.#links.values()].flatMap((link) =>
      [...link.counts].map(([cell, count]) => rowOf(link, cell, count)),
    );
  }
  follow(actors: readonly ActorAddress[]): void {
    this.#followed = actors;
    for (const link of this.#links.values()) this.#followOn(link);
  }
  async list(query: ActorQuery): Promise<ActorPage> {
    const limit = query.limit ?? 100;
    const place = placeOf(query.continue);
    const actors: ActorInfo[] = [];
    const links = [...this.#links.values()]
      .filter(
        (l) =>
          l.isAttached &&
          (query.component === undefined || l.component === query.component) &&
          (query.id === undefined || l.id === query.id),
      )
      .sort((a, b) => (a.key < b.key ? -1 : 1));
    for (const link of links) {
      if (place !== undefined && link.key < place.key) continue;
      if (actors.length === limit) return { actors, continue: continueAfter(link.key, 0) };
      const after = place !== undefined && link.key === place.key ? place.after : undefined;
      const page = await link.list({ ...filterOf(query), limit: limit - actors.length, after });
      actors.push(...page.actors.map((actor) => infoOf(link, actor)));
      if (page.after !== undefined) return { actors, continue: continueAfter(link.key, page.after) };
    }
    return { actors };
  }
  async command({ target, ...asked }: Command): Promise<CommandResult> {
    const link = this.#links.get(`${target.component}/${target.id}`);
    if (link === undefined) throw new ApiError('NotFound', `there is no ${target.component} ${target.id} (any more)`);
    return { control: await link.command({ ...asked, actor: target.actor }) };
  }

  #found(component: string, id: string, state: string): void {
    const link = new ComponentLink({
      bus: this.#bus,
      world: this.#world,
      component,
      id,
      state,
      from: this.#from,
      onFrame: (from, frame) => this.#take(from, frame),
    });
    this.#links.set(link.key, link);
    this.#followOn(link);
  }
  #gone(link: ComponentLink | undefined): void {
    if (link === undefined) return;
    link.close();
    this.#links.delete(link.key);
    for (const cell of link.counts.keys()) this.#ledger.count(rowOf(link, cell, 0));
    this.#emit({ type: 'notice', level: 'warning', text: `${link.id} is gone`, ts: this.#world.clock.now() });
  }
  #followOn(link: ComponentLink): void {
    const wanted = this.#followed.filter((a) => a.component === link.component && a.id === link.id);
    link.follow(wanted.map((a) => a.actor));
  }
  #take(link: ComponentLink, frame: InspectionFrame): void {
    if (frame.whole) {
      this.#ledger.componentsChanged = true;
      for (const cell of link.counts.keys()) this.#ledger.count(rowOf(link, cell, 0));
      link.counts.clear();
    }
    for (const [machine, state, count] of frame.counts ?? []) {
      const cell = `${machine} ${state}`;
      if (count > 0) link.counts.set(cell, count);
      else link.counts.delete(cell);
      this.#ledger.count(rowOf(link, cell, count));
    }
    for (const [machine, state, event, count] of frame.handled ?? [])
      this.#ledger.handled({ machine, state, event, count });
    for (const row of frame.traffic ?? []) this.#ledger.flow(row);
    for (const actor of frame.controls ?? []) {
      const { machine, states, control, ...address } = infoOf(link, actor);
      this.#emit({ type: 'control', actor: address, machine, states, control });
    }
    for (const news of frame.followed ?? []) {
      const actor = infoOf(link, news);
      const { component, id, actor: name } = actor;
      if (news.news === 'steps') {
        this.#emit({
          type: 'steps',
          actor: { component, id, actor: name },
          steps: news.steps,
          ...news.detail,
          skipped: news.skipped,
        });
      } else
        this.#emit({
          type: 'followed',
          actor,
          ...(news.news === 'begun' && { detail: { ...news.detail, steps: [] } }),
        });
    }
  }
}
function rowOf(link: ComponentLink, cell: string, count: number): CountRow {
  const space = cell.indexOf(' ');
  return {
    component: link.component,
    id: link.id,
    machine: cell.slice(0, space),
    state: cell.slice(space + 1),
    count,
  };
}
const infoOf = (link: ComponentLink, { actor, machine, states, control }: WireActor): ActorInfo => ({
  component: link.component,
  id: link.id,
  actor,
  machine,
  states,
  control,
});
