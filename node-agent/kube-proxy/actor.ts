import { fromPromise } from 'xstate';
import type { World } from '../../bus/world.ts';
import type { ApiClient } from '../../actors/runtime/api-client.ts';
import type { Component } from '../../actors/runtime/component.ts';
import { createEventRecorder } from '../../actors/runtime/events.ts';
import type { Informer } from '../../actors/runtime/informer.ts';
import type { Inspection } from '../../actors/runtime/inspection.ts';
import { createRegistry, type Registry } from '../../actors/runtime/metrics/registry.ts';
import { startActor } from '../../actors/runtime/start-actor.ts';
import type { Commands } from '../host/commands.ts';
import { createAftermath } from './aftermath.ts';
import type { Backend } from './backend.ts';
import { setTimeouts } from './conntrack.ts';
import { createFeed } from './feed.ts';
import { openDoors, type DoorAddresses } from './health/doors.ts';
import { Liveness } from './health/liveness.ts';
import { kubeProxyMachine } from './machine.ts';
import { kubeProxyMetrics } from './metrics.ts';
import { isSameSettings, type NodeOptions } from './node-view.ts';
import type { Change } from './plan/plan.ts';
import type { ProxySettings } from './settings.ts';
import type { WatchedService } from './watched-services.ts';

export interface KubeProxyOptions extends NodeOptions {
  readonly world: World;
  /** Of caller `kube-proxy`. */
  readonly client: ApiClient;
  readonly backend: Backend;
  /** A watch of Services that somebody else ends; default: one of its own. */
  readonly services?: Informer<WatchedService> | undefined;
  /** Of the node's network namespace: for what the kernel remembers of connections. Default: that is left alone. */
  readonly commands?: Commands | undefined;
  /** Default: nobody may ask. */
  readonly doors?: DoorAddresses | undefined;
  readonly inspection?: Inspection | undefined;
  readonly metrics?: Registry | undefined;
}

/** Brings Services to this node: `ready` resolves once the first rules stand, and rejects where this machine cannot have any. */
export function startKubeProxy(o: KubeProxyOptions): Component {
  const { world, client, backend, nodeName } = o;
  const { clock, log } = world;
  const component = 'kube-proxy';
  const recorder = createEventRecorder({ client, world, component, host: nodeName });
  const registry = o.metrics ?? createRegistry();
  const liveness = new Liveness(clock);
  const metrics = kubeProxyMetrics(registry, () => backend.mode);
  const feed = createFeed({
    world,
    client,
    node: o,
    metrics,
    inspection: o.inspection,
    services: o.services,
    changed: () => {
      metrics.queued(clock.now());
      liveness.queued();
      actor.send({ type: 'plan.changed' });
    },
  });
  const { plan } = feed;
  const aftermath = createAftermath({
    world,
    nodeName,
    commands: o.commands,
    recorder,
    metrics,
    isHealthy: () => liveness.isHealthy,
  });
  const doors = openDoors({
    world,
    addresses: o.doors ?? {},
    mode: () => backend.mode,
    liveness,
    isEligible: () => feed.view.isEligible,
    metrics,
    registry,
  });
  let applied: ProxySettings | undefined;
  /** Taken from the plan, and not in the rules yet. */
  let taken: readonly Change[] = [];

  const sync = async (kind: 'full' | 'partial', signal: AbortSignal): Promise<void> => {
    const begun = clock.now();
    const triggered = feed.triggers.length;
    const changes = (taken = [...taken, ...plan.changes()]);
    const { settings } = feed;
    try {
      if (kind === 'full') await backend.rebuild(plan.services(), settings, signal);
      else await backend.update(changes, settings, signal);
    } catch (error) {
      metrics.failed();
      throw error;
    }
    taken = [];
    applied = settings;
    const now = clock.now();
    liveness.updated();
    if (plan.hasChanges) liveness.queued();
    metrics.synced(kind, (now - begun) / 1_000, now);
    for (const at of feed.triggers.splice(0, triggered)) metrics.programmed((now - at) / 1_000);
    log.debug('rules written', { kind, changes: changes.length, ms: now - begun });
    await aftermath.apply(changes, plan, signal);
  };
  const ready = Promise.withResolvers<void>();
  ready.promise.catch(() => undefined);
  const stopped = Promise.withResolvers<void>();
  const logic = kubeProxyMachine.provide({
    actors: {
      probe: fromPromise(async ({ signal }) => {
        const why = await backend.probe(signal);
        if (why !== undefined) throw new Error(why);
        // Where it may not be said, connections that are idle for long may be forgotten.
        if (o.commands !== undefined)
          await setTimeouts(o.commands, signal).catch((err: unknown) =>
            log.warn('the kernel keeps its own time for connections', { err }),
          );
      }),
      rebuild: fromPromise(({ signal }) => sync('full', signal)),
      update: fromPromise(({ signal }) => sync('partial', signal)),
    },
    guards: {
      isKnown: () => feed.isKnown,
      mustRebuild: () => applied === undefined || !isSameSettings(applied, feed.settings),
      hasChanges: () => plan.hasChanges,
      hasLeftovers: () => backend.hasLeftovers,
    },
    actions: {
      reportSynced: () => ready.resolve(),
      reportUnable: (_, { error }) => {
        const { message } = error as Error;
        log.error(message, { mode: backend.mode });
        recorder.event(feed.view.reference, 'Warning', 'FailedToStartProxier', message);
        ready.reject(error);
      },
      reportFailure: (_, { error }) => log.warn('rules could not be written', { mode: backend.mode, err: error }),
      release: () => feed.stop(),
    },
  });
  const actor = startActor(logic, {
    world,
    id: component,
    machine: 'kubeProxy',
    inspection: o.inspection,
    onDone: () => stopped.resolve(),
  });
  void feed.known.then(() => actor.send({ type: 'cluster.known' }));
  recorder.event(feed.view.reference, 'Normal', 'Starting', '');

  return {
    name: component,
    id: nodeName,
    ready: ready.promise,
    state: () => actor.state(),
    async stop() {
      actor.send({ type: 'stop' });
      await stopped.promise;
      ready.reject(new Error('stopped'));
      await (await doors).close();
      await aftermath.close();
      await backend.close();
      recorder.stop();
    },
  };
}
