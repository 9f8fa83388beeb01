import { toStatus } from '../../schemas/meta/status.ts';
import type { World } from '../../bus/world.ts';
import { bindingCycles } from './binding.ts';
import { fitError } from './fit-error.ts';
import type { SchedulerMetrics } from './metrics.ts';
import type { Adviser } from './outside/adviser.ts';
import { decide } from './outside/decide.ts';
import type { DeviceView } from './plugins/dynamic-resources/view.ts';
import type { Cycle, Selector } from './plugins/plugin.ts';
import { timed } from './plugins/timed.ts';
import { choose, postFilter, type Budget, type Candidate } from './preemption.ts';
import type { Entry, SchedulingQueue } from './queue.ts';
import { isEarlyRefusal, schedule, type Diagnosis, type Verdict } from './schedule.ts';
import type { SchedulingProfile } from './scheduling-profile.ts';
import type { PodInfo } from './snapshot/pod-info.ts';
import type { Snapshot } from './snapshot/snapshot.ts';
import type { VolumeView } from './volumes/plan.ts';

export interface LoopOptions {
  readonly world: World;
  readonly snapshot: Snapshot;
  readonly queue: SchedulingQueue;
  /** By the pod's schedulerName; only pods that have one come into the queue. */
  readonly profileOf: (pod: PodInfo) => SchedulingProfile;
  readonly ownersSelector: (pod: PodInfo) => Selector | undefined;
  readonly budgets: () => readonly Budget[];
  readonly volumes?: VolumeView | undefined;
  readonly devices?: { readonly view: DeviceView | undefined } | undefined;
  readonly metrics?: SchedulerMetrics | undefined;
  /** Bindings under way at once. */
  readonly inFlight?: number;
}
/** Takes pods from the queue and places them, one after the other; only the API calls run side by side. */
export interface Loop {
  /** Something changed: there may be pods to place. */
  kick(): void;
  pause(): void;
  /** The pod is gone: nothing is bound for it any more. */
  lost(uid: string): void;
  /** The node is gone: no pod that waits for something there is bound to it. */
  nodeLost(name: string): void;
  resume(): void;
  /** Resolves when no binding is under way. */
  idle(): Promise<void>;
  readonly binding: number;
}
const IN_FLIGHT = 128;
/** Of so many attempts in one it is measured how long each plugin takes. */
const MEASURED = 1_000;

