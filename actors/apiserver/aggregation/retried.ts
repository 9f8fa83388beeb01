import type { World } from '../../../bus/world.ts';

export interface Retried {
  /** Soon, and again when something has changed meanwhile. */
  add(key: string): void;
  /** Not any more. */
  forget(key: string): void;
  /** Resolves when nothing is under way. */
  settled(): Promise<void>;
  stop(): void;
}
interface Pace {
  /** After the first failure, in ms; twice as long after each further one, up to `maxMs`. */
  readonly firstMs: number;
  readonly maxMs: number;
  /** After a success; Infinity: not again. */
  readonly againMs: number;
}
interface State {
  failures: number;
  running: boolean;
  dirty: boolean;
  gone: boolean;
  timer: ReturnType<World['clock']['setTimeout']> | undefined;
}
/** Does work for each key until it succeeds, and now and then again. `work` rejects: it failed. */
export function createRetried(world: Pick<World, 'clock' | 'log'>, pace: Pace, work: (key: string) => Promise<void>): Retried {
  const { clock } = world;
  const states = new Map<string, State>();
  const underWay = new Set<Promise<void>>();
  let stopped = false;
  const unset = (state: State): void => {
    if (state.timer !== undefined) clock.clearTimeout(state.timer);
    state.timer = undefined;
  };
  async function run(key: string, state: State): Promise<void> {
    // After the current turn: changes come many at a time.
    await Promise.resolve();
    state.dirty = false;
    let wait = pace.againMs;
    try {
      await work(key);
      state.failures = 0;
    } catch (error) {
      world.log.debug('will be tried again', { object: { kind: 'APIService', name: key }, err: error });
      wait = Math.min(pace.firstMs * 2 ** state.failures, pace.maxMs);
      state.failures++;
    }
    state.running = false;
    if (stopped || state.gone) return;
    if (state.dirty) return begin(key, state);
    unset(state);
    if (wait !== Infinity) state.timer = clock.setTimeout(() => begin(key, state), wait);
    else states.delete(key);
  }
  function begin(key: string, state: State): void {
    unset(state);
    if (stopped || state.gone) return;
    state.running = true;
    const job: Promise<void> = run(key, state).finally(() => underWay.delete(job));
    underWay.add(job);
  }
  return {
    add(key) {
      let state = states.get(key);
      if (state === undefined) states.set(key, (state = { failures: 0, running: false, dirty: false, gone: false, timer: undefined }));
      if (state.running) state.dirty = true;
      else begin(key, state);
    },
    forget(key) {
      const state = states.get(key);
      if (state === undefined) return;
      state.gone = true;
      unset(state);
      states.delete(key);
    },
    async settled() {
      while (underWay.size > 0) await Promise.all(underWay);
    },
    stop() {
      stopped = true;
      for (const state of states.values()) unset(state);
    },
  };
} // prettier-ignore
