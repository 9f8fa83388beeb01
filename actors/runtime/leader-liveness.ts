import type { Bus } from '../../bus/bus.ts';
import { watchPresence, type Presence } from '../../bus/presence.ts';
import * as subjects from '../../bus/subjects.ts';
import { delay, type TimerId, type World } from '../../bus/world.ts';
import { reasonOf } from '../../schemas/meta/status.ts';

/** Who of the other candidates is alive. A lease's holder that is gone is succeeded at once, not after its lease. */
export interface Liveness {
  /** False while nothing is known. */
  isGone(holder: string): boolean;
  /** The candidates that are heard, by id; their states tell who is ready and who leads what. */
  alive(): readonly Pick<Presence, 'id' | 'state'>[];
  /** Called when someone came, changed its state or is gone, or when it is first known who is there. */
  onChange(listener: () => void): () => void;
  /** Has another look at the leases at once. */
  nudge?(id: string): void;
}
export interface PresenceLiveness extends Liveness {
  stop(): void;
}

/** How long presence is listened to before the absence of somebody means anything, ms. */
const LISTEN_MS = 1_100;
/** Of somebody whose connection stands. Shorter silence is perhaps a busy event loop, and changing leaders has its price. */
const SILENCE_MS = 4_000;
/** After a reconnection of our own the others may still be on their way back. */
const RECONNECTION_MS = 3_000;
/** Nobody listens to the probe's subject twice in a row, so far apart: not just a connection that is being replaced. */
const PROBE_GAP_MS = 100;
/** A probe is never answered: whom nobody calls absent for so long, on a busy machine too, listens. */
const PROBE_MS = 1_000;
/** Who is still counted as present so long after he was cut off was heard again meanwhile. */
const RETURN_MS = 1_250;
const NUDGE = 'look';

/**
 * Liveness by presence; a holder is its presence id. Somebody is gone if he said farewell; if two of his beats are late and
 * the server says that nobody listens any more on his subject (his process is dead or cut off: known within half a
 * second); or if he is silent for four seconds though his connection stands (he is paused). A mistake costs a change
 * of leaders and no more, because leadership is fenced.
 */
export function presenceLiveness(bus: Bus, world: World, component: string, id: string): PresenceLiveness {
  const { clock } = world;
  const listeners = new Set<() => void>();
  const tell = (): void => listeners.forEach((listener) => listener());
  /** Proven, until he is heard again. */
  const gone = new Set<string>();
  /** Silent, but perhaps only busy: until this timer. */
  const quiet = new Map<string, TimerId>();
  const probing = new Set<string>();
  let known = false;
  let connected = true;
  /** Before this nobody's absence is believed, only a farewell. */
  let doubtUntil = 0;
  let stopped = false;

  const listens = bus.subscribe(subjects.probe(component, id), ({ body }) => {
    if (body === NUDGE) tell();
  });
  /** Asks anew without waiting for what is never answered: he may have died since he was asked. */
  const isCutOff = async (other: string): Promise<boolean> => {
    const doubtful = (): boolean => stopped || !connected || clock.now() < doubtUntil;
    const refused = new Set<number>();
    const enough = Promise.withResolvers<void>();
    const ask = (n: number): void => {
      bus.request(subjects.probe(component, other), null, { timeoutMs: PROBE_MS }).catch((error: unknown) => {
        if (reasonOf(error) !== 'ServiceUnavailable' || !connected) return;
        refused.add(n);
        if (refused.has(n - 1) || refused.has(n + 1)) enough.resolve();
      });
    };
    const until = clock.now() + PROBE_MS;
    for (let n = 0; clock.now() < until; n++) {
      if (doubtful()) return false;
      ask(n);
      const inVain = await Promise.race([delay(clock, PROBE_GAP_MS), enough.promise.then(() => true)]);
      if (inVain === true) return !doubtful();
    }
    return false;
  };
  const probe = async (other: string): Promise<void> => {
    if (probing.has(other) || gone.has(other)) return;
    probing.add(other);
    try {
      // As long as he is silent: he may have been there still when he was first asked for.
      while (!(await isCutOff(other))) {
        if (!quiet.has(other)) return;
        await delay(clock, PROBE_GAP_MS);
      }
      if (stopped) return;
      hush(other);
      gone.add(other);
      world.log.info('a candidate is cut off', { candidate: other });
      tell();
      // Presence tells nothing of somebody who was away for less than a second.
      await delay(clock, RETURN_MS);
      if (!watch.list().some(({ id: one }) => one === other) || !gone.delete(other)) return;
      tell();
    } finally {
      probing.delete(other);
    }
  };
  const hush = (other: string): void => {
    const timer = quiet.get(other);
    if (timer !== undefined) clock.clearTimeout(timer);
    quiet.delete(other);
  };
  const watch = watchPresence(
    bus,
    world,
    (presence, farewell) => {
      const other = presence.id;
      hush(other);
      if (presence.alive) gone.delete(other);
      else if (farewell) gone.add(other);
      else if (!gone.has(other)) {
        // Silent for a second already.
        judgeAfter(other, SILENCE_MS - 1_000);
        void probe(other);
      }
      tell();
    },
    { component, onLate: ({ id: other }) => void probe(other) },
  );
  const judgeAfter = (other: string, ms: number): void => {
    const timer = clock.setTimeout(() => silent(other), ms);
    quiet.set(other, timer);
  };
  const silent = (other: string): void => {
    quiet.delete(other);
    const wait = doubtUntil - clock.now();
    if (wait > 0) judgeAfter(other, wait);
    else {
      gone.add(other);
      world.log.info('a candidate is silent', { candidate: other });
      tell();
    }
  };
  const connection = bus.onConnection((now) => {
    connected = now;
    doubtUntil = clock.now() + RECONNECTION_MS;
    if (now) judgeIn(RECONNECTION_MS);
  });
  let timer: TimerId | undefined;
  const judgeIn = (ms: number): void => {
    if (timer !== undefined) clock.clearTimeout(timer);
    timer = clock.setTimeout(() => {
      known = true;
      tell();
    }, ms);
  };
  judgeIn(LISTEN_MS);
  return {
    isGone: (holder) =>
      gone.has(holder) ||
      (known &&
        clock.now() >= doubtUntil &&
        !quiet.has(holder) &&
        !watch.list().some((presence) => presence.id === holder)),
    alive: () => watch.list().filter((presence) => !gone.has(presence.id)),
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    nudge: (other) => bus.publish(subjects.probe(component, other), NUDGE),
    stop() {
      stopped = true;
      if (timer !== undefined) clock.clearTimeout(timer);
      for (const other of quiet.keys()) hush(other);
      watch.unsubscribe();
      connection.unsubscribe();
      listens.unsubscribe();
    },
  };
}