export function schedulingLoop(o: LoopOptions): Loop {
  const { world, snapshot, queue, metrics } = o;
  const limit = o.inFlight ?? IN_FLIGHT;
  const underWay = new Set<Promise<void>>();
  /** Pods whose victims are being evicted; `true`: something happened meanwhile that they should have heard. */
  const preempting = new Map<string, boolean>();
  const bindings = bindingCycles({ world, snapshot, queue, track, kick: () => loop.kick() });
  /** The one attempt in which others are asked; no other pod is placed meanwhile. */
  let deciding: { readonly uid: string; readonly abort: AbortController } | undefined;
  let paused = true;
  let queued = false;
  let startIndex = 0;
  let attempts = 0;
  let wakeAt: number | undefined;
  let timer: ReturnType<typeof world.clock.setTimeout> | undefined;

  function run(): void {
    queued = false;
    while (!paused && deciding === undefined && underWay.size < limit) {
      const entry = queue.pop();
      if (entry === undefined) break;
      attempt(entry);
    }
    sleepUntil(queue.flush());
  }
  /** One timer for the earliest backoff. */
  function sleepUntil(at: number | undefined): void {
    if (paused || at === wakeAt) return;
    if (timer !== undefined) world.clock.clearTimeout(timer);
    wakeAt = at;
    timer =
      at === undefined
        ? undefined
        : world.clock.setTimeout(
            () => {
              timer = wakeAt = undefined;
              loop.kick();
            },
            Math.max(at - world.clock.now(), 0),
          );
  }
  function attempt(entry: Entry): void {
    if (preempting.has(entry.pod.uid)) {
      preempting.set(entry.pod.uid, true);
      return queue.refused(entry, entry.plugins);
    }
    const own = o.profileOf(entry.pod);
    const devices = o.devices?.view;
    const cycle: Cycle = {
      pod: entry.pod,
      snapshot,
      ownersSelector: o.ownersSelector,
      volumes: o.volumes,
      ...(devices && { devices, isDeviceResource: (name) => devices.isBacked(name) }),
    };
    const began = metrics?.elapsed() ?? 0;
    const { percentageOfNodesToScore } = own;
    const isMeasured = own.metrics !== undefined && attempts++ % MEASURED === 0;
    const profile = isMeasured ? timed(own.profile, own.metrics) : own.profile;
    const options = { profile, percentageOfNodesToScore, startIndex, random: world.random, metrics: own.metrics };
    const advisers = own.advisers.length === 0 ? own.advisers : own.advisers.filter((a) => a.isInterested(entry.pod));
    if (advisers.length > 0) {
      const abort = new AbortController();
      deciding = { uid: entry.pod.uid, abort };
      queue.watch(entry);
      const { signal } = abort;
      return track(consult(entry, own, began, () => decide(cycle, { ...options, advisers, signal, log: world.log }), cycle, advisers, signal)); // prettier-ignore
    }
    let verdict;
    try {
      verdict = schedule(cycle, options);
    } catch (error) {
      return broken(entry, own, began, error);
    }
    metrics?.computed(began);
    if ('rejected' in verdict) {
      void refuse(cycle, entry, own, verdict.rejected);
      own.metrics?.attempted('unschedulable', began);
    } else chosen(entry, own, began, verdict);
  }
  function broken(entry: Entry, own: SchedulingProfile, began: number, error: unknown): void {
    own.metrics?.attempted('error', began);
    world.log.error('scheduling attempt failed', { pod: entry.pod.name, err: error });
    queue.failed(entry);
    track(own.placing.explain(entry.pod, 'SchedulerError', toStatus(error).message ?? '', ''));
  }
  function chosen(entry: Entry, own: SchedulingProfile, began: number, verdict: Extract<Verdict, { node: string }>): void {
    const nodes = snapshot.nodes.length;
    startIndex = nodes === 0 ? 0 : (startIndex + verdict.evaluated) % nodes;
    bindings.begin(entry, verdict.node, own, began);
  } // prettier-ignore
  /** An attempt in which others are asked: the pod may have gone, or another leads, when they have answered. */
  async function consult(
    entry: Entry,
    own: SchedulingProfile,
    began: number,
    ask: () => Promise<Verdict>,
    cycle: Cycle,
    advisers: readonly Adviser[],
    signal: AbortSignal,
  ): Promise<void> {
    const isOver = (): boolean => {
      if (queue.entry(entry.pod.uid) !== entry) return true;
      if (!signal.aborted) return false;
      queue.failed(entry);
      return true;
    };
    try {
      const verdict = await ask();
      if (isOver()) return;
      metrics?.computed(began);
      if ('node' in verdict) return chosen(entry, own, began, verdict);
      const preempts = advisers.filter((adviser) => adviser.preempt !== undefined);
      await refuse(cycle, entry, own, verdict.rejected, preempts, signal);
      own.metrics?.attempted('unschedulable', began);
    } catch (error) {
      if (!isOver()) broken(entry, own, began, error);
    } finally {
      deciding = undefined;
      queue.unwatch();
    }
  }
  /** Says why no node would do, and makes room where that helps. Settles at once where nobody else has to agree to that. */
  function refuse(
    cycle: Cycle,
    entry: Entry,
    own: SchedulingProfile,
    diagnosis: Diagnosis,
    preempts: readonly Adviser[] = [],
    signal?: AbortSignal,
  ): void | Promise<void> {
    const { pod } = entry;
    const { placing } = own;
    queue.refused(entry, diagnosis.plugins);
    if (diagnosis.nodes === 0) return track(placing.explain(pod, 'Unschedulable', fitError(diagnosis)));
    if (isEarlyRefusal(diagnosis, own.profile))
      return track(placing.explain(pod, 'Unschedulable', fitError(diagnosis, 'not found')));
    if (own.profile.postFilters.length === 0)
      return track(placing.explain(pod, 'Unschedulable', fitError(diagnosis), ''));
    const began = metrics?.elapsed() ?? 0;
    metrics?.preempting();
    let all: readonly Candidate[] = [];
    const decision = postFilter(cycle, {
      profile: own.profile,
      diagnosis,
      budgets: o.budgets(),
      random: world.random,
      ...(preempts.length > 0 && { candidates: (found) => (all = found) }),
    });
    own.metrics?.passed('PostFilter', 'unhelpful' in decision ? 'Unschedulable' : 'Success', began);
    if ('unhelpful' in decision) {
      const { unhelpful, renounces } = decision;
      if (renounces) snapshot.denominate(pod.uid);
      return track(placing.explain(pod, 'Unschedulable', fitError(diagnosis, unhelpful), renounces ? '' : undefined));
    }
    if (preempts.length === 0 || signal === undefined) return makeRoom(pod, own, diagnosis, decision.candidate);
    return agreed(pod, all, preempts, signal).then(
      (left) => {
        const best = choose(left);
        if (best !== undefined) makeRoom(pod, own, diagnosis, best);
        else track(placing.explain(pod, 'Unschedulable', fitError(diagnosis), ''));
      },
      (error: unknown) =>
        track(
          placing.explain(pod, 'Unschedulable', fitError(diagnosis, `preemption: ${(error as Error).message}`), ''),
        ),
    );
  }
  /** Each is asked about what those before him leave. Source: framework/preemption callExtenders. */
  async function agreed(pod: PodInfo, all: readonly Candidate[], preempts: readonly Adviser[], signal: AbortSignal): Promise<readonly Candidate[]> {
    let left = all;
    for (const adviser of preempts) {
      if (left.length === 0) break;
      try {
        left = await adviser.preempt!(pod, left, signal);
      } catch (error) {
        if (!adviser.isIgnorable) throw error;
        world.log.warn('a scheduler extender is passed over', { extender: adviser.name, err: error });
      }
    }
    return left;
  } // prettier-ignore
  /** Source: framework/preemption executor.go prepareCandidateAsync. */
  function makeRoom(pod: PodInfo, { placing }: SchedulingProfile, diagnosis: Diagnosis, candidate: Candidate): void {
    const { node } = candidate;
    const others = [...(snapshot.nominated.get(node)?.values() ?? [])].filter((p) => p.priority < pod.priority);
    snapshot.nominate(pod, node);
    const told = placing.explain(pod, 'Unschedulable', fitError(diagnosis), node);
    const victims = candidate.victims.filter((victim) => !victim.terminating);
    // All leave already: there is nothing to do but to wait.
    if (victims.length === 0) return track(told);
    metrics?.preempted(candidate.victims.length);
    preempting.set(pod.uid, false);
    // What was promised there to less important pods may not hold any more.
    const renounced = others.map(async (other) => {
      snapshot.denominate(other.uid);
      await placing.renounce(other);
      queue.wake(other.uid);
    });
    const evicted = placing.evict({ ...candidate, victims }, pod, (uid) => bindings.preempted(uid));
    track(
      Promise.all([evicted, told, ...renounced]).then(([isDone]) => {
        if (!isDone || preempting.get(pod.uid) === true) queue.wake(pod.uid);
        preempting.delete(pod.uid);
      }),
    );
  }
  function track(work: Promise<void>): void {
    const settled = work.then(
      () => done(),
      (error: unknown) => {
        world.log.error('scheduler work failed', { err: error });
        done();
      },
    );
    const done = (): void => {
      underWay.delete(settled);
      loop.kick();
    };
    underWay.add(settled);
  }
  const loop: Loop = {
    kick() {
      if (queued || paused) return;
      queued = true;
      queueMicrotask(run);
    },
    pause() {
      paused = true;
      if (timer !== undefined) world.clock.clearTimeout(timer);
      timer = wakeAt = undefined;
      bindings.abandon();
      deciding?.abort.abort(new Error('the scheduler leads no more'));
    },
    lost(uid) {
      bindings.lost(uid);
      if (deciding?.uid === uid) deciding.abort.abort(new Error('pod does not exist any more'));
    },
    nodeLost: (name) => bindings.nodeLost(name),
    resume() {
      paused = false;
      loop.kick();
    },
    async idle() {
      while (underWay.size > 0) await Promise.all(underWay);
    },
    get binding() {
      return underWay.size;
    },
  };
  return loop;
}
