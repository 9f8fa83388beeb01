import type {
  ActorAddress,
  ActorInfo,
  Breakpoint,
  Command,
  ControlState,
  MachineInfo,
  StateInfo,
  Step,
} from '../../protocol.ts';

const RUNNING: ControlState = { mode: 'running', queued: [], queuedCount: 0, breakpoints: [] };

/** An actor that takes whatever transition its chart has, without guards; enough to look like one. */
export class FakeActor {
  readonly machine: MachineInfo;
  readonly name: string;
  states: readonly string[];
  control: ControlState = RUNNING;
  steps: Step[] = [];
  readonly #byPath = new Map<string, StateInfo>();

  constructor(machine: MachineInfo, name: string) {
    this.machine = machine;
    this.name = name;
    const visit = (state: StateInfo): void => {
      this.#byPath.set(state.path, state);
      state.states.forEach(visit);
    };
    visit(machine.root);
    this.states = this.#enter(machine.root);
  }
  get address(): ActorAddress {
    return { component: 'kubelet', id: 'kubelet-1', actor: this.name };
  }
  get info(): ActorInfo {
    return { ...this.address, machine: this.machine.id, states: this.states, control: this.control };
  }
  get context(): Record<string, string | number> {
    return { uid: `uid-${this.name}`, handled: this.steps.length };
  }
  /** Handles one of the events that it knows, or begins anew where it has ended. */
  walk(): Step[] {
    const out = this.machine.transitions.filter((t) => t.targets.length > 0 && this.#around(t.source));
    const next = out[Math.floor(Math.random() * out.length)];
    if (next === undefined || this.machine.transitions.length === 0) return this.restart();
    return this.send(next.event);
  }
  send(event: string): Step[] {
    const stop = this.control.breakpoints.find((b) => 'event' in b && b.event === event);
    if (this.control.mode === 'running' && stop !== undefined) this.#hold(`breakpoint: event ${event}`);
    if (this.control.mode !== 'running') {
      const { queued, queuedCount } = this.control;
      this.control = { ...this.control, queued: [...queued, event].slice(0, 20), queuedCount: queuedCount + 1 };
      return [];
    }
    return [this.#take(event)];
  }
  command(c: Command): Step[] {
    switch (c.type) {
      case 'pause':
        this.#hold('command');
        return [];
      case 'resume': {
        const waiting = this.control.queued;
        this.control = { ...RUNNING, breakpoints: this.control.breakpoints };
        return waiting.map((event) => this.#take(event));
      }
      case 'step': {
        const [event, ...rest] = this.control.queued;
        this.control = { ...this.control, queued: rest, queuedCount: this.control.queuedCount - 1 };
        return [this.#take(event!)];
      }
      case 'crash':
        this.control = { ...this.control, mode: 'resting' };
        return [];
      default: {
        const others = this.control.breakpoints.filter((b) => JSON.stringify(b) !== JSON.stringify(c.on));
        this.control = { ...this.control, breakpoints: c.type === 'break' ? [...others, c.on] : others };
        return [];
      }
    }
  }
  restart(): Step[] {
    const from = this.states;
    this.control = { ...RUNNING, breakpoints: this.control.breakpoints };
    this.states = this.#enter(this.machine.root);
    return [this.#step('xstate.init', from, true)];
  }
  #hold(reason: string): void {
    this.control = { ...this.control, mode: 'paused', reason };
  }
  #take(event: string): Step {
    const from = this.states;
    const out = this.machine.transitions.find((t) => t.event === event && this.#around(t.source));
    const target = out?.targets[0];
    if (target !== undefined) {
      const entered = this.#enter(this.#byPath.get(target)!);
      const region = target.split('.')[0]!;
      this.states =
        this.machine.root.type === 'parallel'
          ? [...from.filter((s) => s.split('.')[0] !== region), ...entered]
          : entered;
      const stop = this.control.breakpoints.find(
        (b): b is Breakpoint & { state: string } =>
          'state' in b && this.states.some((s) => s === b.state || s.startsWith(`${b.state}.`)),
      );
      if (stop !== undefined && this.control.mode === 'running') this.#hold(`breakpoint: state ${stop.state}`);
    }
    return this.#step(event, from, out !== undefined);
  }
  #step(event: string, from: readonly string[], taken: boolean): Step {
    const step = { ts: Date.now(), event, payload: {}, from, to: this.states, taken, actions: [], us: 12 };
    this.steps = [...this.steps, step].slice(-20);
    return step;
  }
  #around(source: string): boolean {
    return source === '' || this.states.some((s) => s === source || s.startsWith(`${source}.`));
  }
  #enter(state: StateInfo): string[] {
    if (state.states.length === 0) return [state.path];
    if (state.type === 'parallel') return state.states.flatMap((s) => this.#enter(s));
    return this.#enter(this.#byPath.get(state.initial ?? state.states[0]!.path)!);
  }
}
