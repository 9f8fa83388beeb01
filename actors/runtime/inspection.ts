import type { StateValue } from 'xstate';
import type { Bus, Subscription } from '../../bus/bus.ts';
import * as subjects from '../../bus/subjects.ts';
import type { TimerId, World } from '../../bus/world.ts';
import { ApiError, toStatus } from '../../schemas/meta/status.ts';
import { attachOf, requestOf, type Refused } from './inspection-requests.ts';
import { Counts } from './inspection-counts.ts';
import { listEntries, UNHELD, wireOf, type Entry, type LiveActor } from './inspection-entry.ts';
import { detailOf, Recorder } from './inspection-follow.ts';
import type {
  Ack,
  ActorRequest,
  AttachRequest,
  ControlState,
  Followed,
  InspectionFrame,
  ListRequest,
} from './inspection-frames.ts';
import { Gate } from './inspection-gate.ts';
import { Taps, valueOf } from './inspection-taps.ts';

export { valueOf } from './inspection-taps.ts';
export type { LiveActor } from './inspection-entry.ts';

/** The live actors of one component, and the tap on them. */
export interface Inspection {
  add(actor: LiveActor): void;
  remove(actor: LiveActor): void;
  /** Called when a live actor has crashed and will be restarted. */
  crashed(actor: LiveActor): void;
  /** Called when a restart gave a live actor a new ref, before that starts. */
  renewed(actor: LiveActor): void;
  actors(): Iterable<LiveActor>;
  close(): void;
}

/** `syncing.dirty`; parallel regions joined by `+`. */
export function stateText(value: StateValue | undefined): string {
  if (value === undefined) return '';
  if (typeof value === 'string') return value;
  return Object.entries(value)
    .map(([name, child]) => {
      const below = stateText(child);
      return below === '' ? name : `${name}.${below}`;
    })
    .join('+');
}

/** All components tell in the same instants: those of one machine wake it, the server and the console once. */
const FRAME_MS = 250;
/** What goes over the bus because somebody listens: told with the rest, but nothing to tell of by itself. */
const OWN_NOISE: ReadonlySet<string> = new Set(['inspect', 'presence', 'beat', 'rollcall']);

/**
 * Tells the console, while it asks for it (see AttachRequest), in which states the component's actors are, what the
 * followed ones do and what the bus carries, and does what it commands. With no listener no actor carries anything: the
 * cost is one Map entry an actor.
 */
