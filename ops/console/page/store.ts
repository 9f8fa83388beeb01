import type {
  ActorAddress,
  ActorDetail,
  ActorInfo,
  ComponentInfo,
  ControlState,
  MachineInfo,
  NoticeMessage,
  ServerMessage,
  SessionInfo,
  Step,
} from '../protocol.ts';
import { readChart, type Chart } from './chart/model.ts';
import { Flow } from './flow.ts';

/** How many steps of the followed actor the page keeps. */
const STEPS_KEPT = 300;
const NOTICES_KEPT = 50;

export interface Followed {
  readonly actor: ActorInfo;
  /** Who is listened for: the actor itself, or one of that name in any replica of its component. */
  readonly wanted: readonly ActorAddress[];
  /** Undefined once the actor is over: what is known of it stays to be read. */
  readonly detail: Omit<ActorDetail, 'steps'> | undefined;
  readonly over: boolean;
  /** Oldest first. */
  readonly steps: readonly KeptStep[];
  readonly skipped: number;
}
export interface KeptStep extends Step {
  /** Grows with each step: a key for lists. */
  readonly n: number;
}
/** Parts that views wait for. */
export type Part =
  | 'session'
  | 'connection'
  | 'machines'
  | 'components'
  | 'counts'
  | 'handled'
  | 'flow'
  | 'followed'
  | 'control'
  | 'notices';

export const sameActor = (a: ActorAddress, b: ActorAddress): boolean =>
  a.component === b.component && a.id === b.id && a.actor === b.actor;
export const actorKey = (a: ActorAddress): string => `${a.component}/${a.id}/${a.actor}`;
/** An address and nothing else, of whatever carries one. */
export const addressOf = ({ component, id, actor }: ActorAddress): ActorAddress => ({ component, id, actor });

/** All that the page knows. Plain data, changed by the server's messages; views are told which part changed, once a frame. */
export class Store {
  /** Whether it is known if there is a session. */
  started = false;
  session: SessionInfo | undefined;
  connection: 'connecting' | 'live' | 'lost' = 'connecting';
  stream: string | undefined;
  charts: ReadonlyMap<string, Chart> = new Map();
  components: readonly ComponentInfo[] = [];
  /** machine -> innermost state -> actors. */
  readonly counts = new Map<string, Map<string, number>>();
  /** machine -> what its charts have handled in the last interval. */
  readonly handled = new Map<string, { readonly state: string; readonly event: string }[]>();
  readonly flow = new Flow();
  followed: Followed | undefined;
  /** What is paused, resting or has a breakpoint, by actorKey. */
  readonly held = new Map<string, { readonly actor: ActorAddress; readonly machine: string; control: ControlState }>();
  notices: readonly NoticeMessage[] = [];
  /** How often the stream has said how an actor is held, by actorKey: what it said is newer than an answer asked for before. */
  readonly controlsHeard = new Map<string, number>();

  /** machine -> components in which its actors have been seen. */
  readonly homes = new Map<string, Map<string, Pick<ActorAddress, 'component' | 'id'>>>();

  readonly #read = new Map<string, { readonly text: string; readonly chart: Chart }>();
  readonly #cells = new Map<string, { machine: string; state: string; count: number }>();
  readonly #listeners = new Map<Part, Set<() => void>>();
  readonly #changed = new Set<Part>();
  #step = 0;
  readonly #schedule: (flush: () => void) => void;

