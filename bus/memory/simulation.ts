import { SAFE_ALPHABET } from '../real-world.ts';
import type { Clock, Ids, Logger, World } from '../world.ts';
import { EventQueue } from './event-queue.ts';
import type { TimedEvent } from './event-queue.ts';
import { seededRandom } from './random.ts';

export interface Simulation {
  /** A World whose numbers and ids follow from the seed and `name` alone; all share the clock. */
  world(name: string): World;
  readonly clock: Clock;
  /** A process of its own, with a World by `name`: what is on its own clock can be held, and ended. */
  process(name: string): SimulatedProcess;
  /** Runs `fn` after `microseconds` of the simulated clock. */
  after(microseconds: number, fn: () => void): void;
  /** Microseconds since the epoch. */
  now(): number;
  /** Runs until `until()` holds; rejects if it does not within `maxMs` of simulated time or nothing is left to happen. */
  run(until: () => boolean, maxMs: number): Promise<void>;
  /** Lets `ms` of simulated time pass. */
  advance(ms: number): Promise<void>;
  /** Somebody sets the clock, on or (less than 0) back: the time of day is another, and timers run on as they were. */
  jump(ms: number): void;
}

/** What a process is to the machine below it: it can be stopped for a while, killed, and its clock be set. */
export interface SimulatedProcess {
  readonly world: World;
  /** Its clock differs so much from the simulation's from now on, ms; its timers ring as they would have. */
  setClock(offsetMs: number): void;
  /** Something that happens to it: at once, when it is resumed, or never, as it has ended. */
  do(fn: () => void): void;
  /** Nothing happens to it any more until it is resumed; then all at once, in order. */
  pause(): void;
  resume(): void;
  /** As if it were killed: its timers never ring. */
  end(): void;
}
export interface LogRecord {
  readonly time: number;
  readonly world: string;
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly keys: Readonly<Record<string, unknown>>;
}

export interface SimulationOptions {
  /** Time of day at the beginning, milliseconds since the epoch; default 2026-01-01T00:00:00Z. */
  readonly startMs?: number | undefined;
  /** Every line logged, in order; default nowhere. */
  readonly onLog?: ((record: LogRecord) => void) | undefined;
}

/** The longest that a timer of Node can wait, ms. */
const MAX_DELAY = 2 ** 31 - 1;

/**
 * Simulated time and chance: one queue of events ordered by (time, order of insertion). The driver takes one, runs it, lets all
 * promises that follow from it settle, and goes on; so what happens depends on the seed only. It holds for code that
 * takes its clock, randomness and ids from `world()` and its messages from a memory hub on this simulation.
 */
