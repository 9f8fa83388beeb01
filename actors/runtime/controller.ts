import { fromPromise, type SnapshotFrom } from 'xstate';
import type { World } from '../../bus/world.ts';
import type { Fence } from '../../bus/protocol/api.ts';
import type { KubeObject } from '../../schemas/meta/object.ts';
import { isConflict, isTerminal } from './errors.ts';
import type { ApiClient } from './api-client.ts';
import type { Component } from './component.ts';
import { controllerMachine, keyMachine, type SyncOutput } from './controller-machine.ts';
import type { EventRecorder } from './events.ts';
import { createExecutor, type ExecuteOptions } from './executor.ts';
import type { Informer } from './informer.ts';
import type { Inspection } from './inspection.ts';
import type { Decision, Intent } from './intent.ts';
import { queueMetrics } from './metrics/queue.ts';
import type { Registry } from './metrics/registry.ts';
import { createOwnWrites } from './own-writes.ts';
import { createRateLimiter, type RateLimits } from './rate-limiter.ts';
import { listen, type Source } from './source.ts';
import { createSureCreates } from './sure-creates.ts';
import { sharing } from './sharing.ts';
import { startActor, type RunningActor } from './start-actor.ts';

/** States of the key's chart in which a change makes no difference: the sync that follows will see it. */
const awaitsSync = (state: SnapshotFrom<typeof keyMachine>['value']): boolean =>
  state === 'queued' || state === 'settling' || (typeof state === 'object' && state.syncing === 'dirty');

/** Who wants to hear of each success while intents are carried out. */
export type Listen = Pick<ExecuteOptions, 'onCreated' | 'onUpdated' | 'onDeleted'>;
export interface SyncContext {
  readonly key: string;
  /** Milliseconds since the epoch, when the sync began. */
  readonly now: number;
  readonly signal: AbortSignal;
  readonly client: ApiClient;
  /** Carries out intents and remembers the writes: the key's next sync waits until the caches show them. */
  readonly execute: (intents: readonly Intent[], listen?: Listen) => Promise<void>;
}
export interface ControllerOptions {
  /** `replicaset`: the controller's folder; the component is `controller:replicaset`. */
  readonly name: string;
  readonly id: string;
  readonly world: World;
  readonly client: ApiClient;
  readonly sources: readonly Source[];
  /** Informers that are read but whose changes concern no key. */
  readonly reads?: readonly Informer<KubeObject>[];
  /** Awaited, beside the informers' first lists, before any key is synced. */
  readonly synced?: () => Promise<void>;
  /** Called whenever work begins (leadership gained): the place to enqueue what no source tells of. */
  readonly onActive?: (enqueue: (key: string) => void) => void;
  /** Keys in work at once; default 5. */
  readonly workers?: number;
  /** Makes the key true; what it throws is retried with backoff. Never changes objects of a cache. */
  readonly sync: (context: SyncContext) => Promise<SyncOutput | void>;
  readonly recorder?: EventRecorder | undefined;
  readonly inspection?: Inspection | undefined;
  /** What its queue counts is told of there. */
  readonly metrics?: Registry | undefined;
  /** How long keys wait that failed; default as client-go's controllers. */
  readonly limits?: RateLimits | undefined;
  /** The leadership under which writes are made. */
  readonly fence?: (() => Fence | undefined) | undefined;
  /** false: wait in standby until activate(). Default true. */
  readonly active?: boolean;
  readonly inFlight?: number;
}
export interface Controller extends Component {
  activate(): void;
  /** Stops all work at once, keeps the caches: a standby. */
  deactivate(): void;
  /** Begins nothing new; resolves as a standby when what was under way is done. */
  finish(): Promise<void>;
  /** Syncs the key as if it had changed. */
  enqueue(key: string): void;
  /** Keys that are not idle. */
  readonly busyKeys: number;
}

/** Wraps a pure reconciler as a sync: observe the caches, decide, carry out. `observe` undefined: nothing to do. */
export const reconciling =
  <O>(observe: (key: string) => O | undefined, reconcile: (observed: O, now: number) => Decision) =>
  async ({ key, now, execute }: SyncContext): Promise<SyncOutput> => {
    const observed = observe(key);
    if (observed === undefined) return {};
    const { intents, requeueAfterMs } = reconcile(observed, now);
    await execute(intents);
    return { requeueAfterMs };
  };

