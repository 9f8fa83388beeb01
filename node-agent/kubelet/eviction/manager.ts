import { fromPromise } from 'xstate';
import { delay, type World } from '../../../bus/world.ts';
import type { PodStats } from '../../../bus/protocol/node.ts';
import type { Pod } from '../../../schemas/generated/core-v1.ts';
import type { Inspection } from '../../../actors/runtime/inspection.ts';
import { startActor } from '../../../actors/runtime/start-actor.ts';
import { isCritical } from '../../cgroups/limits.ts';
import type { Refusal } from '../admission.ts';
import type { Failure } from '../status/generate.ts';
import { refusedUnder } from './admit.ts';
import { CALM, decide, isHard, tooLittle, type Decision } from './decide.ts';
import { hasStorageLimit, overStorageLimit } from './local-storage.ts';
import { evictionMachine } from './machine.ts';
import { evictionMessage, rank } from './rank.ts';
import { SIGNALS, withContainerFs, type Condition, type Observations, type Threshold } from './thresholds.ts';

/** A pod that may be evicted. */
export interface Evictable {
  readonly pod: Pod;
  /** Seconds. False: it has ended, or is about to. */
  evict(why: Failure, graceSeconds: number): boolean;
  readonly hasEnded: boolean;
}
export interface EvictionOptions {
  readonly world: World;
  readonly nodeName: string;
  readonly thresholds: readonly Threshold[];
  readonly transitionMs: number;
  /** Most seconds that a pod has to end where there has been too little for a while. */
  readonly maxGraceSeconds: number;
  readonly inspection?: Inspection | undefined;
  /** What there is; asked every ten seconds. */
  readonly observe: () => Promise<Observations>;
  /** Whether images have a disk of their own. */
  readonly hasImageFs: () => Promise<boolean>;
  /** Pods of which something runs. */
  readonly pods: () => readonly Evictable[];
  /** What pods use. `uids`: of these, counted now. */
  readonly stats: (uids?: ReadonlySet<string>) => Promise<readonly PodStats[]>;
  /** Removes ended containers, then images that nobody uses. */
  readonly removeUnused: () => Promise<void>;
  readonly tellNode: (reason: string, message: string) => void;
  readonly tellPod: (pod: Pod, reason: string, message: string) => void;
  readonly onConditions: () => void;
}
export interface EvictionManager {
  readonly conditions: ReadonlySet<Condition>;
  admit(pod: Pod): Refusal | undefined;
  /** Looks now and not in ten seconds. */
  look(): void;
  stop(): void;
}
/** Source: kubelet eviction immediateEvictionGracePeriodSeconds, podCleanupTimeout, podCleanupPollFreq. */
const AT_ONCE_SECONDS = 1;
const CLEANUP_MS = 30_000;
const CLEANUP_LOOK_MS = 1_000;
const REASON = 'Evicted';

export function startEviction(o: EvictionOptions): EvictionManager {
  const { world } = o;
  const { clock } = world;
  let state = CALM;
  let conditions: ReadonlySet<Condition> = new Set();
  let thresholds: readonly Threshold[] | undefined;
  let imageFs = false;
  let last: Decision | undefined;
  let observed: Observations = new Map();
  let ending: readonly Evictable[] = [];

  const statsOf = (all: readonly PodStats[]) => {
    const byUid = new Map(all.map((stats) => [stats.podRef.uid, stats]));
    return (pod: Pod): PodStats | undefined => byUid.get(pod.metadata.uid ?? '');
  };
  function evictPod(one: Evictable, message: string, graceSeconds: number, isDisruption: boolean): boolean {
    if (isCritical(one.pod)) {
      world.log.warn('critical pod not evicted', { pod: one.pod.metadata.name });
      return false;
    }
    if (!one.evict({ reason: REASON, message, ...(isDisruption && { isDisruption }) }, graceSeconds)) return false;
    o.tellPod(one.pod, REASON, message);
    return true;
  }
  /** Those that keep more on the node's disk than they may. */
  async function overLimits(): Promise<readonly Evictable[]> {
    const limited = o.pods().filter(({ pod }) => hasStorageLimit(pod));
    if (limited.length === 0) return [];
    const of = statsOf(await o.stats(new Set(limited.map(({ pod }) => pod.metadata.uid ?? ''))));
    return limited.filter((one) => {
      const stats = of(one.pod);
      const why = stats && overStorageLimit(one.pod, stats, imageFs);
      return why !== undefined && evictPod(one, why, AT_ONCE_SECONDS, false);
    });
  }
  const logic = evictionMachine.provide({
    actors: {
      look: fromPromise(async () => {
        if (thresholds === undefined) {
          imageFs = await o.hasImageFs();
          thresholds = withContainerFs(o.thresholds, imageFs);
        }
        observed = await o.observe();
        last = decide(state, thresholds, observed, { now: clock.now(), transitionMs: o.transitionMs });
        ({ state } = last);
        const changed =
          last.conditions.size !== conditions.size || [...last.conditions].some((c) => !conditions.has(c));
        ({ conditions } = last);
        if (changed) o.onConditions();
        ending = await overLimits();
        if (ending.length > 0) return 'evicted' as const;
        return last.starved.length > 0 ? ('tooLittle' as const) : ('enough' as const);
      }),
      reclaim: fromPromise(async () => {
        const { signal } = last!.starved[0]!;
        const { resource } = SIGNALS[signal];
        o.tellNode('EvictionThresholdMet', `Attempting to reclaim ${resource}`);
        const isDisk = SIGNALS[signal].condition === 'DiskPressure';
        // Nothing that nobody uses is on the node's disk where images have another.
        if (!isDisk || (imageFs && signal.startsWith('nodefs.'))) return false;
        await o.removeUnused();
        observed = await o.observe();
        return tooLittle(thresholds!, observed, true).length === 0;
      }),
      evict: fromPromise(async () => {
        const { starved } = last!;
        const [threshold] = starved;
        const { signal } = threshold!;
        const { resource } = SIGNALS[signal];
        const of = statsOf(await o.stats());
        const candidates = new Map(o.pods().map((one) => [one.pod, one]));
        for (const pod of rank([...candidates.keys()], of, signal, imageFs)) {
          const grace = pod.spec?.terminationGracePeriodSeconds;
          const soft = Math.min(o.maxGraceSeconds, grace ?? o.maxGraceSeconds);
          const message = evictionMessage(pod, of(pod), resource, starved, observed);
          const one = candidates.get(pod)!;
          if (!evictPod(one, message, isHard(threshold!) ? AT_ONCE_SECONDS : soft, true)) continue;
          ending = [one];
          return true;
        }
        return false;
      }),
      awaitEnds: fromPromise(async ({ signal }) => {
        const until = clock.now() + CLEANUP_MS;
        while (clock.now() < until && !ending.every(({ hasEnded }) => hasEnded))
          await delay(clock, CLEANUP_LOOK_MS, signal);
      }),
    },
    actions: { logFailure: (_, { error }) => world.log.warn('node not looked after', { err: error }) },
  });
  const actor = startActor(logic, {
    world,
    id: `eviction/${o.nodeName}`,
    machine: 'eviction',
    inspection: o.inspection,
  });
  return {
    get conditions() {
      return conditions;
    },
    admit: (pod) => refusedUnder(conditions, pod),
    look: () => actor.send({ type: 'look' }),
    stop: () => actor.send({ type: 'stop' }),
  };
}
