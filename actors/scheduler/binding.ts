import type { World } from '../../bus/world.ts';
import { reasonOf, toStatus } from '../../schemas/meta/status.ts';
import { fitError } from './fit-error.ts';
import type { Adviser } from './outside/adviser.ts';
import { rejection } from './plugins/plugin.ts';
import type { Entry, SchedulingQueue } from './queue.ts';
import { reserveAll, type Reservation } from './reservation.ts';
import type { SchedulingProfile } from './scheduling-profile.ts';
import type { PodInfo } from './snapshot/pod-info.ts';
import type { Snapshot } from './snapshot/snapshot.ts';

export interface BindingCycles {
  /** A node was chosen: counts the pod there, and binds it once all agree. `began`: the attempt. */
  begin(entry: Entry, node: string, profile: SchedulingProfile, began: number): void;
  /** The pod is gone: nothing is bound for it any more. */
  lost(uid: string): void;
  /** Whether the pod still waited for something, and now goes back instead of being bound. */
  preempted(uid: string): boolean;
  /** The node is gone: no pod that waits for something there is bound to it. */
  nodeLost(name: string): void;
  /** All that wait, for whatever, are left to who leads next. */
  abandon(): void;
}
/** Where a pod is on its way. */
interface Way {
  readonly entry: Entry;
  readonly pod: PodInfo;
  readonly node: string;
  readonly profile: SchedulingProfile;
  readonly began: number;
}
interface Waiting {
  readonly node: string;
  readonly abort: AbortController;
  /** Nobody needs to be told. */
  isMoot: boolean;
}