/** Runs a controller: informers tell which keys changed, each key is an actor while it has work, N are synced at once. */
export function startController(o: ControllerOptions): Controller {
  const { world, client } = o;
  const component = `controller:${o.name}`;
  const log = world.log.child({ actor: component });
  const limiter = createRateLimiter(world.clock, o.limits);
  const informers = [...o.sources.map((s) => s.informer), ...(o.reads ?? [])];
  const writes = createOwnWrites(informers);
  const creates = createSureCreates({ client, world, informers });
  const execute = createExecutor({ client, recorder: o.recorder, fence: o.fence, inFlight: o.inFlight });
  const workers = o.workers ?? 5;
  const counts = o.metrics && queueMetrics(o.metrics, world.clock, o.name);

  type KeyActor = RunningActor<typeof keyLogic>;
  const keys = new Map<string, KeyActor>();
  const settling = new Set<string>();
  let ready: string[] = [];
  let busy = 0;
  let pumping = false;
  let working = false;
  let idle: (() => void) | undefined;
  let detach: (() => void)[] = [];

  const keyLogic = sharing(keyMachine).provide({
    actors: {
      sync: fromPromise<SyncOutput, { key: string }>(async ({ input: { key }, signal }) => {
        try {
          creates.begin(key);
          const output = await o.sync({
            key,
            now: world.clock.now(),
            signal,
            client,
            execute: (intents, listen) =>
              execute(intents, {
                ...listen,
                signal,
                onWritten: (written) => writes.note(key, written),
                createSurely: (creation, options) => creates.create(key, creation, options),
              }),
          });
          // While work ends there is no next time.
          if (!working || !output) return {};
          if (output.requeueAfterMs !== undefined) counts?.retried();
          return output;
        } catch (error) {
          if (!working) return {};
          if (!isTerminal(error)) counts?.retried();
          throw error;
        } finally {
          counts?.ended(key);
          // A sync of before a leadership's end must not free the worker of the next.
          if (!signal.aborted) {
            busy--;
            schedule();
          }
        }
      }),
    },
    guards: { isTerminal: (_, { error }) => isTerminal(error) },
    delays: { backoff: ({ context }) => limiter.delayMs(context.failures - 1) },
    actions: {
      enqueue: ({ context }) => {
        ready.push(context.key);
        counts?.added(context.key);
        schedule();
      },
      forgetWrites: ({ context }) => writes.forget(context.key),
      logFailure: ({ context }, { error }) => {
        const keys = { key: context.key, failures: context.failures, err: error };
        if (isConflict(error)) log.debug('sync failed', keys);
        else log.warn('sync failed', keys);
      },
    },
  });

  function enqueue(key: string): void {
    if (!working) return;
    const actor = keys.get(key);
    if (actor) {
      // A set of 500 pods hears of each of their changes; the chart need not be asked when a sync is to come anyway.
      if (!awaitsSync(actor.snapshot().value)) actor.send({ type: 'key.changed' });
      return;
    }
    keys.set(
      key,
      startActor(keyLogic, {
        world,
        id: `${o.name}/${key}`,
        machine: 'key',
        input: { key },
        inspection: o.inspection,
        restart: false,
        onDone: () => forget(key),
        onError: () => forget(key),
      }),
    );
  }
  function forget(key: string): void {
    keys.delete(key);
    settling.delete(key);
    if (keys.size === 0) idle?.();
  }
  function schedule(): void {
    if (pumping) return;
    pumping = true;
    queueMicrotask(pump);
  }
  function pump(): void {
    pumping = false;
    let i = 0;
    for (; i < ready.length && busy < workers; i++) {
      const key = ready[i]!;
      const actor = keys.get(key);
      if (!actor) continue;
      if (!working) {
        actor.stop();
        forget(key);
      } else if (writes.areSeen(key)) {
        busy++;
        counts?.begun(key);
        actor.send({ type: 'worker.assigned' });
      } else {
        settling.add(key);
        actor.send({ type: 'writes.awaited' });
      }
    }
    ready = i === ready.length ? [] : ready.slice(i);
  }
  function settle(): void {
    for (const key of settling) {
      if (!writes.areSeen(key)) continue;
      settling.delete(key);
      keys.get(key)?.send({ type: 'writes.seen' });
    }
  }
  const finished: (() => void)[] = [];
  const life = startActor(
    sharing(controllerMachine).provide({
      actors: {
        syncCaches: fromPromise<void>(async () => {
          await Promise.all(informers.map((informer) => informer.synced));
          await o.synced?.();
        }),
        drainKeys: fromPromise<void>(async () => {
          for (const actor of keys.values()) if (!actor.state().startsWith('syncing')) actor.stop();
          for (const [key, actor] of keys) if (!actor.state().startsWith('syncing')) keys.delete(key);
          if (keys.size === 0) return;
          await new Promise<void>((resolve) => (idle = resolve));
        }),
      },
      actions: {
        startWork: () => {
          working = true;
          busy = 0;
          ready = [];
          // Not within the action: hearing of all objects at once starts an actor for each.
          queueMicrotask(() => {
            if (working && detach.length === 0) {
              detach = o.sources.map((each) => listen(each, world.clock, enqueue));
              for (const informer of new Set(informers)) detach.push(informer.on({ batch: settle }));
              o.onActive?.(enqueue);
            }
            started.resolve();
          });
        },
        stopWork: () => {
          working = false;
          counts?.cleared();
          for (const end of detach) end();
          detach = [];
          ready = [];
        },
      },
    }),
    {
      world,
      id: component,
      machine: 'controller',
      inspection: o.inspection,
      onDone: () => stopAll(),
      onState: (state) => {
        if (state === 'finishing') return;
        for (const resolve of finished.splice(0)) resolve();
      },
    },
  );
  const started = Promise.withResolvers<void>();
  function stopAll(): void {
    for (const actor of keys.values()) actor.stop();
    keys.clear();
    settling.clear();
    busy = 0;
  }
  if (o.active !== false) life.send({ type: 'leadership.gained' });

  return {
    name: component,
    id: o.id,
    ready: o.active === false ? Promise.resolve() : started.promise,
    state: () => life.state(),
    activate: () => life.send({ type: 'leadership.gained' }),
    deactivate: () => {
      life.send({ type: 'leadership.lost' });
      stopAll();
    },
    async finish() {
      life.send({ type: 'leadership.ending' });
      if (life.state() === 'finishing') await new Promise<void>((resolve) => finished.push(resolve));
    },
    enqueue,
    get busyKeys() {
      return keys.size;
    },
    async stop() {
      life.send({ type: 'stop' });
      await life.done;
      stopAll();
    },
  };
}
