import { fromPromise } from 'xstate';
import type { Fence } from '../../bus/protocol/api.ts';
import type { World } from '../../bus/world.ts';
import type { Lease } from '../../schemas/generated/coordination-v1.ts';
import type { ApiClient } from './api-client.ts';
import { isAlreadyExists, isConflict, isNotFound } from './errors.ts';
import type { EventRecorder } from './events.ts';
import type { Inspection } from './inspection.ts';
import type { Liveness } from './leader-liveness.ts';
import { leaderMachine, type Attempt } from './leader-machine.ts';
import {
  expiresAt,
  givenTo,
  leaseState,
  released,
  renewed,
  RENEW_DEADLINE_MS,
  RENEW_PERIOD_MS,
  takenBy,
  type Sighting,
} from './lease.ts';
import { leases } from './resources.ts';
import { sharing } from './sharing.ts';
import { startActor } from './start-actor.ts';

export interface LeaderElection {
  readonly isLeader: boolean;
  /** What writes made under this leadership carry, so that the API refuses those of a leader deposed; undefined: not leading. */
  fence(): Fence | undefined;
  /** `following`, `leading.holding`, ... */
  state(): string;
  /** Lets work end, then gives the lease to `to`, another candidate; nothing happens unless this one leads. */
  handOver(to: string): void;
  /** Resolves at the first outcome: leading or following. */
  readonly ready: Promise<void>;
  /** Gives the lease up. */
  stop(): Promise<void>;
}
export interface LeaderElectionOptions {
  readonly world: World;
  readonly client: ApiClient;
  readonly lease: { readonly namespace: string; readonly name: string };
  /** Name of this candidate, the same as its presence has. */
  readonly identity: string;
  readonly liveness?: Liveness | undefined;
  readonly recorder?: EventRecorder | undefined;
  readonly inspection?: Inspection | undefined;
  /** Who of those alive is to hold the lease; the others leave it to him for a moment. Default: whoever comes first. */
  readonly preferred?: (() => string | undefined) | undefined;
  /** Who gets the lease when this candidate stops; default: whoever comes first. */
  readonly heir?: (() => string | undefined) | undefined;
  /** Whether a candidate in this state says that it holds the lease. */
  readonly claims?: ((state: string) => boolean) | undefined;
  readonly onStarted: () => void;
  /** No effect may be begun any more. */
  readonly onStopped: () => void;
  /** Before a handover: begin nothing new; resolves when what was under way is done. */
  readonly onFinish?: (() => Promise<void>) | undefined;
}

/** How long a free lease is left to whom it is meant for, ms. */
const COURTESY_MS = 2_000;
/** Without presence the lease is all that tells. Source: client-go RetryPeriod. */
const POLL_MS = 2_000;

/**
 * Competes for a Lease as client-go does, succeeds a holder whose presence ended without waiting for the lease to run
 * out, and hands over without a pause when asked to.
 */
