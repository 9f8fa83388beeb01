import { fromPromise } from 'xstate';
import type { Bus, ServedMessage, ServedSubscription } from '../../bus/bus.ts';
import type { KeepValue } from '../../bus/kept-values.ts';
import type { Log } from '../../bus/log.ts';
import type { EtcdVerb } from '../../bus/protocol/etcd.ts';
import * as subjects from '../../bus/subjects.ts';
import { delay, type World } from '../../bus/world.ts';
import { ApiError } from '../../schemas/meta/status.ts';
import type { Component } from '../runtime/component.ts';
import type { Inspection } from '../runtime/inspection.ts';
import { sharing } from '../runtime/sharing.ts';
import { startActor } from '../runtime/start-actor.ts';
import type { EtcdDoor } from './door/door.ts';
import { LostTrack } from './feed.ts';
import { etcdMachine } from './machine.ts';
import { Store } from './store.ts';
import { changes } from './verbs/changes.ts';
import { compact } from './verbs/compact.ts';
import { deleteKey } from './verbs/delete.ts';
import { put } from './verbs/put.ts';
import { range } from './verbs/range.ts';
import { snapshot } from './verbs/snapshot.ts';
import { status } from './verbs/status.ts';

export interface EtcdOptions {
  readonly world: World;
  readonly bus: Bus;
  /** Stays the caller's, like the bus: close them after stop(). */
  readonly log: Log;
  readonly id: string;
  /** Shared with an API server of the same thread; default a copy of its own. */
  readonly keepValue?: KeepValue | undefined;
  readonly inspection?: Inspection | undefined;
  /** How long the past can be read; default 5 min. Longer is history for time travel, paid in memory. */
  readonly historyMs?: number | undefined;
  /** How long a tombstone stays in the log, at least, so that snapshots can catch up; default 1 h. */
  readonly tombstoneMs?: number | undefined;
  /** How many entries of the past are kept in memory at most, however young; default one million. */
  readonly maxHistory?: number | undefined;
  /** Folder for snapshots; without it every start replays the log. */
  readonly snapshotDir?: string | undefined;
  /** Time between snapshots of a store that changes; default 10 min. */
  readonly snapshotMs?: number | undefined;
  /** New keys beyond it are refused; default one million, which is what has been tried. */
  readonly maxKeys?: number | undefined;
  /** Where it speaks etcd's own protocol too, to who shows a certificate of `ca`; PEM. */
  readonly door?:
    | { readonly host: string; readonly port: number; readonly ca: string; readonly cert: string; readonly key: string }
    | undefined;
  /** Room on the disk of the log, where this process can tell; asked when the log does not answer. */
  readonly freeBytes?: (() => number) | undefined;
}

const QUEUE = 'etcd';
const DRAIN_MS = 5_000;

type Handler = (store: Store, body: never, signal: AbortSignal) => unknown;
const VERBS: Readonly<Record<EtcdVerb, Handler>> = {
  range,
  put,
  delete: deleteKey,
  changes,
  compact,
  status,
  snapshot,
};

/**
 * Starts one facade of the store. Any number of them may serve one log at once: each keeps an index of its own, and
 * the log decides who wins. Its `ready` rejects with Invalid for data of a newer version.
 */
export function startEtcd(options: EtcdOptions): Component {
  const { bus, id } = options;
  const world: World = { ...options.world, log: options.world.log.child({ component: 'etcd', actor: id }) };
  let doors: ServedSubscription | undefined;
  let closing: Promise<void> | undefined;
  let etcdDoor: Promise<EtcdDoor> | undefined;
  let writesOpen = true;
  const inFlight = new Set<Promise<unknown>>();
  const ready = Promise.withResolvers<void>();
  // Whoever does not ask for `ready` must not be ended by its rejection.
  ready.promise.catch(() => undefined);

  const store = new Store({
    world,
    log: options.log,
    id,
    historyMs: options.historyMs ?? 300_000,
    tombstoneMs: options.tombstoneMs ?? 3_600_000,
    maxHistory: options.maxHistory ?? 1_000_000,
    snapshotDir: options.snapshotDir,
    snapshotMs: options.snapshotMs ?? 600_000,
    maxKeys: options.maxKeys ?? 1_000_000,
    freeBytes: options.freeBytes,
    keepValue: options.keepValue,
    hooks: {
      onBehind: () => actor.send({ type: 'feed.interrupted' }),
      onLost: (why) => actor.send({ type: 'track.lost', why }),
      onRefused: (error) => actor.send({ type: 'data.refused', error }),
      onWrite: (accepted) => {
        if (accepted === writesOpen) return;
        writesOpen = accepted;
        actor.send({ type: accepted ? 'write.accepted' : 'write.refused' });
      },
    },
  });

  const serve = (message: ServedMessage): unknown => {
    const verb = message.subject.slice(message.subject.lastIndexOf('.') + 1);
    const handler = Object.hasOwn(VERBS, verb) ? VERBS[verb as EtcdVerb] : undefined;
    if (handler === undefined)
      throw new ApiError(
        'MethodNotAllowed',
        `the store does not know "${verb}": one key is compared and set at a time`,
      );
    const answer = handler(store, message.body as never, message.signal);
    if (answer instanceof Promise) {
      inFlight.add(answer);
      const settled = (): void => void inFlight.delete(answer);
      answer.then(settled, settled);
    }
    return answer;
  };

  const announce = async (): Promise<void> => {
    await bus.flush().catch(() => undefined);
    if (options.door !== undefined) {
      const { host, port, ...tls } = options.door;
      const { openEtcdDoor } = await import('./door/door.ts');
      await (etcdDoor ??= openEtcdDoor({ world, store, id, host, port, tls }));
    }
    ready.resolve();
  };

  const machine = sharing(etcdMachine).provide({
    actors: {
      connect: fromPromise(() => store.connect()),
      load: fromPromise(({ signal }) => store.load(signal)),
      catchUp: fromPromise(({ signal }) => store.catchUp(signal)),
      drain: fromPromise(async () => {
        const patience = new AbortController();
        const late = delay(world.clock, DRAIN_MS, patience.signal).catch(() => undefined);
        await Promise.race([closing, late]);
        await Promise.race([Promise.allSettled(inFlight), late]);
        patience.abort();
        await store.drain();
      }),
    },
    actions: {
      openDoors: () => {
        doors ??= bus.serve(subjects.etcdAll, QUEUE, serve);
        // Ready is who can be asked: the server must know of the subscription.
        announce().catch((error: unknown) => ready.reject(error));
      },
      closeDoors: () => {
        closing = doors?.drain?.();
        if (closing === undefined) doors?.unsubscribe();
        doors = undefined;
        void etcdDoor?.then((door) => door.stop()).catch(() => undefined);
        etcdDoor = undefined;
      },
      reportFailure: ({ context }) => {
        store.close();
        world.log.error('the store cannot be opened', { err: context.error });
        ready.reject(context.error);
      },
      reportRetry: (_, { error }) => {
        const lost = error instanceof LostTrack;
        world.log.warn(lost ? 'the index lost track of the log' : 'the log is not available, trying again', {
          err: error,
        });
      },
    },
  });
  const actor = startActor(machine, {
    world,
    id: `etcd/${id}`,
    machine: 'etcd',
    inspection: options.inspection,
    restart: false,
    onError: (error) => ready.reject(error),
  });

  return {
    name: 'etcd',
    id,
    ready: ready.promise,
    state: () => actor.state(),
    stop: async () => {
      actor.send({ type: 'stop' });
      await actor.done;
      ready.reject(new ApiError('ServiceUnavailable', 'the store was stopped'));
    },
  };
}
