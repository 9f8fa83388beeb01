import type { World } from '../../bus/world.ts';
import { reasonOf, toStatus } from '../../schemas/meta/status.ts';
import { fitError } from './fit-error.ts';
import type { SchedulerMetrics } from './metrics.ts';
import type { Placing } from './placing.ts';
import { NAME as DEVICES, type DeviceView } from './plugins/dynamic-resources/view.ts';
import type { Cycle, Selector } from './plugins/plugin.ts';
import type { Profile } from './plugins/profile.ts';
import { postFilter, type Budget } from './preemption.ts';
import type { Entry, SchedulingQueue } from './queue.ts';
import { reserveAll, type Reservation, type Reserver } from './reservation.ts';
import { schedule, type Diagnosis } from './schedule.ts';
import type { PodInfo } from './snapshot/pod-info.ts';
import type { Snapshot } from './snapshot/snapshot.ts';
import type { VolumeView } from './volumes/plan.ts';

export interface LoopOptions {
  readonly world: World;
  readonly snapshot: Snapshot;
  readonly queue: SchedulingQueue;
  readonly profile: Profile;
  readonly placing: Placing;
  readonly ownersSelector: (pod: PodInfo) => Selector | undefined;
  readonly budgets: () => readonly Budget[];
  readonly volumes?: VolumeView | undefined;
  readonly devices?: { readonly view: DeviceView | undefined } | undefined;
  /** In the order in which they are asked. */
  readonly reservers?: readonly Reserver[] | undefined;
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
  resume(): void;
  /** Resolves when no binding is under way. */
  idle(): Promise<void>;
  readonly binding: number;
}
const IN_FLIGHT = 128;

