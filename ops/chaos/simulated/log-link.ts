import type { Weather } from '../../../bus/memory/bus.ts';
import type { MemoryLog } from '../../../bus/memory/log.ts';
import type { SimulatedProcess, Simulation } from '../../../bus/memory/simulation.ts';
import type { Log, LogEntry } from '../../../bus/log.ts';
import type { World } from '../../../bus/world.ts';
import { ApiError } from '../../../schemas/meta/status.ts';

export interface LogLinkOptions {
  readonly simulation: Simulation;
  /** Shared by all facades: what is in it is durable. */
  readonly log: MemoryLog;
  /** Of the facade's connection, as the weather knows it. */
  readonly name: string;
  readonly process: SimulatedProcess;
  readonly weather: Weather;
  /** Servers elect a leader: an append is refused, or its answer never comes. */
  readonly isElecting: () => boolean;
  /** Copies on several servers: routes between them can lose what the log says. */
  readonly replicated: boolean;
}
export interface LogLink {
  readonly log: Log;
  /** As the facade's connection. */
  setConnected(connected: boolean): void;
  /** Nothing that is on its way arrives any more. */
  end(): void;
}
/** The log's end of the wire, for the weather. */
export const LOG = 'log';
const LATENCY_MICROS = 150;
/** As of bus/nats/log.ts, in a cluster. */
const CALL_MS = 2_000;
const BARRIER_KEY = '/kubus/barrier';
const NOTHING = new Uint8Array(0);

/**
 * The memory log as one facade of the store has it across a network: its appends, their answers and the entries that are
 * republished take time, in order each way, and are lost with the connection, in bad weather, or while nobody leads.
 * It is to bus/memory/log.ts what bus/nats/log.ts is to JetStream, with that one's errors.
 */
export function linkLog(o: LogLinkOptions): LogLink {
  const { simulation, process, weather, name } = o;
  const { random, clock, ids }: World = simulation.world(`log-link/${process.world.ids.token()}`);
  const view = o.log.view();
  const listeners = new Set<{ onEntry: (entry: LogEntry) => void; onDoubt: (() => void) | undefined }>();
  const pending = new Set<(error: ApiError) => void>();
  let connected = true;
  let connection = 0;
  const last = { [LOG]: 0, [name]: 0 };
  /** Over the wire to `to`, unless it is lost; in order. */
  const carry = (from: string, to: string, fn: () => void): void => {
    if (weather.loses(from, to)) return;
    const latency = LATENCY_MICROS + Math.floor(random() * LATENCY_MICROS) + weather.delayMicros(from, to);
    const at = Math.max(simulation.now() + latency, last[to]!);
    last[to] = at;
    const of = connection;
    simulation.after(at - simulation.now(), () => {
      if (of !== connection || !connected) return;
      if (to === LOG) fn();
      else process.do(fn);
    });
  };
  const call = <T>(what: () => T): Promise<T> => {
    if (!connected) return Promise.reject(new ApiError('ServiceUnavailable', 'the bus is not connected'));
    return new Promise<T>((resolve, reject) => {
      const settle = (fn: () => void): void => {
        pending.delete(lost);
        clock.clearTimeout(timer);
        fn();
      };
      const lost = (error: ApiError): void => settle(() => reject(error));
      pending.add(lost);
      const timer = clock.setTimeout(
        () => process.do(() => lost(new ApiError('Timeout', 'the log does not answer'))),
        CALL_MS,
      );
      carry(name, LOG, () => {
        let answer: () => void;
        try {
          if (o.isElecting() && random() < 0.7)
            throw new ApiError('ServiceUnavailable', 'the log has no leader at the moment');
          const result = what();
          answer = () => resolve(result);
        } catch (error) {
          answer = () => reject(error);
        }
        // A leader that steps down has perhaps done what it never answers.
        if (o.isElecting() && random() < 0.5) return;
        carry(LOG, name, () => settle(answer));
      });
    });
  };
  const republished = o.log.subscribe((entry) => {
    if (listeners.size > 0 && connected)
      carry(LOG, name, () => {
        for (const { onEntry } of listeners) onEntry(entry);
      });
  });
  const entries = view.now;
  const subscribe: Log['subscribe'] = (onEntry, onDoubt) => {
    const listener = { onEntry, onDoubt };
    listeners.add(listener);
    return { unsubscribe: () => void listeners.delete(listener) };
  };
  const append: Log['append'] = (entry) => call(() => entries.append(entry));
  const log: Log = {
    durable: true,
    replicated: o.replicated,
    append,
    appendAll: (all, expected) => call(() => entries.appendAll(all, expected)),
    find: (id) => call(() => entries.find(id)),
    async *read(from, to) {
      // In one answer: that reading is cut short halfway is for the tests of bus/nats.
      yield* await call(() => [...entries.read(from, to)]);
    },
    subscribe,
    barrier: async () => {
      if (!o.replicated) return call(() => undefined);
      const id = ids.token();
      const arrived = Promise.withResolvers<void>();
      const listener = subscribe((entry) => {
        if (entry.id === id) arrived.resolve();
      });
      const late = clock.setTimeout(
        () => process.do(() => arrived.reject(new ApiError('Timeout', 'the log lags behind'))),
        5_000,
      );
      try {
        await append({ key: BARRIER_KEY, value: NOTHING, id });
        await arrived.promise;
      } finally {
        arrived.promise.catch(() => undefined);
        clock.clearTimeout(late);
        listener.unsubscribe();
      }
    },
    bounds: () => call(() => entries.bounds()),
    purge: (key, before) => call(() => entries.purge(key, before)),
    close: async () => listeners.clear(),
  };
  return {
    log,
    setConnected: (now) => {
      if (now === connected) return;
      connected = now;
      connection++;
      if (now) for (const { onDoubt } of listeners) onDoubt?.();
      else for (const lost of pending) lost(new ApiError('Timeout', 'the connection to the bus was lost'));
    },
    end: () => {
      connected = false;
      connection++;
      listeners.clear();
      pending.clear();
      republished.unsubscribe();
    },
  };
}
