import { BEAT_MS, everyBeat } from './beat.ts';
import type { Bus, Message, Subscription } from './bus.ts';
import { encodeOnce } from './codec.ts';
import * as subjects from './subjects.ts';
import type { World } from './world.ts';

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

/** Tells everyone, four times a second, that this component is there and in what state. */
export function announce(bus: Bus, world: World, announced: Announced): Announcement {
  const subject = subjects.presence(announced.component, announced.id);
  let state: string | undefined;
  let body = encodeOnce(null);
  const beat = (): void => {
    const now = announced.state();
    if (now !== state) body = encodeOnce({ state: (state = now) });
    bus.publish(subject, body);
  };
  const beats = everyBeat(world.clock, beat);
  beat();
  let stopped = false;
  return {
    changed: () => {
      if (!stopped && announced.state() !== state) beat();
    },
    stop: () => {
      if (stopped) return;
      stopped = true;
      beats.unsubscribe();
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

/** Calls `onChange` when a component appears, changes its state, or is gone. `component`: only those of that name. */
export function watchPresence(
  bus: Bus,
  world: World,
  onChange: (presence: Presence) => void,
  options: { readonly component?: string | undefined } = {},
): PresenceWatch {
  const seen = new Map<string, Seen>();
  let connected = true;

  const gone = (subject: string, entry: Seen): void => {
    seen.delete(subject);
    onChange({ ...entry.presence, alive: false });
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
      if (known) gone(message.subject, known);
      return;
    }
    const { component, id } = subjects.parsePresence(message.subject);
    const presence = { component, id, state: typeof state === 'string' ? state : '', alive: true };
    seen.set(message.subject, { presence, bytes: message.bytes, silentBeats: 0 });
    onChange(presence);
  };

  const subscription = bus.subscribe(subjects.presenceOf(options.component ?? '*'), onMessage);
  const connection = bus.onConnection((now) => {
    connected = now;
    for (const entry of seen.values()) entry.silentBeats = 0;
  });
  const beats = everyBeat(world.clock, () => {
    // Without a connection nobody can be heard: that says nothing about them.
    if (!connected) return;
    for (const [subject, entry] of seen) if (++entry.silentBeats >= SILENT_BEATS) gone(subject, entry);
  });
  return {
    list: () => [...seen.keys()].sort().map((subject) => seen.get(subject)!.presence),
    unsubscribe: () => {
      subscription.unsubscribe();
      connection.unsubscribe();
      beats.unsubscribe();
    },
  };
}
