import { next } from './attempt-table.ts';
import { Heap } from './heap.ts';
import type { AttemptEvent, AttemptState } from './machine.ts';
import { labelOf, type SchedulerMetrics } from './metrics.ts';
import type { ClusterEvent } from './plugins/plugin.ts';
import { changedForScheduling, isBefore, isGated } from './queue-rules.ts';
import { schedulerOf, type PodInfo } from './snapshot/pod-info.ts';

/** A pod on its way to a node. */
export interface Entry {
  pod: PodInfo;
  state: AttemptState;
  /** When it came, and where it keeps its place among equals: ms. */
  readonly since: number;
  attempts: number;
  /** When the first of them began: ms. */
  firstAt: number;
  /** It was brought back because it had waited long, not because anything happened. */
  flushed: boolean;
  /** Attempts that ended with the verdict that no node will do. */
  refusals: number;
  /** Attempts in a row that ended in an error rather than a verdict. */
  errors: number;
  failedAt: number;
  /** Plugins that refused it last. */
  plugins: ReadonlySet<string>;
  /** The plugin that keeps it from being looked at, while it is gated. */
  gatedBy: string;
}
export interface QueueOptions {
  readonly now: () => number;
  /** Whether the event could help a pod that the plugin refused. */
  readonly hint: (plugin: string, event: ClusterEvent, pod: PodInfo) => boolean;
  readonly metrics?: Pick<SchedulerMetrics, 'incoming'> | undefined;
  /** The plugin that does not let a pod be looked at yet; undefined: none. Source: framework PreEnqueue. */
  readonly gate?: ((pod: PodInfo) => string | undefined) | undefined;
  /** Default 1 s. */
  readonly initialBackoffMs?: number | undefined;
  /** Default 10 s. */
  readonly maxBackoffMs?: number | undefined;
}
/** What upstream calls the reasons for which a pod enters a queue. Source: scheduler framework/events.go. */
const POD_ADDED = 'UnschedulablePodAdd';
const POD_UPDATED = 'UnschedulablePodUpdate';
const FAILURE = 'ScheduleAttemptFailure';
const BACKOFF_OVER = 'BackoffComplete';
const POPPED_EARLY = 'PopFromBackoffQ';
const TIMEOUT = 'UnschedulableTimeout';
/** Source: scheduler DefaultPodInitialBackoffDuration, DefaultPodMaxBackoffDuration, DefaultPodMaxInUnschedulablePodsDuration. */
const INITIAL_BACKOFF_MS = 1_000;
const MAX_BACKOFF_MS = 10_000;
const WINDOW_MS = 1_000;
const NO_PLUGINS: ReadonlySet<string> = new Set();
const MAX_UNSCHEDULABLE_MS = 5 * 60_000;

/**
 * Pods without a node: `active` by priority then age, `backingOff` until their time, `unschedulable` until something
 * happens that one of the plugins that refused them thinks could help (or five minutes pass), `gated` until they may.
 * Source: scheduler backend/queue.
 */