export function simulate(seed: string | number, options: SimulationOptions = {}): Simulation {
  const queue = new EventQueue();
  let now = (options.startMs ?? 1_767_225_600_000) * 1000;
  /** How far the clock was set on, ms. */
  let offset = 0;

  const clock: Clock = {
    now: () => Math.floor(now / 1000) + offset,
    // As in Node, a timer never fires in the same instant: a loop of zero delays would stop the clock for ever; and what
    // is too far away is taken for now.
    setTimeout: (fn, ms) =>
      queue.add(now + Math.max(1000, Math.round((ms <= MAX_DELAY ? ms : 1) * 1000)), () => {
        fn();
      }),
    clearTimeout: (id) => {
      (id as TimedEvent).cancelled = true;
    },
  };
  /** Runs events in turn until `until()` holds, which resolves to true, or none is due by `limit`. */
  const drive = (limit: number, until: () => boolean): Promise<boolean> =>
    new Promise((resolve, reject) => {
      const step = (): void => {
        try {
          if (until()) {
            resolve(true);
            return;
          }
          const event = queue.peek();
          if (!event || event.at > limit) {
            resolve(false);
            return;
          }
          queue.take();
          now = Math.max(now, event.at);
          event.run();
        } catch (error) {
          reject(error);
          return;
        }
        settle();
      };
      const settle = settling(step);
      settle();
    });

  const worldOf = (name: string, own: Clock): World => {
    const random = seededRandom(`${seed}/${name}`);
    return {
      clock: own,
      random,
      ids: seededIds(seededRandom(`${seed}/${name}/ids`)),
      log: logger(name, {}),
    };
  };
  return {
    clock,
    now: () => now,
    after: (microseconds, fn) => void queue.add(now + Math.max(0, microseconds), fn),
    world: (name) => worldOf(name, clock),
    process: (name) => {
      let offset = 0;
      let ended = false;
      let held: (() => void)[] | undefined;
      const act = (fn: () => void): void => {
        if (ended) return;
        if (held) held.push(fn);
        else fn();
      };
      const own: Clock = {
        now: () => clock.now() + offset,
        setTimeout: (fn, ms) => {
          if (ended) return NO_TIMER;
          const timer = clock.setTimeout(() => {
            // Cleared while it was held: it does not ring.
            act(() => {
              if (!(timer as TimedEvent).cancelled) fn();
            });
          }, ms);
          return timer;
        },
        clearTimeout: clock.clearTimeout,
      };
      return {
        world: worldOf(name, own),
        setClock: (offsetMs) => void (offset = offsetMs),
        do: act,
        pause: () => void (held ??= []),
        resume: () => {
          const due = held ?? [];
          held = undefined;
          for (const fn of due) queue.add(now, () => act(fn));
        },
        end: () => {
          ended = true;
          held = undefined;
        },
      };
    },
    run: async (until, maxMs) => {
      if (await drive(now + maxMs * 1000, until)) return;
      const why = queue.peek() ? `not so after ${maxMs} ms of simulated time` : 'not so, and nothing is left to happen';
      throw new Error(`${why}: ${until.toString().slice(0, 120)}`);
    },
    advance: async (ms) => {
      const limit = now + ms * 1000;
      await drive(limit, never);
      now = limit;
    },
    jump: (ms) => void (offset += ms),
  };

  function logger(world: string, base: Readonly<Record<string, unknown>>): Logger {
    const at =
      (level: LogRecord['level']) =>
      (message: string, keys?: Readonly<Record<string, unknown>>): void =>
        options.onLog?.({ time: clock.now(), world, level, message, keys: { ...base, ...keys } });
    return {
      debug: at('debug'),
      info: at('info'),
      warn: at('warn'),
      error: at('error'),
      child: (keys) => logger(world, { ...base, ...keys }),
    };
  }
}

const NO_TIMER: TimedEvent = { at: 0, sequence: -1, run: () => undefined, cancelled: true };

const never = (): boolean => false;

/**
 * What it returns calls `then` once all promises that can settle without the simulated clock and without the world outside
 * have settled: the queue of ticks has its turn when that of promises is empty. Twice, for what sends in a tick (see
 * `flushSoon` in bus/sessions.ts). A turn of the real event loop would do it too, and cost more than most events; so would
 * awaiting, in memory: there are ten thousand events in a minute of a cluster's time.
 */
function settling(then: () => void): () => void {
  // Each from a promise and not from the tick itself: between two ticks of one turn promises do not settle.
  const last = (): void => void SETTLED.then(then);
  const again = (): void => process.nextTick(last);
  const first = (): void => void SETTLED.then(again);
  return () => process.nextTick(first);
}
const SETTLED = Promise.resolve();

function seededIds(random: () => number): Ids {
  const draw = (alphabet: string, length: number): string => {
    let out = '';
    for (let i = 0; i < length; i++) out += alphabet[Math.floor(random() * alphabet.length)];
    return out;
  };
  const hex = (length: number): string => draw('0123456789abcdef', length);
  return {
    uuid: () => `${hex(8)}-${hex(4)}-4${hex(3)}-${draw('89ab', 1)}${hex(3)}-${hex(12)}`,
    suffix: (length) => draw(SAFE_ALPHABET, length),
    token: () => draw('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789', 16),
  };
}
