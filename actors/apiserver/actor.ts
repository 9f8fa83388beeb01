import { fromPromise } from 'xstate';
import type { Bus } from '../../bus/bus.ts';
import { decode, encode } from '../../bus/codec.ts';
import type { KeepValue } from '../../bus/kept-values.ts';
import { delay, type World } from '../../bus/world.ts';
import { ApiError, isRetryable, reasonOf } from '../../schemas/meta/status.ts';
import { builtinSchemas, createRegistry } from '../../schemas/registry.ts';
import type { Registry } from '../../schemas/resource.ts';
import type { Component } from '../runtime/component.ts';
import { startActor } from '../runtime/start-actor.ts';
import type { Inspection } from '../runtime/inspection.ts';
import type { Core } from './core.ts';
import { openBusDoor, type BusDoor } from './doors/bus.ts';
import { openHttpsDoor, type HttpsDoor, type HttpsOptions } from './doors/https/server.ts';
import { openAudit } from './audit/open.ts';
import type { AuditOptions } from './audit/sink.ts';
import { createChangingVault, openVault, type EncryptionOptions } from './encryption/vault.ts';
import { FlowControl, READ_LIMIT, WRITE_LIMIT } from './flow-control/index.ts';
import { componentStatuses } from './health/component-statuses.ts';
import { apiserverMachine } from './machine.ts';
import { createMetrics } from './metrics/index.ts';
import { createBackend } from './outbound/backend.ts';
import { plugIn, type Plugged, type PluginOptions } from './plugins.ts';
import { Store } from './store.ts';
import { Barrier, Sync } from './watch-cache/sync.ts';
import { WatchCache } from './watch-cache/watch-cache.ts';

export interface ApiserverOptions extends PluginOptions {
  readonly world: World;
  readonly bus: Bus;
  readonly id: string;
  readonly registry?: Registry | undefined;
  /** Shared with a store of the same thread; default a copy of its own. */
  readonly keepValue?: KeepValue | undefined;
  /** Left out: only the bus door. */
  readonly https?: Omit<HttpsOptions, 'reusePort'> | undefined;
  /** Whether the log has copies on several servers; default: what the store says of itself. */
  readonly replicated?: boolean | undefined;
  /** Several API servers on this machine share the port. */
  readonly reusePort?: boolean | undefined;
  /** Which resources are encrypted in the store; default none. */
  readonly encryption?: EncryptionOptions | undefined;
  /** Which requests are noted, and where; default none. */
  readonly audit?: AuditOptions | undefined;
  readonly inspection?: Inspection | undefined;
  /** Seats that priority levels share are the sum of both. Default: 400 and 200, as of kube-apiserver. */
  readonly maxRequestsInFlight?: number | undefined;
  readonly maxMutatingRequestsInFlight?: number | undefined;
}
export interface Apiserver extends Component {
  /** Of the HTTPS door, once ready; 0 without one. */
  readonly port: number;
  readonly url: string;
  /** For components of the same process that need what no subject offers (tests, the console). */
  readonly core: Core;
}
const DRAIN_MS = 5_000;
const RETRY_MS = 50;
const BARRIER_MS = 10_000;
/** How long a read waits for a connection that was lost. */
const RECONNECT_MS = 3_000;
const NEVER = new AbortController().signal;
const BOOKMARK_MS = 60_000;

const seatsOf = ({
  maxRequestsInFlight = READ_LIMIT,
  maxMutatingRequestsInFlight = WRITE_LIMIT,
}: ApiserverOptions): number => maxRequestsInFlight + maxMutatingRequestsInFlight;

