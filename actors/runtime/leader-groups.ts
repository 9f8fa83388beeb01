import type { Fence } from '../../bus/protocol/api.ts';
import type { TimerId, World } from '../../bus/world.ts';
import type { ApiClient } from './api-client.ts';
import type { EventRecorder } from './events.ts';
import type { Inspection } from './inspection.ts';
import { assign } from './leader-assignment.ts';
import { startLeaderElection, type LeaderElection } from './leader-election.ts';
import type { Liveness } from './leader-liveness.ts';

export interface LeaderGroup {
  readonly name: string;
  /** In kube-system. */
  readonly lease: string;
  readonly onStarted: () => void;
  readonly onStopped: () => void;
  /** Begins nothing new; resolves when what was under way is done. */
  readonly onFinish: () => Promise<void>;
}
/** One process's part in the leadership of all groups. */
export interface LeaderGroups {
  fence(group: string): Fence | undefined;
  /** Names of the groups that this process leads. */
  leads(): readonly string[];
  /** `syncing`, `standby`, `leading endpoints, nodes`, `stopping`: the others plan by it. */
  state(): string;
  /** Resolves at the first outcome for each group. */
  readonly ready: Promise<void>;
  stop(): Promise<void>;
}

/** A candidate must have been ready this long before groups are handed to it: who comes and goes gets none. */
const STEADY_MS = 5_000;
/** Between two handovers of one process. */
const HANDOVER_GAP_MS = 1_000;
/** After somebody came or went: first what has no leader is taken. */
const CALM_MS = 2_000;
/** How long work under way may delay a handover; what is left is stopped. */
const FINISH_MS = 5_000;

/** Whether a candidate in this state is ready to lead at once. */
const isReady = (state: string): boolean => state === 'standby' || state.startsWith(LEADING);
const LEADING = 'leading ';
const groupsIn = (state: string): readonly string[] =>
  state.startsWith(LEADING) ? state.slice(LEADING.length).split(', ') : [];

/**
 * Competes for each group's Lease, so that the groups are spread over the candidates that are alive: what a dead one led is
 * taken at once by those for whom it is meant, and who comes anew is handed its share, a group at a time.
 */
export function startLeaderGroups(o: {
  readonly world: World;
  readonly client: ApiClient;
  readonly identity: string;
  readonly liveness: Liveness;
  readonly groups: readonly LeaderGroup[];
  readonly recorder?: EventRecorder | undefined;
  /** Whether the caches are warm. */
  readonly isWarm: () => boolean;
  readonly inspection?: Inspection | undefined;
}): LeaderGroups {
  const { world, liveness, identity } = o;
  const { clock } = world;
  const names = o.groups.map((group) => group.name);
  const elections = new Map<string, LeaderElection>();
  /** Since when each candidate has been seen ready. */
  const readySince = new Map<string, number>();
  /** To whom a group was handed that came back: not again, as long as he lives. */
  const declined = new Map<string, string>();
  let handed: { readonly group: string; readonly to: string } | undefined;
  let nextHandover = 0;
  /** The candidates of the last plan. */
  let among = '';
  let timer: TimerId | undefined;
  let stopped = false;

  const candidates = (): string[] => {
    const now = clock.now();
    const ready = liveness.alive().filter(({ id, state }) => id !== identity && isReady(state));
    for (const id of readySince.keys()) if (!ready.some((other) => other.id === id)) readySince.delete(id);
    for (const { id } of ready) if (!readySince.has(id)) readySince.set(id, now);
    return readySince.size > 0 && !o.isWarm() ? [...readySince.keys()] : [...readySince.keys(), identity];
  };
  const leads = (): string[] => names.filter((name) => /^(leading|handingOver)/.test(elections.get(name)!.state()));

  /** Hands over one group that is meant for another, if there is one and it is time. */
  function plan(): void {
    if (timer !== undefined) clock.clearTimeout(timer);
    timer = undefined;
    if (stopped) return;
    const now = clock.now();
    if (
      handed &&
      liveness.alive().some(({ id, state }) => id === handed!.to && groupsIn(state).includes(handed!.group))
    )
      handed = undefined;
    const present = candidates();
    const meant = assign(names, present);
    if (present.toSorted().join() !== among) nextHandover = Math.max(nextHandover, now + CALM_MS);
    among = present.toSorted().join();
    let due = Infinity;
    for (const name of names) {
      const to = meant.get(name)!;
      const election = elections.get(name)!;
      if (to === identity || !election.isLeader || declined.get(name) === to) continue;
      const at = Math.max(readySince.get(to)! + STEADY_MS, nextHandover);
      if (at > now) {
        due = Math.min(due, at);
        continue;
      }
      nextHandover = now + HANDOVER_GAP_MS;
      handed = { group: name, to };
      election.handOver(to);
      due = Math.min(due, nextHandover);
    }
    if (due < Infinity) timer = clock.setTimeout(plan, due - now);
  }

  for (const group of o.groups) {
    const { name } = group;
    elections.set(
      name,
      startLeaderElection({
        world,
        client: o.client,
        identity,
        liveness,
        inspection: o.inspection,
        recorder: o.recorder,
        lease: { namespace: 'kube-system', name: group.lease },
        preferred: () => assign(names, candidates()).get(name),
        heir: () =>
          assign(
            names,
            candidates().filter((id) => id !== identity),
          ).get(name),
        claims: (state) => groupsIn(state).includes(name),
        onStarted: () => {
          if (handed?.group === name && liveness.alive().some(({ id }) => id === handed?.to))
            declined.set(name, handed.to);
          group.onStarted();
          // Within this action its chart is not where it will be.
          queueMicrotask(plan);
        },
        onStopped: group.onStopped,
        onFinish: async () => {
          let late: TimerId | undefined;
          await Promise.race([
            group.onFinish(),
            new Promise<void>((resolve) => (late = clock.setTimeout(() => resolve(), FINISH_MS))),
          ]);
          if (late !== undefined) clock.clearTimeout(late);
        },
      }),
    );
  }
  const deaf = liveness.onChange(plan);
  const ready = Promise.all([...elections.values()].map((election) => election.ready)).then(() => undefined);
  return {
    fence: (group) => elections.get(group)?.fence(),
    leads,
    ready,
    state: () => {
      if (stopped) return 'stopping';
      const led = leads();
      if (led.length > 0) return `${LEADING}${led.join(', ')}`;
      return o.isWarm() ? 'standby' : 'syncing';
    },
    async stop() {
      stopped = true;
      deaf();
      if (timer !== undefined) clock.clearTimeout(timer);
      await Promise.all([...elections.values()].map((election) => election.stop()));
    },
  };
}
