import { createMachine, type AnyStateMachine, type StateValue } from 'xstate';
import type { World } from '../../bus/world.ts';
import { ApiError } from '../../schemas/meta/status.ts';
import { leavesOf } from '../../actors/runtime/inspection-counts.ts';
import { summaryOf } from '../../actors/runtime/inspection-summary.ts';
import type { Emit, Feed } from './feed.ts';
import type { Ledger } from './ledger.ts';
import { machineInfoOf } from './machine-info.ts';
import { continueAfter, placeOf } from './paging.ts';
import type {
  ActorAddress,
  ActorInfo,
  ActorPage,
  ActorQuery,
  ActorDetail,
  Command,
  CommandResult,
  ComponentInfo,
  CountRow,
  MachineInfo,
} from './protocol.ts';
import type { StatelyFrame, StatelySnapshot } from './stately-frames.ts';

/** Of one program. What is more is not shown. */
const MAX_ACTORS = 5_000;
const MAX_MACHINES = 100;
const COMPONENT = 'external';

interface ExternalActor {
  readonly name: string;
  readonly machine: string;
  readonly serial: number;
  states: readonly string[];
  snapshot: StatelySnapshot;
}
/** One program that sends its frames. */
export interface Program {
  /** `program-1`, also the beginning of its machines' ids. */
  readonly id: string;
  take(frame: StatelyFrame): void;
  leave(): void;
}
interface Known {
  /** Actors per innermost state, `<machine> <state>`. */
  readonly counts: Map<string, CountRow>;
  readonly actors: Map<string, ExternalActor>;
  readonly machines: Map<string, { readonly definition: string; readonly info: MachineInfo }>;
}

/** Outside programs, shown as if they were components. They cannot be commanded: their frames go one way. */
export class ExternalPrograms implements Feed {
  readonly #world: World;
  readonly #emit: Emit;
  readonly #ledger: Ledger;
  readonly #programs = new Map<string, Known>();
  #followed: ReadonlySet<string> = new Set();
  #serial = 0;