/** Serves the Kubernetes API from the store behind the bus. Several may run; they share nothing but the store. */
export function startApiserver(options: ApiserverOptions): Apiserver {
  const { world, bus, id } = options;
  const log = world.log.child({ component: 'apiserver', id });
  const registry = options.registry ?? createRegistry();
  const codec = { encode, decode };
  const sealing = options.encryption && createChangingVault(options.encryption, registry);
  const vault = sealing ?? openVault;
  const cache = new WatchCache({ open: vault.open, decode }, registry, world.clock);
  const sync = new Sync(bus, cache, log, options.keepValue);
  sync.pause = () => delay(world.clock, RETRY_MS);
  cache.onLate = () => sync.repair();
  const store = new Store(bus, world, () => cache.revision);
  // Until the store has said so, the longer way: it is right for both.
  let replicated = options.replicated ?? true;
  const learn = async (): Promise<void> => {
    if (options.replicated === undefined) ({ replicated } = await store.status());
  };
  /** Changes are no longer heard: nothing that is in the cache can be said to be so now. */
  let deaf = false;
  /** A round trip to the server, which may be starting again: who reads waits for it, within reason. */
  const connected = async (): Promise<void> => {
    for (const until = world.clock.now() + RECONNECT_MS; ;) {
      try {
        return await bus.flush();
      } catch (error) {
        if (!isRetryable(error) || stopped || world.clock.now() >= until) throw error;
        await delay(world.clock, RETRY_MS);
      }
    }
  };
  const barrier = new Barrier(async () => {
    if (deaf) throw new ApiError('ServiceUnavailable', 'the server is shutting down');
    if (replicated) {
      // An old leader may not know that it is one: only the store's own barrier says what is committed by now.
      const { revision } = await store.range({ key: '/', countOnly: true }, NEVER);
      await cache.waitFor(revision, BARRIER_MS);
      return;
    }
    await connected();
    if (sync.repairing) await sync.settled();
  });
  const metrics = createMetrics();
  const core: Core = {
    world: { ...world, log },
    bus,
    registry,
    codec,
    vault,
    cache,
    store,
    schemasOf: () => builtinSchemas,
    isCustom: (resource) => resource.definition.custom !== undefined,
    barrier: () => barrier.pass(),
    authenticator: { authenticate: () => undefined },
    authorizer: { authorize: () => ({ allowed: 'yes', reason: '' }) },
    admission: [],
    tables: undefined,
    metrics,
    flow: new FlowControl({ registry, cache, world }, seatsOf(options)),
    audit: options.audit && openAudit(options.audit, { world: { ...world, log }, metrics }),
    bookmarks: new Set(),
    waiting: new Set(),
    draining: false,
    pathHandlers: [],
    remote: undefined,
    sourceOf: options.sourceOf,
    backend: createBackend(world, undefined, options.sourceOf),
    virtualCreates: new Map(),
    computed: new Map([['/registry/componentstatuses/', componentStatuses]]),
    hooks: new Map(),
  };
  let door: HttpsDoor | undefined;
  let busDoor: BusDoor | undefined;
  let plugged: Plugged | undefined;
  let stopped = false;
  const readiness = Promise.withResolvers<void>();
  readiness.promise.catch(() => undefined);

  const open = async (): Promise<void> => {
    plugged ??= plugIn(core, options, () => actor.state());
    busDoor ??= openBusDoor(core);
    if (options.https !== undefined)
      door ??= await openHttpsDoor(core, { ...options.https, reusePort: options.reusePort });
    plugged.begin(door?.port ?? 0);
    await plugged.ready;
    tick();
  };
  let bookmarkTimer: ReturnType<typeof world.clock.setTimeout> | undefined;
  const tick = (): void => {
    if (stopped) return;
    bookmarkTimer = world.clock.setTimeout(() => {
      for (const send of core.bookmarks) send();
      cache.sweep();
      plugged?.sweep();
      tick();
    }, BOOKMARK_MS);
  };
  const drain = async (): Promise<void> => {
    stopped = true;
    if (bookmarkTimer !== undefined) world.clock.clearTimeout(bookmarkTimer);
    core.draining = true;
    // Nothing new first: requests that come from now on go to the other servers, those on their way here are answered.
    await Promise.all([door?.leave(), busDoor?.drain(DRAIN_MS), plugged?.stop()]);
    // Then the watches, each told how far it has come: it goes on from there elsewhere.
    for (const send of core.bookmarks) send();
    for (const end of core.waiting) end();
    cache.endWatches();
    await door?.close(DRAIN_MS);
    await core.audit?.sink.close?.();
    connection.unsubscribe();
    deaf = true;
    sync.stop();
    sealing?.stop();
  };
  const actor = startActor(
    apiserverMachine.provide({
      actors: {
        load: fromPromise(async ({ signal }) => {
          // Not at the same time: a load must not go on beneath the one that follows a failure of the other.
          await learn();
          await sync.load(signal);
        }),
        open: fromPromise(open),
        drain: fromPromise(drain),
      },
      actions: {
        repair: () => sync.repair(),
        announceReady: () => readiness.resolve(),
        logFailure: (_, { error }) => {
          // A store that is not there yet is no news: components start in any order.
          if (reasonOf(error) === 'ServiceUnavailable') log.debug('the store does not answer yet', { err: error });
          else log.warn('start failed', { err: error });
          if (actor.state() === 'opening') readiness.reject(error);
        },
      },
    }),
    {
      world,
      id: `apiserver/${id}`,
      machine: 'apiserver',
      ...(options.inspection && { inspection: options.inspection }),
      restart: false,
      onError: (error) => readiness.reject(error),
    },
  );
  sync.onRepair = (running) => actor.send({ type: running ? 'gap.found' : 'gap.closed' });
  const connection = bus.onConnection((connected) => {
    // At once and in every state: a barrier may pass as soon as there is a connection, and has to wait for this.
    if (connected) sync.repair();
    actor.send({ type: connected ? 'connection.restored' : 'connection.lost' });
  });

  return {
    name: 'apiserver',
    id,
    ready: readiness.promise,
    state: () => actor.state(),
    get port() {
      return door?.port ?? 0;
    },
    get url() {
      return `https://${options.https?.host ?? '127.0.0.1'}:${door?.port ?? 0}`;
    },
    core,
    async stop() {
      actor.send({ type: 'stop' });
      await actor.done;
    },
  };
}
