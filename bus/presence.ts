import { BEAT_MS, everyBeat } from './beat.ts';
import type { Bus, Message, Subscription } from './bus.ts';
import { encodeOnce } from './codec.ts';
import * as subjects from './subjects.ts';
import type { TimerId, World } from './world.ts';

/** A component as the others see it. */
export interface Presence {
  /** `etcd`, `apiserver`, `controller:replicaset`, `kubelet`. */
  readonly component: string;
  readonly id: string;
  /** State of its life chart; the last one known if it is gone. */
  readonly state: string;
  /** False once: it said farewell, or was silent for a second. */
  readonly alive: boolean;
}

export interface Announced {
  readonly component: string;
  readonly id: string;
  state(): string;
}
export interface Announcement {
  /** Beats at once, for a state that others wait for. */
  changed(): void;
  /** Says farewell: the others need not wait for silence. */
  stop(): void;
}

/** Subjects of what is announced on a bus: who watches on the same one has no need to hear it beat. */
const announcedOn = new WeakMap<Bus, Set<string>>();
const ownOf = (bus: Bus): Set<string> => {
  const own = announcedOn.get(bus) ?? new Set();
  announcedOn.set(bus, own);
  return own;
};

/** What a roll call asks: those of one component, or all; of `own` one answer is enough. */
interface RollCall {
  readonly component?: unknown;
  readonly own?: unknown;
}

/** A watcher calls the roll this often, and whoever was called beats for this long. */
const CALL_BEATS = 5000 / BEAT_MS;
const ANSWER_BEATS = 3 * CALL_BEATS;

/**
 * Tells those who watch, four times a second, that this component is there and in what state. While nobody has called
 * the roll for a while it is silent: a cluster at rest that nobody looks at is not woken for it.
 */
export function announce(bus: Bus, world: World, announced: Announced): Announcement {
  const subject = subjects.presence(announced.component, announced.id);
  let state: string | undefined;
  let body = encodeOnce(null);
  let beatsLeft = 0;
  let beats: Subscription | undefined;

  const say = (): void => {
    const now = announced.state();
    if (now !== state) body = encodeOnce({ state: (state = now) });
    bus.publish(subject, body);
  };
  const rest = (): void => {
    beats?.unsubscribe();
    beats = undefined;
  };
  /** Answers at once, then beats until nobody can still be watching. */
  const answer = (): void => {
    beatsLeft = ANSWER_BEATS;
    if (beats) return;
    beats = everyBeat(world.clock, () => {
      if (--beatsLeft < 0) rest();
      else say();
    });
    say();
  };
  const calls = bus.subscribe(subjects.rollCall, (message) => {
    const { component, own } = (message.body ?? {}) as RollCall;
    if (component !== undefined && component !== announced.component) return;
    if (Array.isArray(own) && own.includes(subject)) say();
    else answer();
  });
  const connection = bus.onConnection((connected) => {
    if (connected) answer();
  });
  ownOf(bus).add(subject);
  answer();

  let stopped = false;
  return {
    changed: () => {
      if (!stopped && announced.state() !== state) say();
    },
    stop: () => {
      if (stopped) return;
      stopped = true;
      ownOf(bus).delete(subject);
      calls.unsubscribe();
      connection.unsubscribe();
      rest();
      bus.publish(subject, { state: announced.state(), farewell: true });
    },
  };
}

export interface PresenceWatch extends Subscription {
  /** Those alive, in order of component and id. */
  list(): readonly Presence[];
}

interface Seen {
  presence: Presence;
  bytes: Uint8Array;
  silentBeats: number;
}
const SILENT_BEATS = 1000 / BEAT_MS;
/** One beat may be under way, two are late. */
const LATE_BEATS = 2;

export interface WatchPresenceOptions {
  /** Only those of that name. */
  readonly component?: string | undefined;
  /** Called with each beat that somebody misses after the first, until it is heard again or gone. */
  readonly onLate?: ((presence: Presence) => void) | undefined;
}

/** Calls `onChange` when a component appears, changes its state, or is gone (`farewell`: it said so itself). */
export function watchPresence(
  bus: Bus,
  world: World,
  onChange: (presence: Presence, farewell: boolean) => void,
  options: WatchPresenceOptions = {},
): PresenceWatch {
  const seen = new Map<string, Seen>();
  let connected = true;
  let beats: Subscription | undefined;

  const gone = (subject: string, entry: Seen, farewell: boolean): void => {
    seen.delete(subject);
    onChange({ ...entry.presence, alive: false }, farewell);
  };
  const onMessage = (message: Message): void => {
    const known = seen.get(message.subject);
    if (known) {
      known.silentBeats = 0;
      // A beat that says the same as the last one costs a comparison.
      if (Buffer.compare(known.bytes, message.bytes) === 0) return;
    }
    const { state, farewell } = (message.body ?? {}) as { state?: unknown; farewell?: unknown };
    if (farewell === true) {
      if (known) gone(message.subject, known, true);
      return;
    }
    const { component, id } = subjects.parsePresence(message.subject);
    const presence = { component, id, state: typeof state === 'string' ? state : '', alive: true };
    seen.set(message.subject, { presence, bytes: message.bytes, silentBeats: 0 });
    listen();
    onChange(presence, false);
  };

  const own = ownOf(bus);
  const subscription = bus.subscribe(subjects.presenceOf(options.component ?? '*'), onMessage);

  let nextCall: TimerId | undefined;
  const call = (): void => {
    if (nextCall !== undefined) world.clock.clearTimeout(nextCall);
    nextCall = world.clock.setTimeout(call, CALL_BEATS * BEAT_MS);
    if (connected) bus.publish(subjects.rollCall, { component: options.component, own: [...own] });
  };
  const connection = bus.onConnection((now) => {
    connected = now;
    for (const entry of seen.values()) entry.silentBeats = 0;
    if (connected) call();
  });
  call();
  return {
    list: () => [...seen.keys()].sort().map((subject) => seen.get(subject)!.presence),
    unsubscribe: () => {
      subscription.unsubscribe();
      connection.unsubscribe();
      stopListening();
      if (nextCall !== undefined) world.clock.clearTimeout(nextCall);
    },
  };

  /** Counts the beats that others miss, while there are others. */
  function listen(): void {
    beats ??= everyBeat(world.clock, () => {
      // Without a connection nobody can be heard: that says nothing about them.
      if (!connected) return;
      const others = [...seen].filter(([subject]) => !own.has(subject));
      if (others.length === 0) stopListening();
      for (const [subject, entry] of others) {
        if (++entry.silentBeats >= SILENT_BEATS) gone(subject, entry, false);
        else if (entry.silentBeats >= LATE_BEATS) options.onLate?.(entry.presence);
      }
    });
  }
  function stopListening(): void {
    beats?.unsubscribe();
    beats = undefined;
  }
}