  constructor(o: { readonly world: World; readonly emit: Emit; readonly ledger: Ledger }) {
    this.#world = o.world;
    this.#emit = o.emit;
    this.#ledger = o.ledger;
  }
  get isEmpty(): boolean {
    return this.#programs.size === 0;
  }
  join(): Program {
    const id = `program-${++this.#serial}`;
    const known: Known = { counts: new Map(), actors: new Map(), machines: new Map() };
    this.#programs.set(id, known);
    this.#ledger.componentsChanged = true;
    return {
      id,
      take: (frame) => this.#take(id, known, frame),
      leave: () => {
        for (const session of known.actors.keys()) this.#remove(id, known, session);
        this.#programs.delete(id);
        this.#ledger.componentsChanged = true;
        if (known.machines.size > 0) this.#emit({ type: 'machines' });
      },
    };
  }
  machines(): readonly MachineInfo[] {
    return [...this.#programs.values()].flatMap((p) => [...p.machines.values()].map((m) => m.info));
  }
  components(): readonly ComponentInfo[] {
    return [...this.#programs].map(([id, { actors }]) => ({
      component: COMPONENT,
      id,
      state: actors.size === 1 ? '1 actor' : `${actors.size} actors`,
      attached: true,
      role: '',
    }));
  }
  counts(): readonly CountRow[] {
    return [...this.#programs.values()].flatMap(({ counts }) => [...counts.values()]);
  }
  follow(actors: readonly ActorAddress[]): void {
    const before = this.#followed;
    this.#followed = new Set(actors.map((a) => `${a.id}/${a.actor}`));
    for (const { id, actor } of actors) {
      if (before.has(`${id}/${actor}`)) continue;
      const found = [...(this.#programs.get(id)?.actors.values() ?? [])].find((a) => a.name === actor);
      if (found !== undefined) this.#begun(id, found);
    }
  }
  list(query: ActorQuery): Promise<ActorPage> {
    const limit = query.limit ?? 100;
    const place = placeOf(query.continue);
    const text = query.text?.toLowerCase();
    const actors: ActorInfo[] = [];
    let last = '';
    for (const [id, known] of this.#programs) {
      if ((query.id !== undefined && query.id !== id) || query.held) continue;
      for (const actor of known.actors.values()) {
        if (place !== undefined && actor.serial <= place.after) continue;
        if (query.machine !== undefined && actor.machine !== query.machine) continue;
        if (text !== undefined && !actor.name.toLowerCase().includes(text)) continue;
        const { state } = query;
        if (state !== undefined && !actor.states.some((s) => s === state || s.startsWith(`${state}.`))) continue;
        if (actors.length === limit) return Promise.resolve({ actors, continue: last });
        actors.push(infoOf(id, actor));
        last = continueAfter(id, actor.serial);
      }
    }
    return Promise.resolve({ actors });
  }
  command(_command: Command): Promise<CommandResult> {
    return Promise.reject(
      new ApiError('Conflict', 'an outside program only tells: it cannot be paused, stepped or crashed from here'),
    );
  }

  #take(id: string, known: Known, frame: StatelyFrame): void {
    if (frame.type === '@xstate.actor') return this.#actor(id, known, frame);
    const actor = known.actors.get(frame.sessionId);
    if (frame.type === '@xstate.event' || actor === undefined) return;
    const from = actor.states;
    const value = frame.snapshot.value as StateValue | undefined;
    const to = leavesOf(value);
    this.#move(id, known, actor, to);
    actor.snapshot = frame.snapshot;
    const event = frame.event.type;
    // What begins has its states from its actor frame.
    if (event !== 'xstate.init') {
      this.#ledger.handled({ machine: actor.machine, state: from[0] ?? '', event, count: 1 });
      if (this.#followed.has(`${id}/${actor.name}`)) {
        const ts = this.#world.clock.now();
        const taken = from.join() !== to.join();
        const step = { ts, event, payload: summaryOf(frame.event), from, to, taken, actions: [], us: 0 };
        this.#emit({ type: 'steps', actor: addressOf(id, actor), steps: [step], ...detailOf(actor), skipped: 0 });
      }
    }
    if (frame.snapshot.status !== undefined && frame.snapshot.status !== 'active')
      this.#remove(id, known, frame.sessionId);
  }
  #actor(id: string, known: Known, frame: Extract<StatelyFrame, { type: '@xstate.actor' }>): void {
    const { sessionId, snapshot } = frame;
    if (known.actors.has(sessionId)) this.#remove(id, known, sessionId);
    if (known.actors.size >= MAX_ACTORS) return;
    const actor: ExternalActor = {
      name: frame.name === '' || frame.name === sessionId ? sessionId : `${frame.name} (${sessionId})`,
      machine: this.#machine(id, known, frame.name, frame.definition),
      serial: ++this.#serial,
      states: [],
      snapshot,
    };
    known.actors.set(sessionId, actor);
    this.#ledger.componentsChanged = true;
    this.#move(id, known, actor, leavesOf(snapshot.value as StateValue | undefined));
    if (this.#followed.has(`${id}/${actor.name}`)) this.#begun(id, actor);
  }
  #machine(program: string, known: Known, name: string, definition: string | undefined): string {
    const machine = parseMachine(name, definition);
    for (let n = 1; ; n++) {
      const id = `${program}/${machine.id}${n === 1 ? '' : `~${n}`}`;
      const there = known.machines.get(id);
      if (there !== undefined && there.definition !== (definition ?? '')) continue;
      if (there !== undefined || known.machines.size >= MAX_MACHINES) return id;
      const info = infoOfMachine(machine, id);
      known.machines.set(id, { definition: definition ?? '', info });
      this.#emit({ type: 'machines' });
      return id;
    }
  }
  #move(id: string, { counts }: Known, actor: ExternalActor, to: readonly string[]): void {
    const count = (state: string, by: number): void => {
      const key = `${actor.machine} ${state}`;
      const row = {
        component: COMPONENT,
        id,
        machine: actor.machine,
        state,
        count: (counts.get(key)?.count ?? 0) + by,
      };
      if (row.count > 0) counts.set(key, row);
      else counts.delete(key);
      this.#ledger.count(row);
    };
    for (const state of actor.states) count(state, -1);
    for (const state of to) count(state, 1);
    actor.states = to;
  }
  #remove(id: string, known: Known, session: string): void {
    const actor = known.actors.get(session);
    if (actor === undefined) return;
    const last = { ...actor };
    known.actors.delete(session);
    this.#move(id, known, actor, []);
    this.#ledger.componentsChanged = true;
    if (this.#followed.has(`${id}/${actor.name}`)) this.#emit({ type: 'followed', actor: infoOf(id, last) });
  }
  #begun(id: string, actor: ExternalActor): void {
    this.#emit({ type: 'followed', actor: infoOf(id, actor), detail: { ...detailOf(actor), steps: [] } });
  }
}
const addressOf = (id: string, { name }: ExternalActor): ActorAddress => ({ component: COMPONENT, id, actor: name });
const infoOf = (id: string, actor: ExternalActor): ActorInfo => ({
  ...addressOf(id, actor),
  machine: actor.machine,
  states: actor.states,
  control: { mode: 'running', queued: [], queuedCount: 0, breakpoints: [] },
});
const detailOf = ({ snapshot }: ExternalActor): Omit<ActorDetail, 'steps'> => ({
  context: summaryOf(snapshot.context),
  invoked: Object.keys(snapshot.children ?? {}),
});

/** Its definition as a machine; what is no machine, or a broken one, is one without states. */
function parseMachine(name: string, definition: string | undefined): AnyStateMachine {
  try {
    const config = JSON.parse(definition ?? '{}') as { id?: unknown; states?: unknown };
    const id = typeof config.id === 'string' && config.id !== '' ? config.id : name;
    const machine = createMachine({ ...config, id } as Parameters<typeof createMachine>[0]);
    // Its transitions are resolved when first looked at, which throws if one leads nowhere.
    infoOfMachine(machine, id);
    return machine;
  } catch {
    return createMachine({ id: name === '' ? 'unnamed' : name });
  }
}
const infoOfMachine = (machine: AnyStateMachine, id: string): MachineInfo =>
  machineInfoOf(machine, { id, about: 'of an outside program', source: 'external' });
