import { fromPromise } from 'xstate';
import type { Bus } from '../../bus/bus.ts';
import { watchPresence } from '../../bus/presence.ts';
import type { Fence } from '../../bus/protocol/api.ts';
import type { World } from '../../bus/world.ts';
import type { Lease } from '../../schemas/generated/coordination-v1.ts';
import type { ApiClient } from './api-client.ts';
import { isAlreadyExists, isConflict, isNotFound } from './errors.ts';
import type { EventRecorder } from './events.ts';
import type { Inspection } from './inspection.ts';
import { leaderMachine, type Attempt } from './leader-machine.ts';
import { leaseState, released, renewed, RENEW_DEADLINE_MS, takenBy, type Sighting } from './lease.ts';
import { leases } from './resources.ts';
import { startActor } from './start-actor.ts';

/** Who of the other candidates is alive. A lease's holder that is gone is succeeded at once, not after its lease. */
export interface Liveness {
  /** False while nothing is known. */
  isGone(holder: string): boolean;
  /** Called when someone is gone, or when it is first known who is there. */
  onGone(listener: () => void): () => void;
}
export interface LeaderElection {
  readonly isLeader: boolean;
  /** What writes made under this leadership carry, so that the API refuses those of a leader deposed; undefined: not leading. */
  fence(): Fence | undefined;
  /** `following`, `leading.holding`, ... */
  state(): string;
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
  readonly onStarted: () => void;
  readonly onStopped: () => void;
}

/** How long presence is listened to before silence means anything, ms. */
const LISTEN_MS = 1_100;

/** Liveness by the presence beats of `component`; a holder is its presence id. */
export function presenceLiveness(bus: Bus, world: World, component: string): Liveness & { stop(): void } {
  const listeners = new Set<() => void>();
  const tell = (): void => listeners.forEach((listener) => listener());
  let known = false;
  const watch = watchPresence(bus, world, (presence) => void (presence.alive || tell()), { component });
  const timer = world.clock.setTimeout(() => {
    known = true;
    tell();
  }, LISTEN_MS);
  return {
    isGone: (holder) => known && !watch.list().some((presence) => presence.id === holder),
    onGone(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    stop() {
      world.clock.clearTimeout(timer);
      watch.unsubscribe();
    },
  };
}

/**
 * Competes for a Lease as client-go does (15 s lease, 10 s to renew it, tried every 2 s), and succeeds a holder whose
 * presence ended without waiting for the lease to run out.
 */
export function startLeaderElection(o: LeaderElectionOptions): LeaderElection {
  const { world, client, identity } = o;
  const { clock, log } = world;
  const { namespace, name } = o.lease;
  const first = Promise.withResolvers<void>();
  let seen: Sighting | undefined;
  let renewedAt = 0;
  let leading = false;

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
  async function acquire(signal: AbortSignal): Promise<Attempt> {
    try {
      const lease = await client.get<Lease>(leases, name, namespace, { signal, timeoutMs: RENEW_DEADLINE_MS / 2 });
      const holder = lease.spec?.holderIdentity ?? '';
      const isGone = o.liveness?.isGone(holder) ?? false;
      if (leaseState(see(lease), identity, clock.now(), isGone) === 'held') return { held: false };
      await write(lease, takenBy(identity, lease, clock.now()), signal);
      return { held: true };
    } catch (error) {
      if (!isNotFound(error)) throw error;
      const spec = takenBy(identity, undefined, clock.now());
      const metadata = { name, namespace };
      see(await client.create<Lease>(leases, { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec }, { signal })); // prettier-ignore
      renewedAt = clock.now();
      return { held: true };
    }
  }
  async function renew(signal: AbortSignal): Promise<Attempt> {
    try {
      await write(seen!.lease, renewed(seen!.lease, clock.now()), signal);
      return { held: true };
    } catch (error) {
      if (!isConflict(error) && !isNotFound(error)) throw error;
      const lease = await client.get<Lease>(leases, name, namespace, { signal, timeoutMs: RENEW_DEADLINE_MS / 2 });
      const isMine =
        lease.spec?.holderIdentity === identity && lease.spec.leaseTransitions === seen!.lease.spec?.leaseTransitions;
      see(lease);
      if (!isMine) return { held: false };
      await write(lease, renewed(lease, clock.now()), signal);
      return { held: true };
    }
  }

  const machine = leaderMachine.provide({
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
      release: fromPromise<void>(async () => {
        const { lease } = seen!;
        await client.update(leases, { ...lease, spec: released(lease, clock.now()) }, { timeoutMs: 1_000 });
      }),
    },
    guards: { isPastDeadline: () => clock.now() - renewedAt >= RENEW_DEADLINE_MS },
    delays: { retryPeriod: () => 2_000 * (leading ? 1 : 1 + world.random() * 0.2) },
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
      if (state !== 'acquiring' && state !== 'backingOff') first.resolve();
    },
  });
  const deaf = o.liveness?.onGone(() => {
    const holder = seen?.lease.spec?.holderIdentity;
    if (holder && holder !== identity && o.liveness!.isGone(holder)) actor.send({ type: 'holder.lost' });
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
            transitions: seen!.lease.spec?.leaseTransitions ?? 0,
          }
        : undefined,
    state: () => actor.state(),
    ready: first.promise,
    async stop() {
      deaf?.();
      actor.send({ type: 'stop' });
      await actor.done;
    },
  };
}