export function createInspection(o: {
  readonly world: World;
  readonly bus: Bus;
  readonly component: string;
  readonly id: string;
}): Inspection {
  const { clock, log } = o.world;
  const entries = new Map<string, Entry>();
  const byActor = new Map<LiveActor, Entry>();
  const counts = new Counts();
  const taps = new Taps(counts, () => clock.now());
  const subject = subjects.inspect(o.component, o.id);
  let serial = 0;
  let seq = 0;
  /** Who is attached, and until when. */
  const attached = new Map<string, number>();
  let ticking: TimerId | undefined;
  let counting: Subscription | undefined;
  /** Ids of followed actors, whether or not there is such an actor now, and until when. */
  const follows = new Map<string, number>();
  let followed: Followed[] = [];
  const held = new Set<Entry>();
  const changed = new Set<Entry>();
  let acks: Ack[] = [];
  let whole = false;

  function flush(): void {
    const frame: { -readonly [K in keyof InspectionFrame]: InspectionFrame[K] } = {
      seq: seq + 1,
      ts: clock.now(),
      role: o.bus.traffic.role,
    };
    const told = counts.takeCounts(whole);
    if (whole) frame.whole = true;
    if (told.length > 0 || whole) frame.counts = told;
    const handled = counts.takeHandled();
    if (handled.length > 0) frame.handled = handled;
    const traffic = o.bus.traffic.take(OWN_NOISE);
    if (traffic.length > 0) frame.traffic = traffic;
    for (const [id] of follows) {
      const entry = entries.get(id);
      const news = entry?.tap?.recorder?.take();
      if (entry !== undefined && news !== undefined)
        followed.push({ ...wireOf(entry), news: 'steps', detail: detailOf(entry.actor.ref()), ...news });
    }
    if (followed.length > 0) frame.followed = followed;
    if (changed.size > 0) frame.controls = [...changed].map(wireOf);
    if (acks.length > 0) frame.acks = acks;
    whole = false;
    followed = [];
    acks = [];
    changed.clear();
    // seq, ts and role are always there.
    if (Object.keys(frame).length === 3) return;
    seq++;
    o.bus.publish(subject, frame);
  }

  function tap(entry: Entry): void {
    entry.tap ??= { machine: entry.actor.machine, cells: [], recorder: undefined, gate: undefined };
    // One that has crashed comes back as another.
    if ((entry.actor.ref().getSnapshot() as { status?: string } | undefined)?.status !== 'active') return;
    if (follows.has(entry.id)) entry.tap.recorder ??= new Recorder();
    taps.attach(entry.actor.ref(), entry.tap);
    if (entry.tap.recorder !== undefined) begin(entry);
  }
  const begin = (entry: Entry): void =>
    void followed.push({ ...wireOf(entry), news: 'begun', detail: detailOf(entry.actor.ref()) });

  function attach({ from, forMs, whole: wantsAll, follow }: Required<AttachRequest>): void {
    attached.delete(from);
    // Forged names must not grow it without end.
    if (attached.size >= 32) attached.delete(attached.keys().next().value!);
    attached.set(from, clock.now() + forMs);
    if (ticking === undefined) {
      counting = o.bus.traffic.begin();
      for (const entry of entries.values()) tap(entry);
      whole = true;
      ticking = clock.setTimeout(tick, FRAME_MS - (clock.now() % FRAME_MS));
    }
    for (const id of follow) {
      const isNew = !follows.has(id);
      follows.set(id, clock.now() + forMs);
      if (!isNew) continue;
      const entry = entries.get(id);
      if (entry === undefined) followed.push({ actor: id, machine: '', states: [], control: UNHELD, news: 'ended' });
      if (entry?.tap === undefined) continue;
      entry.tap.recorder = new Recorder();
      entry.tap.recorder.listen(entry.actor.ref());
      begin(entry);
    }
    if (wantsAll) {
      whole = true;
      for (const entry of held) changed.add(entry);
      for (const id of follows.keys()) {
        const entry = entries.get(id);
        if (entry !== undefined) begin(entry);
      }
    }
    if (whole || followed.length > 0) flush();
  }
  function tick(): void {
    const now = clock.now();
    for (const [from, until] of attached) if (until <= now) attached.delete(from);
    if (attached.size === 0) return detach();
    for (const [id, end] of follows) if (end <= now) unfollow(id);
    flush();
    ticking = clock.setTimeout(tick, FRAME_MS - (clock.now() % FRAME_MS));
  }
  function unfollow(id: string): void {
    follows.delete(id);
    const entry = entries.get(id);
    entry?.tap?.recorder?.stop();
    if (entry?.tap !== undefined) entry.tap.recorder = undefined;
  }
  function detach(): void {
    if (ticking === undefined) return;
    clock.clearTimeout(ticking);
    ticking = undefined;
    attached.clear();
    const resumed = [...held].filter((entry) => entry.tap!.gate!.release()).length;
    if (resumed > 0) log.warn('actors resumed: the inspector that paused them is gone', { count: resumed });
    held.clear();
    follows.clear();
    for (const entry of entries.values()) {
      taps.detach(entry.actor.ref());
      entry.tap = undefined;
    }
    counts.clear();
    changed.clear();
    followed = [];
    counting?.unsubscribe();
  }

  function gateOf(entry: Entry): Gate {
    const { tap } = entry;
    if (tap === undefined) throw new ApiError('Conflict', 'nobody is attached: attach before commanding');
    held.add(entry);
    return (tap.gate ??= new Gate(
      (event) => {
        const ref = entry.actor.ref();
        if ((ref.getSnapshot() as { status?: string } | undefined)?.status === 'active') ref.send(event);
      },
      () => void changed.add(entry),
    ));
  }
  function command(request: ActorRequest): ControlState {
    const entry = entries.get(request.actor);
    if (entry === undefined)
      throw new ApiError('NotFound', `there is no actor "${request.actor}" in ${o.component} ${o.id} (any more)`);
    const gate = gateOf(entry);
    try {
      if (request.type === 'break' || request.type === 'unbreak') gate[request.type](request.on);
      else gate[request.type]();
    } finally {
      if (gate.isIdle) {
        held.delete(entry);
        if (entry.tap !== undefined) entry.tap.gate = undefined;
      }
    }
    log.info('actor controlled from the inspector', { actor: entry.id, command: request.type });
    return gate.state;
  }
  const answer = (asked: ListRequest | ActorRequest | Refused): Ack => {
    const { request } = asked;
    if (asked.type === 'refused') return { request, status: asked.status };
    try {
      return {
        request,
        result: asked.type === 'list' ? listEntries(asked.held ? held : entries.values(), asked) : command(asked),
      };
    } catch (error) {
      return { request, status: toStatus(error) };
    }
  };
  const subscription = o.bus.subscribe(subjects.control(o.component, o.id), ({ body }) => {
    const attaching = attachOf(body);
    if (attaching?.type === 'attach') return attach(attaching);
    if (attaching?.type === 'detach') {
      if (attached.delete(attaching.from) && attached.size === 0) detach();
      return;
    }
    const request = requestOf(body);
    if (request === undefined) return;
    acks.push(answer(request));
    flush();
  });

  return {
    add(actor) {
      const id = entries.has(actor.id) ? `${actor.id}#${serial + 1}` : actor.id;
      const entry: Entry = { actor, id, serial: ++serial, tap: undefined };
      entries.set(id, entry);
      byActor.set(actor, entry);
      if (ticking !== undefined) tap(entry);
    },
    remove(actor) {
      const entry = byActor.get(actor);
      if (entry === undefined) return;
      byActor.delete(actor);
      entries.delete(entry.id);
      held.delete(entry);
      changed.delete(entry);
      if (entry.tap === undefined) return;
      if (follows.has(entry.id)) {
        const last = entry.tap.recorder?.take();
        const wire = { ...wireOf(entry), states: [stateText(valueOf(actor.ref()))], control: UNHELD };
        if (last) followed.push({ ...wire, news: 'steps', detail: detailOf(actor.ref()), ...last });
        followed.push({ ...wire, news: 'ended' });
      }
      taps.detach(actor.ref());
    },
    crashed(actor) {
      const entry = byActor.get(actor);
      if (entry?.tap === undefined) return;
      gateOf(entry).crashed(true);
      taps.detach(actor.ref());
    },
    renewed(actor) {
      const entry = byActor.get(actor);
      if (entry === undefined || ticking === undefined) return;
      tap(entry);
      const gate = entry.tap?.gate;
      gate?.restarted();
      if (!gate?.isIdle) return;
      held.delete(entry);
      entry.tap!.gate = undefined;
    },
    actors: () => byActor.keys(),
    close() {
      subscription.unsubscribe();
      detach();
    },
  };
}