export class SchedulingQueue {
  readonly #now: () => number;
  readonly #hint: QueueOptions['hint'];
  readonly #metrics: QueueOptions['metrics'];
  readonly #gate: QueueOptions['gate'];
  readonly #initialBackoffMs: number;
  readonly #maxBackoffMs: number;
  /** What has happened since others were asked about a pod: it might have been refused for what is not so any more. */
  #since: { readonly entry: Entry; readonly events: ClusterEvent[] } | undefined;
  readonly #gated = new Map<string, Entry>();
  readonly #entries = new Map<string, Entry>();
  readonly #active = new Heap<Entry>(isBefore);
  /** Those refused by the second in which they are due, in it as among the active. */
  readonly #backoff = new Heap<Entry>((a, b) => {
    const [first, second] = [this.#readyAt(a), this.#readyAt(b)];
    return first < second || (first === second && isBefore(a, b));
  });
  /** Those that failed: they wait out their time, whatever else there is to do. */
  readonly #failed = new Heap<Entry>((a, b) => this.#readyAt(a) < this.#readyAt(b));
  readonly #unschedulable = new Map<string, Entry>();

  constructor(o: QueueOptions) {
    this.#now = o.now;
    this.#hint = o.hint;
    this.#metrics = o.metrics;
    this.#gate = o.gate;
    this.#initialBackoffMs = o.initialBackoffMs ?? INITIAL_BACKOFF_MS;
    this.#maxBackoffMs = o.maxBackoffMs ?? MAX_BACKOFF_MS;
  }
  /** How many pods are in each state. */
  counts(): Readonly<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const { state } of this.#entries.values()) counts[state] = (counts[state] ?? 0) + 1;
    return counts;
  }
  /** How many pods of each scheduler wait because of each plugin. */
  refusals(): readonly { readonly profile: string; readonly plugin: string; readonly n: number }[] {
    const waiting = new Map<string, { readonly profile: string; readonly plugin: string; n: number }>();
    for (const { pod, state, plugins, gatedBy } of this.#entries.values())
      for (const plugin of state === 'gated' ? [gatedBy] : state === 'unschedulable' ? plugins : []) {
        const profile = schedulerOf(pod.pod);
        const key = `${profile}/${plugin}`;
        const known = waiting.get(key) ?? { plugin, profile, n: 0 };
        known.n++;
        waiting.set(key, known);
      }
    return [...waiting.values()];
  }
  get size(): number {
    return this.#entries.size;
  }
  entry(uid: string): Entry | undefined {
    return this.#entries.get(uid);
  }
  /** A pod that wants a node, new or changed. What changes while it is being placed is seen by the next attempt. */
  put(pod: PodInfo): void {
    const known = this.#entries.get(pod.uid);
    // Who has been looked at is told what it waits for, by what is found then.
    const isNew = known === undefined || known.state === 'gated';
    const gatedBy = isGated(pod) ? 'SchedulingGates' : isNew ? this.#gate?.(pod) : undefined;
    const gated = gatedBy !== undefined;
    if (known === undefined) {
      const now = this.#now();
      const entry: Entry = {
        pod, state: 'arriving', since: now, attempts: 0, firstAt: 0, flushed: false, refusals: 0, errors: 0, failedAt: 0, plugins: new Set(), gatedBy: gatedBy ?? '',
      }; // prettier-ignore
      this.#entries.set(pod.uid, entry);
      return this.#move(entry, gated ? 'pod.gated' : 'pod.queued', POD_ADDED);
    }
    const before = known.pod;
    known.pod = pod;
    if (gated) known.gatedBy = gatedBy;
    if (known.state === 'scheduling' || known.state === 'binding') return;
    const event: AttemptEvent | undefined = gated
      ? known.state === 'gated'
        ? undefined
        : 'pod.gated'
      : known.state === 'gated'
        ? 'pod.queued'
        : undefined;
    if (event !== undefined) {
      this.#leave(known);
      this.#move(known, event, POD_UPDATED);
    } else if (known.state === 'unschedulable' && changedForScheduling(before, pod)) {
      this.#leave(known);
      this.#retry(known, POD_UPDATED);
    }
  }
  delete(uid: string): void {
    const entry = this.#entries.get(uid);
    if (entry === undefined) return;
    this.#leave(entry);
    entry.state = next(entry.state, 'pod.deleted');
    this.#entries.delete(uid);
  }
  /**
   * The next pod to place. With nothing active, pods that back off from a refusal (not from an error) are taken early:
   * an idle scheduler gains nothing by waiting. Source: scheduler SchedulerPopFromBackoffQ.
   */
  pop(): Entry | undefined {
    this.flush();
    let entry = this.#active.pop();
    if (entry === undefined) {
      entry = this.#backoff.pop();
      if (entry === undefined) return undefined;
      entry.state = next(entry.state, 'retry.due');
      this.#metrics?.incoming('active', POPPED_EARLY);
    }
    if (entry.attempts++ === 0) entry.firstAt = this.#now();
    this.#move(entry, 'attempt.started');
    return entry;
  }
  chosen(entry: Entry): void {
    this.#move(entry, 'node.chosen');
  }
  bound(entry: Entry): void {
    if (this.#entries.get(entry.pod.uid) !== entry) return;
    this.#move(entry, 'binding.confirmed');
    this.#entries.delete(entry.pod.uid);
  }
  /** No node would do; `plugins` say when to ask again. */
  refused(entry: Entry, plugins: ReadonlySet<string>): void {
    entry.plugins = plugins;
    entry.failedAt = this.#now();
    entry.refusals++;
    entry.errors = 0;
    entry.flushed = false;
    this.#move(entry, 'nodes.refused', FAILURE);
    this.#catchUp(entry);
  }
  /** The node that was chosen is not to have it; `plugins` say when to ask again. */
  rejected(entry: Entry, plugins: ReadonlySet<string>): void {
    if (this.#entries.get(entry.pod.uid) !== entry) return;
    entry.plugins = plugins;
    entry.failedAt = this.#now();
    entry.refusals++;
    entry.errors = 0;
    entry.flushed = false;
    this.#move(entry, 'node.withdrawn', FAILURE);
  }
  /** From now on what happens is noted for the pod, about which others are being asked. */
  watch(entry: Entry): void {
    this.#since = { entry, events: [] };
  }
  unwatch(): void {
    this.#since = undefined;
  }
  /** Whether anything has happened while it was being tried that could have helped it. */
  #catchUp(entry: Entry): void {
    const since = this.#since;
    if (since?.entry !== entry) return;
    const event = since.events.find((e) => [...entry.plugins].some((plugin) => this.#hint(plugin, e, entry.pod)));
    if (event === undefined) return;
    this.#unschedulable.delete(entry.pod.uid);
    this.#retry(entry, labelOf(event));
  }
  /** Something went wrong that is not the pod's fault: it comes back after a backoff. */
  failed(entry: Entry): void {
    if (this.#entries.get(entry.pod.uid) !== entry) return;
    entry.failedAt = this.#now();
    entry.errors++;
    this.#move(entry, entry.state === 'binding' ? 'binding.failed' : 'attempt.failed', FAILURE);
  }
  /** Something has changed that may let gated pods in. */
  reconsider(event?: ClusterEvent): void {
    for (const entry of this.#gated.values())
      if (entry.gatedBy !== 'SchedulingGates' && this.#gate?.(entry.pod) === undefined) {
        this.#leave(entry);
        this.#move(entry, 'pod.queued', event ? labelOf(event) : POD_UPDATED);
      }
  }
  /** Brings back one pod without any event. */
  wake(uid: string): void {
    const entry = this.#unschedulable.get(uid);
    if (entry === undefined) return;
    this.#unschedulable.delete(uid);
    this.#retry(entry, labelOf({ type: 'pod.released', pod: entry.pod }));
  }
  /** Brings back those that wait for such an event; not the pod of which it is the own doing. */
  onEvent(event: ClusterEvent, except?: string): void {
    this.#since?.events.push(event);
    if (this.#unschedulable.size === 0) return;
    let label: string | undefined;
    for (const entry of this.#unschedulable.values())
      for (const plugin of entry.pod.uid === except ? NO_PLUGINS : entry.plugins)
        if (this.#hint(plugin, event, entry.pod)) {
          this.#unschedulable.delete(entry.pod.uid);
          this.#retry(entry, (label ??= labelOf(event)));
          break;
        }
  }
  /** Moves on whose time has come; returns when the next one's comes, if any (ms since the epoch). */
  flush(): number | undefined {
    const now = this.#now();
    for (const heap of [this.#backoff, this.#failed])
      for (let entry = heap.peek(); entry && this.#readyAt(entry) <= now; entry = heap.peek()) {
        heap.pop();
        this.#move(entry, 'retry.due', BACKOFF_OVER);
      }
    const soonest = [this.#backoff.peek(), this.#failed.peek()].map((entry) =>
      entry === undefined ? Infinity : this.#readyAt(entry),
    );
    let wake = Math.min(...soonest);
    for (const entry of this.#unschedulable.values()) {
      // In order of arrival, so the first is the oldest.
      const until = entry.failedAt + MAX_UNSCHEDULABLE_MS;
      if (until > now) {
        wake = Math.min(wake, until);
        break;
      }
      this.#unschedulable.delete(entry.pod.uid);
      entry.flushed = true;
      this.#move(entry, 'retry.due', TIMEOUT);
    }
    return wake === Infinity ? undefined : wake;
  }
  /** Of those refused a whole second, so that the more important come first of all due in it. Source: scheduler backend/queue backoff_queue.go. */
  #readyAt(entry: Entry): number {
    const failures = entry.errors > 0 ? entry.errors : entry.refusals;
    if (failures === 0) return entry.failedAt;
    const at = entry.failedAt + Math.min(this.#initialBackoffMs * 2 ** (failures - 1), this.#maxBackoffMs);
    return entry.errors > 0 ? at : Math.ceil(at / WINDOW_MS) * WINDOW_MS;
  }
  #retry(entry: Entry, why: string): void {
    this.#move(entry, this.#readyAt(entry) <= this.#now() ? 'retry.due' : 'retry.early', why);
  }
  /** `why`: what upstream calls the event, where the pod enters a queue. */
  #move(entry: Entry, event: AttemptEvent, why = ''): void {
    entry.state = next(entry.state, event);
    const { uid } = entry.pod;
    const metrics = this.#metrics;
    if (entry.state === 'active') {
      this.#active.set(uid, entry);
      metrics?.incoming('active', why);
    } else if (entry.state === 'backingOff') {
      (entry.errors > 0 ? this.#failed : this.#backoff).set(uid, entry);
      metrics?.incoming('backoff', why);
    } else if (entry.state === 'unschedulable' || entry.state === 'gated') {
      (entry.state === 'unschedulable' ? this.#unschedulable : this.#gated).set(uid, entry);
      metrics?.incoming('unschedulable', why);
    }
  }
  #leave(entry: Entry): void {
    const { uid } = entry.pod;
    this.#active.delete(uid);
    this.#backoff.delete(uid);
    this.#failed.delete(uid);
    this.#unschedulable.delete(uid);
    this.#gated.delete(uid);
  }
}