/** From the choice of a node to the binding. Source: scheduler schedule_one.go prepareForBindingCycle, bindingCycle. */
export function bindingCycles(o: {
  readonly world: World;
  readonly snapshot: Snapshot;
  readonly queue: SchedulingQueue;
  /** Takes part in the number of bindings under way at once. */
  readonly track: (work: Promise<void>) => void;
  readonly kick: () => void;
}): BindingCycles {
  const { world, snapshot, queue, track } = o;
  /** Pods for which something is got ready on their nodes. */
  const waiting = new Map<string, Waiting>();
  /** Aborted when another leads: what was asked for and not answered is not asked for again. */
  let leading = new AbortController();

  function begin(entry: Entry, node: string, profile: SchedulingProfile, began: number): void {
    const { pod } = entry;
    const way: Way = { entry, pod, node, profile, began };
    queue.chosen(entry);
    snapshot.assume(pod, node);
    snapshot.denominate(pod.uid);
    let reservation: Reservation | undefined;
    try {
      reservation = reserveAll(profile.reservers, pod, snapshot.get(node)!);
    } catch (error) {
      return failed(way, error);
    }
    const { advisers } = profile;
    const asked = advisers.length === 0 ? advisers : advisers.filter((a) => hasPart(a) && a.isInterested(pod));
    if (reservation === undefined && asked.length === 0) track(bind(way, asked).then(() => undefined));
    else void makeReady(way, reservation, asked);
  }
  /** Before a pod is bound its volumes are, and what else is promised. That may take minutes, so it takes no place among the bindings under way. */
  async function makeReady(
    way: Way,
    reservation: Reservation | undefined,
    advisers: readonly Adviser[],
  ): Promise<void> {
    const { entry, pod, node, profile } = way;
    const { metrics } = profile;
    const own: Waiting = { node, abort: new AbortController(), isMoot: false };
    const { signal } = own.abort;
    const reserved: Adviser[] = [];
    const release = (isBound: boolean): void => {
      reservation?.release(isBound);
      if (!isBound) for (const adviser of reserved.reverse()) adviser.unreserve?.(pod, node);
    };
    waiting.set(pod.uid, own);
    let since = metrics?.elapsed() ?? 0;
    try {
      for (const adviser of advisers) {
        reserved.push(adviser);
        await adviser.reserve?.(pod, node, signal);
        signal.throwIfAborted();
      }
      const permits = advisers.filter((adviser) => adviser.permit !== undefined);
      // Others (who scales the cluster) learn where the pod is about to go. Source: NominatedNodeNameForExpectation.
      if (reservation !== undefined || permits.length > 0) await profile.placing.expect(pod, node);
      if (permits.length > 0) {
        const refused = await permitted(permits, way, signal);
        metrics?.waited(refused === undefined ? 'Success' : 'Unschedulable', since);
        since = metrics?.passed('Permit', refused === undefined ? 'Success' : 'Unschedulable', since) ?? 0;
        signal.throwIfAborted();
        if (refused !== undefined) {
          release(false);
          return rejected(way, refused.by, refused.why);
        }
      }
      await reservation?.bind(signal);
      for (const adviser of advisers) await adviser.preBind?.(pod, node, signal);
      signal.throwIfAborted();
      if (snapshot.get(node) === undefined) throw new Error(gone(node));
      metrics?.passed('PreBind', 'Success', since);
    } catch (error) {
      metrics?.passed('PreBind', 'Error', since);
      release(false);
      const isConflict = reasonOf((error as Error).cause) === 'Conflict';
      return failed(way, signal.aborted ? signal.reason : error, own.isMoot || isConflict);
    } finally {
      waiting.delete(pod.uid);
    }
    if (queue.entry(pod.uid) !== entry) return release(false);
    track(bind(way, advisers).then(release));
  }
  async function permitted(
    permits: readonly Adviser[],
    { pod, node }: Way,
    signal: AbortSignal,
  ): Promise<{ readonly by: string; readonly why: string } | undefined> {
    const answers = await Promise.all(
      permits.map(async (adviser) => ({ by: adviser.name, why: await adviser.permit!(pod, node, signal) })),
    );
    return answers.find((answer): answer is { by: string; why: string } => answer.why !== undefined);
  }
  /** Something went wrong that is not the pod's fault. */
  function failed(way: Way, error: unknown, isMoot = false): void {
    const { entry, pod, node, profile } = way;
    profile.metrics?.attempted('error', way.began);
    giveBack(way);
    queue.failed(entry);
    world.log.debug('node not made ready for pod', { pod: pod.name, node, err: error });
    if (isMoot) o.kick();
    else track(profile.placing.explain(pod, 'SchedulerError', (error as Error).message, ''));
  }
  /** One plugin does not let it go there: it waits as if that node were the only one. */
  function rejected(way: Way, by: string, why: string): void {
    const { entry, pod, node, profile } = way;
    profile.metrics?.attempted('unschedulable', way.began);
    const perNode = new Map([[node, rejection(by, why)]]);
    queue.rejected(entry, new Set([by]));
    giveBack(way);
    const message = fitError({ nodes: 1, plugins: new Set([by]), perNode });
    track(profile.placing.explain(pod, 'Unschedulable', message, ''));
  }
  /** What was counted as taken there is free again, which others may have waited for. */
  function giveBack({ pod }: Way): void {
    if (!snapshot.isAssumed(pod.uid)) return;
    snapshot.forget(pod.uid);
    queue.onEvent({ type: 'pod.released', pod }, pod.uid);
  }
  /** Resolves to whether the pod is bound. */
  async function bind(way: Way, advisers: readonly Adviser[]): Promise<boolean> {
    const { entry, pod, node, profile, began } = way;
    const { metrics, placing } = profile;
    const binding = metrics?.elapsed() ?? 0;
    let by = 'DefaultBinder';
    try {
      let isBound = false;
      for (const adviser of advisers) {
        if (adviser.bind === undefined || isBound) continue;
        by = adviser.name;
        isBound = await adviser.bind(pod, node);
      }
      if (isBound) placing.announce(pod, node);
      else {
        by = 'DefaultBinder';
        await placing.bind(pod, node, leading.signal);
      }
      queue.bound(entry);
      metrics?.passed('Bind', 'Success', binding);
      metrics?.attempted('scheduled', began);
      metrics?.bound(entry.attempts, world.clock.now() - entry.firstAt, entry.flushed);
      for (const adviser of advisers) adviser.postBind?.(pod, node);
      return true;
    } catch (error) {
      metrics?.passed('Bind', 'Error', binding);
      metrics?.attempted('error', began);
      giveBack(way);
      const reason = reasonOf(error);
      // Gone, or placed by someone else: the watch tells, there is nothing left to do here.
      if (reason === 'NotFound') {
        queue.delete(pod.uid);
        return false;
      }
      queue.failed(entry);
      world.log.debug('binding failed', { pod: pod.name, node, err: error });
      if (reason === 'Conflict') return false;
      const text = toStatus(error).message ?? '';
      const message = by === 'DefaultBinder' ? `running Bind plugin "DefaultBinder": ${text}` : text;
      await placing.explain(pod, 'SchedulerError', message, '');
      return false;
    }
  }
  const end = (one: Waiting, why: string, isMoot: boolean): void => {
    one.isMoot = isMoot;
    one.abort.abort(new Error(why));
  };
  return {
    begin,
    lost(uid) {
      const one = waiting.get(uid);
      if (one !== undefined) end(one, 'pod does not exist any more', true);
    },
    preempted(uid) {
      const one = waiting.get(uid);
      if (one !== undefined) end(one, 'preempted by DefaultPreemption', false);
      return one !== undefined;
    },
    nodeLost(name) {
      for (const one of waiting.values()) if (one.node === name) end(one, gone(name), false);
    },
    abandon() {
      for (const one of waiting.values()) end(one, 'the scheduler leads no more', true);
      leading.abort();
      leading = new AbortController();
    },
  };
}
/** Source: scheduler backend/cache snapshot.go. */
const gone = (node: string): string => `nodeinfo not found for node name ${JSON.stringify(node)}`;
const hasPart = (a: Adviser): boolean => (a.reserve ?? a.permit ?? a.preBind ?? a.bind ?? a.postBind) !== undefined;
