import { SAFE_ALPHABET, soon } from '../real-world.ts';
import type { Clock, Ids, Logger, World } from '../world.ts';
import { EventQueue } from './event-queue.ts';
import type { TimedEvent } from './event-queue.ts';
import { seededRandom } from './random.ts';

export interface Simulation {
  /** A World whose numbers and ids follow from the seed and `name` alone; all share the clock. */
  world(name: string): World;
  readonly clock: Clock;
  /** Runs `fn` after `microseconds` of the simulated clock. */
  after(microseconds: number, fn: () => void): void;
  /** Microseconds since the epoch. */
  now(): number;
  /** Runs until `until()` holds; rejects if it does not within `maxMs` of simulated time or nothing is left to happen. */
  run(until: () => boolean, maxMs: number): Promise<void>;
  /** Lets `ms` of simulated time pass. */
  advance(ms: number): Promise<void>;
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

/**
 * Simulated time and chance: one queue of events ordered by (time, order of insertion). The driver takes one, runs it, lets all
 * promises that follow from it settle, and goes on; so what happens depends on the seed only. It holds for code that
 * takes its clock, randomness and ids from `world()` and its messages from a memory hub on this simulation.
 */
export function simulate(seed: string | number, options: SimulationOptions = {}): Simulation {
  const queue = new EventQueue();
  let now = (options.startMs ?? 1_767_225_600_000) * 1000;

  const clock: Clock = {
    now: () => Math.floor(now / 1000),
    // As in Node, a timer never fires in the same instant: a loop of zero delays would stop the clock for ever.
    setTimeout: (fn, ms) =>
      queue.add(now + Math.max(1000, Math.round((Number.isFinite(ms) ? ms : 0) * 1000)), () => {
        fn();
      }),
    clearTimeout: (id) => {
      (id as TimedEvent).cancelled = true;
    },
  };
  /** Runs the next event if it is due by `limit`; false if there is none. */
  const step = async (limit: number): Promise<boolean> => {
    const event = queue.peek();
    if (!event || event.at > limit) return false;
    queue.take();
    now = Math.max(now, event.at);
    event.run();
    await settled();
    return true;
  };

  return {
    clock,
    now: () => now,
    after: (microseconds, fn) => void queue.add(now + Math.max(0, microseconds), fn),
    world: (name) => {
      const random = seededRandom(`${seed}/${name}`);
      return { clock, random, ids: seededIds(seededRandom(`${seed}/${name}/ids`)), log: logger(name, {}) };
    },
    run: async (until, maxMs) => {
      const limit = now + maxMs * 1000;
      await settled();
      while (!until()) {
        if (await step(limit)) continue;
        const why = queue.peek()
          ? `not so after ${maxMs} ms of simulated time`
          : 'not so, and nothing is left to happen';
        throw new Error(`${why}: ${until.toString().slice(0, 120)}`);
      }
    },
    advance: async (ms) => {
      const limit = now + ms * 1000;
      await settled();
      while (await step(limit));
      now = limit;
    },
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

/** One turn of the real event loop: all promises that can settle without the simulated clock have settled by then. */
const settled = (): Promise<void> => new Promise(soon);

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