export function startLeaderElection(o: LeaderElectionOptions): LeaderElection {
  const { world, client, identity } = o;
  const { clock, log } = world;
  const { namespace, name } = o.lease;
  const first = Promise.withResolvers<void>();
  let seen: Sighting | undefined;
  let renewedAt = 0;
  let leading = false;
  /** Transitions of the lease when it was taken. */
  let term = 0;
  /** Since when the lease was seen free, though it is meant for another. */
  let freeSince: number | undefined;

  function see(lease: Lease): Sighting {
    if (seen?.lease.metadata.resourceVersion !== lease.metadata.resourceVersion)
      seen = { lease, changedAt: clock.now() };
    return seen!;
  }
  async function write(lease: Lease, spec: Lease['spec'], signal?: AbortSignal): Promise<void> {
    // A renewal must be over before the lease is: better to fail and try again.
    see(await client.update(leases, { ...lease, spec }, { signal, timeoutMs: RENEW_DEADLINE_MS / 2 }));
    renewedAt = clock.now();
  }
  function took(): Attempt {
    term = seen!.lease.spec?.leaseTransitions ?? 0;
    return { held: true };
  }
  function isForAnother(): boolean {
    const preferred = o.preferred?.() ?? identity;
    freeSince ??= clock.now();
    return preferred !== identity && clock.now() < freeSince + COURTESY_MS;
  }
  /** All leases of a machine are looked at together: at rest, what costs is each time that a process is woken. */
  function nextRound(): number {
    const ms = RENEW_PERIOD_MS - (clock.now() % RENEW_PERIOD_MS);
    return ms < RENEW_PERIOD_MS / 4 ? ms + RENEW_PERIOD_MS : ms;
  }
  function followMs(): number {
    if (!o.liveness) return POLL_MS * (1 + world.random() * 0.2);
    if (freeSince !== undefined) return COURTESY_MS / 2;
    return seen ? Math.max(100, Math.min(expiresAt(seen) + 100 - clock.now(), nextRound())) : nextRound();
  }
  async function acquire(signal: AbortSignal): Promise<Attempt> {
    try {
      const lease = await client.get<Lease>(leases, name, namespace, { signal, timeoutMs: RENEW_DEADLINE_MS / 2 });
      const holder = lease.spec?.holderIdentity ?? '';
      const isGone = o.liveness?.isGone(holder) ?? false;
      const state = leaseState(see(lease), identity, clock.now(), isGone);
      if (state === 'free' && isForAnother()) return { held: false };
      freeSince = undefined;
      if (state === 'held') return { held: false };
      await write(lease, takenBy(identity, lease, clock.now()), signal);
      return took();
    } catch (error) {
      if (!isNotFound(error)) throw error;
      const spec = takenBy(identity, undefined, clock.now());
      const metadata = { name, namespace };
      see(await client.create<Lease>(leases, { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec }, { signal })); // prettier-ignore
      renewedAt = clock.now();
      return took();
    }
  }
  async function renew(signal: AbortSignal): Promise<Attempt> {
    try {
      await write(seen!.lease, renewed(seen!.lease, clock.now()), signal);
      return { held: true };
    } catch (error) {
      if (!isConflict(error) && !isNotFound(error)) throw error;
      const lease = await client.get<Lease>(leases, name, namespace, { signal, timeoutMs: RENEW_DEADLINE_MS / 2 });
      const isMine = lease.spec?.holderIdentity === identity && lease.spec.leaseTransitions === term;
      see(lease);
      if (!isMine) return { held: false };
      await write(lease, renewed(lease, clock.now()), signal);
      return { held: true };
    }
  }

  const machine = sharing(leaderMachine).provide({
    actors: {
      acquire: fromPromise(async ({ signal }) => {
        try {
          return await acquire(signal);
        } catch (error) {
          // Another was faster.
          if (isConflict(error) || isAlreadyExists(error)) return { held: false };
          log.debug('lease not acquired', { lease: name, err: error });
          throw error;
        }
      }),
      renew: fromPromise(async ({ signal }) => {
        try {
          return await renew(signal);
        } catch (error) {
          log.warn('lease not renewed', { lease: name, err: error });
          throw error;
        }
      }),
      finishWork: fromPromise<void>(async () => o.onFinish?.()),
      release: fromPromise<void, { to: string }>(async ({ input: { to } }) => {
        const { lease } = seen!;
        const heir = to || o.heir?.();
        const spec = heir ? givenTo(heir, lease, clock.now()) : released(lease, clock.now());
        see(await client.update(leases, { ...lease, spec }, { timeoutMs: 1_000 }));
        if (!heir) return;
        o.liveness?.nudge?.(heir);
        log.info('handed over', { lease: name, identity, to: heir });
      }),
    },
    guards: { isPastDeadline: () => clock.now() - renewedAt >= RENEW_DEADLINE_MS },
    delays: { renewPeriod: nextRound, followPeriod: followMs },
    actions: {
      startLeading: () => {
        leading = true;
        log.info('became leader', { lease: name, identity });
        o.recorder?.event(seen!.lease, 'Normal', 'LeaderElection', `${identity} became leader`);
        o.onStarted();
      },
      stopLeading: () => {
        leading = false;
        log.info('stopped leading', { lease: name, identity });
        if (seen) o.recorder?.event(seen.lease, 'Normal', 'LeaderElection', `${identity} stopped leading`);
        o.onStopped();
      },
    },
  });
  const actor = startActor(machine, {
    world,
    id: `leader/${namespace}/${name}`,
    machine: 'leader',
    inspection: o.inspection,
    onState: (state) => {
      if (!state.startsWith('acquiring') && state !== 'backingOff') first.resolve();
    },
  });
  const isClaimed = (): boolean =>
    o.liveness?.alive().some(({ id, state }) => id !== identity && o.claims?.(state)) ?? false;
  const deaf = o.liveness?.onChange(() => {
    // Who held it may be gone, or have given it to us; and who slept while he was succeeded must not act on.
    if (!leading || isClaimed()) actor.send({ type: 'lease.doubted' });
  });

  return {
    get isLeader() {
      return leading;
    },
    fence: () =>
      leading
        ? {
            lease: `${namespace}/${name}`,
            holder: identity,
            transitions: term,
          }
        : undefined,
    state: () => actor.state(),
    handOver: (to) => actor.send({ type: 'handover.asked', to }),
    ready: first.promise,
    async stop() {
      deaf?.();
      actor.send({ type: 'stop' });
      await actor.done;
    },
  };
}