export function schedulingLoop(o: LoopOptions): Loop {
  const { world, snapshot, queue, placing, metrics } = o;
  const limit = o.inFlight ?? IN_FLIGHT;
  const underWay = new Set<Promise<void>>();
  /** Pods whose victims are being evicted; `true`: something happened meanwhile that they should have heard. */
  const preempting = new Map<string, boolean>();
  /** Pods for which something is got ready on their nodes. */
  const waiting = new Map<string, AbortController>();
  let paused = true;
  let queued = false;
  let startIndex = 0;
  let wakeAt: number | undefined;
  let timer: ReturnType<typeof world.clock.setTimeout> | undefined;

  function run(): void {
    queued = false;
    while (!paused && underWay.size < limit) {
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
    const devices = o.devices?.view;
    const cycle: Cycle = {
      pod: entry.pod,
      snapshot,
      ownersSelector: o.ownersSelector,
      volumes: o.volumes,
      ...(devices && { devices, isDeviceResource: (name) => devices.isBacked(name) }),
    };
    const began = metrics?.elapsed() ?? 0;
    let verdict;
    try {
      verdict = schedule(cycle, { profile: o.profile, startIndex, random: world.random, metrics });
    } catch (error) {
      metrics?.attempted('error', began);
      world.log.error('scheduling attempt failed', { pod: entry.pod.name, err: error });
      queue.failed(entry);
      return track(placing.explain(entry.pod, 'SchedulerError', toStatus(error).message ?? ''));
    }
    metrics?.computed(began);
    if ('rejected' in verdict) {
      refuse(cycle, entry, verdict.rejected);
      metrics?.attempted('unschedulable', began);
      return;
    }
    const { node } = verdict;
    const nodes = snapshot.nodes.length;
    startIndex = nodes === 0 ? 0 : (startIndex + verdict.evaluated) % nodes;
    queue.chosen(entry);
    snapshot.assume(entry.pod, node);
    snapshot.denominate(entry.pod.uid);
    let reservation: Reservation | undefined;
    try {
      reservation = reserveAll(o.reservers ?? [], entry.pod, snapshot.get(node)!);
    } catch (error) {
      return notReady(entry, entry.pod, node, error, began);
    }
    if (reservation === undefined) track(bind(entry, entry.pod, node, began).then(() => undefined));
    else void makeReady(entry, entry.pod, node, reservation, began);
  }
  /** Before a pod is bound its volumes are, and what else is promised. That may take minutes, so it takes no place among the bindings under way. */
  async function makeReady(
    entry: Entry,
    pod: PodInfo,
    node: string,
    reservation: Reservation,
    began: number,
  ): Promise<void> {
    const binding = metrics?.elapsed() ?? 0;
    const abort = new AbortController();
    waiting.set(pod.uid, abort);
    try {
      await reservation.bind(abort.signal);
      metrics?.passed('PreBind', 'Success', binding);
    } catch (error) {
      metrics?.passed('PreBind', 'Error', binding);
      reservation.release(false);
      // Gone, or left to the next leader.
      return notReady(
        entry,
        pod,
        node,
        error,
        began,
        abort.signal.aborted || reasonOf((error as Error).cause) === 'Conflict',
      );
    } finally {
      waiting.delete(pod.uid);
    }
    track(bind(entry, pod, node, began).then((isBound) => reservation.release(isBound)));
  }
  function notReady(entry: Entry, pod: PodInfo, node: string, error: unknown, began: number, silent = false): void {
    metrics?.attempted('error', began);
    snapshot.forget(pod.uid);
    queue.failed(entry);
    world.log.debug('node not made ready for pod', { pod: pod.name, node, err: error });
    if (silent) loop.kick();
    else track(placing.explain(pod, 'SchedulerError', (error as Error).message));
  } // prettier-ignore
  /** Resolves to whether the pod is bound. */
  async function bind(entry: Entry, pod: PodInfo, node: string, began: number): Promise<boolean> {
    const binding = metrics?.elapsed() ?? 0;
    try {
      await placing.bind(pod, node);
      queue.bound(entry);
      metrics?.passed('Bind', 'Success', binding);
      metrics?.attempted('scheduled', began);
      metrics?.bound(entry.attempts, world.clock.now() - entry.firstAt, entry.flushed);
      return true;
    } catch (error) {
      snapshot.forget(pod.uid);
      metrics?.passed('Bind', 'Error', binding);
      metrics?.attempted('error', began);
      const reason = reasonOf(error);
      // Gone, or placed by someone else: the watch tells, there is nothing left to do here.
      if (reason === 'NotFound') {
        queue.delete(pod.uid);
        return false;
      }
      queue.failed(entry);
      world.log.debug('binding failed', { pod: pod.name, node, err: error });
      if (reason === 'Conflict') return false;
      const message = `running Bind plugin "DefaultBinder": ${toStatus(error).message ?? ''}`;
      await placing.explain(pod, 'SchedulerError', message);
      return false;
    }
  }
  function refuse(cycle: Cycle, entry: Entry, diagnosis: Diagnosis): void {
    const { pod } = entry;
    queue.refused(entry, diagnosis.plugins);
    if (diagnosis.nodes === 0) return track(placing.explain(pod, 'Unschedulable', fitError(diagnosis)));
    // Whom no node may take is not preempted for; what is told then is upstream's, whose plugin for devices finds nothing
    // that it had prepared. Source: plugins/dynamicresources PostFilter, which comes before DefaultPreemption.
    if (diagnosis.reason !== undefined && !diagnosis.plugins.has(DEVICES))
      return track(placing.explain(pod, 'Unschedulable', fitError(diagnosis, 'not found')));
    const began = metrics?.elapsed() ?? 0;
    metrics?.preempting();
    const decision = postFilter(cycle, { profile: o.profile, diagnosis, budgets: o.budgets(), random: world.random });
    metrics?.passed('PostFilter', 'unhelpful' in decision ? 'Unschedulable' : 'Success', began);
    if ('unhelpful' in decision) {
      const { unhelpful, renounces } = decision;
      if (renounces) snapshot.denominate(pod.uid);
      return track(placing.explain(pod, 'Unschedulable', fitError(diagnosis, unhelpful), renounces ? '' : undefined));
    }
    const { candidate } = decision;
    metrics?.preempted(candidate.victims.length);
    snapshot.nominate(pod, candidate.node);
    preempting.set(pod.uid, false);
    track(
      Promise.all([
        placing.evict(candidate, pod),
        placing.explain(pod, 'Unschedulable', fitError(diagnosis), candidate.node),
      ]).then(() => {
        if (preempting.get(pod.uid) === true) queue.wake(pod.uid);
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
      for (const abort of waiting.values()) abort.abort(new Error('the scheduler leads no more'));
    },
    lost: (uid) => waiting.get(uid)?.abort(new Error('pod does not exist any more')),
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
