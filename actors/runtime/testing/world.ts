import type { Clock, World } from '../../../bus/world.ts';

/** A World of which a test is the master: time stands still until `advance`, ids count, randomness is a seeded sequence. */
export interface TestWorld extends World {
  /** Runs everything that is due within `ms`, in order of time, promises included. */
  advance(ms: number): Promise<void>;
  /** Lets promises settle without time passing. */
  settle(): Promise<void>;
  /** Advances by steps until `isTrue`, at most `withinMs`; rejects when it never became true. */
  until(isTrue: () => boolean, withinMs?: number): Promise<void>;
  readonly timers: number;
  /** Messages logged as warn or error. */
  readonly complaints: { readonly message: string; readonly keys: unknown }[];
}

export function testWorld(seed = 1): TestWorld {
  let now = Date.parse('2026-01-01T00:00:00Z');
  let nextId = 1;
  let state = seed >>> 0;
  let names = 0;
  const timers = new Map<number, { readonly at: number; readonly fn: () => void }>();
  const complaints: { message: string; keys: unknown }[] = [];
  const clock: Clock = {
    now: () => now,
    setTimeout(fn, ms) {
      const id = nextId++;
      // As Node's timers: what is too far away is taken for now.
      timers.set(id, { at: now + (ms > 2 ** 31 - 1 ? 1 : Math.max(0, ms)), fn });
      return id;
    },
    clearTimeout: (id) => void timers.delete(id as number),
  };
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
  };
  async function runNext(limit: number): Promise<boolean> {
    let next: [number, { readonly at: number; readonly fn: () => void }] | undefined;
    for (const entry of timers) if (!next || entry[1].at < next[1].at) next = entry;
    if (!next || next[1].at > limit) return false;
    timers.delete(next[0]);
    now = Math.max(now, next[1].at);
    next[1].fn();
    await settle();
    return true;
  }
  async function advance(ms: number): Promise<void> {
    const target = now + ms;
    await settle();
    while (await runNext(target));
    now = target;
  }
  const complain = (message: string, keys?: unknown): void => void complaints.push({ message, keys });
  const log = { debug: () => undefined, info: () => undefined, warn: complain, error: complain, child: () => log };
  return {
    clock,
    random: () => {
      // Mulberry32.
      state = (state + 0x6d2b79f5) >>> 0;
      let t = state;
      t = Math.imul(t ^ (t >>> 15), t | 1);
      t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
      return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
    },
    ids: {
      uuid: () => `00000000-0000-4000-8000-${String(++names).padStart(12, '0')}`,
      suffix: (length) => (++names).toString(36).padStart(length, 'x').slice(-length),
      token: () => `t${++names}`,
    },
    log,
    complaints,
    advance,
    settle,
    get timers() {
      return timers.size;
    },
    async until(isTrue, withinMs = 60_000) {
      const end = now + withinMs;
      await settle();
      while (!isTrue()) if (!(await runNext(end))) throw new Error(`not true within ${withinMs} ms: ${isTrue}`);
    },
  };
}