  /** `schedule` calls back before the next frame is drawn. */
  constructor(schedule: (flush: () => void) => void) {
    this.#schedule = schedule;
  }
  subscribe(part: Part, listener: () => void): () => void {
    const set = this.#listeners.get(part) ?? new Set();
    this.#listeners.set(part, set);
    set.add(listener);
    return () => set.delete(listener);
  }
  touch(part: Part): void {
    if (this.#changed.size === 0)
      this.#schedule(() => {
        const parts = [...this.#changed];
        this.#changed.clear();
        for (const listener of new Set(parts.flatMap((p) => [...(this.#listeners.get(p) ?? [])]))) listener();
      });
    this.#changed.add(part);
  }
  setMachines(machines: readonly MachineInfo[]): void {
    // A chart that is still the same keeps its drawing.
    this.charts = new Map(
      machines.map((m) => {
        const text = JSON.stringify(m);
        const known = this.#read.get(m.id);
        const chart = known?.text === text ? known.chart : readChart(m);
        this.#read.set(m.id, { text, chart });
        return [m.id, chart];
      }),
    );
    this.touch('machines');
  }
  setConnection(connection: Store['connection']): void {
    this.connection = connection;
    this.touch('connection');
  }
  follow(actor: ActorInfo | undefined, wanted: readonly ActorAddress[] = actor === undefined ? [] : [actor]): void {
    this.followed =
      actor === undefined
        ? undefined
        : { actor, wanted: wanted.map(addressOf), detail: undefined, over: false, steps: [], skipped: 0 };
    this.touch('followed');
  }
  hear(message: ServerMessage): void {
    switch (message.type) {
      case 'hello':
        this.stream = message.stream;
        this.session = message.session;
        this.touch('session');
        this.setConnection('live');
        break;
      case 'components':
        this.components = message.components;
        this.touch('components');
        break;
      case 'counts':
        this.#count(message.whole, message.rows);
        break;
      case 'handled':
        this.#handle(message.rows);
        break;
      case 'flow':
        this.flow.add(message);
        this.touch('flow');
        break;
      case 'followed':
      case 'steps':
        this.#follow(message);
        break;
      case 'control':
        this.#heardControl(message.actor);
        this.setControl(message.actor, message.machine, message.control, message.states);
        break;
      case 'notice':
        this.notices = [...this.notices, message].slice(-NOTICES_KEPT);
        this.touch('notices');
        break;
      case 'machines':
        break;
      default:
        // A newer server may say more.
        break;
    }
  }
  setControl(actor: ActorAddress, machine: string, control: ControlState, states?: readonly string[]): void {
    if (control.mode === 'running' && control.breakpoints.length === 0) this.held.delete(actorKey(actor));
    else this.held.set(actorKey(actor), { actor: addressOf(actor), machine, control });
    this.touch('control');
    if (this.followed === undefined || !sameActor(this.followed.actor, actor)) return;
    this.followed = {
      ...this.followed,
      actor: { ...this.followed.actor, control, ...(states === undefined ? {} : { states }) },
    };
    this.touch('followed');
  }
  #count(
    whole: boolean,
    rows: readonly { component: string; id: string; machine: string; state: string; count: number }[],
  ): void {
    if (whole) {
      this.#cells.clear();
      this.counts.clear();
    }
    for (const row of rows) {
      const key = `${row.component}\n${row.id}\n${row.machine}\n${row.state}`;
      const before = this.#cells.get(key)?.count ?? 0;
      if (row.count === 0) this.#cells.delete(key);
      else this.#cells.set(key, { machine: row.machine, state: row.state, count: row.count });
      const states = this.counts.get(row.machine) ?? new Map<string, number>();
      this.counts.set(row.machine, states);
      const homes = this.homes.get(row.machine) ?? new Map<string, Pick<ActorAddress, 'component' | 'id'>>();
      this.homes.set(row.machine, homes);
      homes.set(`${row.component}/${row.id}`, { component: row.component, id: row.id });
      const now = (states.get(row.state) ?? 0) + row.count - before;
      if (now === 0) states.delete(row.state);
      else states.set(row.state, now);
    }
    this.touch('counts');
  }
  #handle(rows: readonly { machine: string; state: string; event: string }[]): void {
    this.handled.clear();
    for (const row of rows) {
      const known = this.handled.get(row.machine) ?? [];
      this.handled.set(row.machine, known);
      known.push(row);
    }
    this.touch('handled');
  }
  #follow(message: Extract<ServerMessage, { type: 'followed' | 'steps' }>): void {
    const now = this.followed;
    const address = message.actor;
    // What was asked before another was picked may still be under way.
    if (now === undefined || !now.wanted.some((a) => sameActor(a, address))) return;
    if (message.type === 'followed') {
      const { actor, detail } = message;
      this.#heardControl(actor);
      // Of several replicas the one that has it counts; that the others do not have it is no news.
      if (detail === undefined && !sameActor(now.actor, actor)) return;
      const first = detail?.steps[0]?.ts ?? Infinity;
      this.followed = {
        ...now,
        // Of an actor that is not there its machine is not known there.
        actor: detail === undefined ? { ...now.actor, control: actor.control } : actor,
        over: detail === undefined,
        detail: detail ?? now.detail,
        // It may have been there before: what is told again replaces what was told.
        steps:
          detail === undefined
            ? now.steps
            : this.#keep(
                now.steps.filter((s) => s.ts < first),
                detail.steps,
              ),
      };
    } else {
      this.followed = {
        ...now,
        over: now.over && sameActor(now.actor, address),
        actor: { ...now.actor, ...addressOf(address), states: message.steps.at(-1)?.to ?? now.actor.states },
        detail: { context: message.context, invoked: message.invoked },
        steps: this.#keep(now.steps, message.steps),
        skipped: now.skipped + message.skipped,
      };
    }
    this.touch('followed');
  }
  #heardControl(actor: ActorAddress): void {
    this.controlsHeard.set(actorKey(actor), (this.controlsHeard.get(actorKey(actor)) ?? 0) + 1);
  }
  #keep(kept: readonly KeptStep[], more: readonly Step[]): readonly KeptStep[] {
    return [...kept, ...more.map((step) => ({ ...step, n: this.#step++ }))].slice(-STEPS_KEPT);
  }
}
