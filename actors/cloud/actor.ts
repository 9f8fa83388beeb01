import { fromPromise } from 'xstate';
import type { Bus } from '../../bus/bus.ts';
import type { Fence } from '../../bus/protocol/api.ts';
import { delay, type World } from '../../bus/world.ts';
import type { Node, Service } from '../../schemas/generated/core-v1.ts';
import type { ApiClient } from '../runtime/api-client.ts';
import { createApiClient } from '../runtime/client.ts';
import type { Component } from '../runtime/component.ts';
import type { Controller } from '../runtime/controller.ts';
import { createEventRecorder } from '../runtime/events.ts';
import { createInformers, type Informers } from '../runtime/informer.ts';
import { createInspection, type Inspection } from '../runtime/inspection.ts';
import { startLeaderElection, type LeaderElection } from '../runtime/leader-election.ts';
import { presenceLiveness } from '../runtime/leader-liveness.ts';
import { leaderMetrics } from '../runtime/metrics/leaders.ts';
import { createRegistry, type Registry } from '../runtime/metrics/registry.ts';
import { requestMetrics } from '../runtime/metrics/requests.ts';
import { serveMetrics } from '../runtime/metrics/serve.ts';
import { nodes, services } from '../runtime/resources.ts';
import { startActor } from '../runtime/start-actor.ts';
import type { CloudDeps } from './deps.ts';
import { cloudMachine } from './machine.ts';
import { startCloudNodeLifecycle } from './node-lifecycle/actor.ts';
import { startCloudNode } from './node/actor.ts';
import type { CloudProvider } from './provider.ts';
import { startRoute } from './route/actor.ts';
import { startService } from './service/actor.ts';

/** What a cloud is made with. */
export interface CloudContext {
  readonly world: World;
  /** Of caller `cloud-controller-manager`. */
  readonly client: ApiClient;
  readonly informers: Informers;
  readonly inspection: Inspection;
  readonly metrics: Registry;
  /** The leadership under which it writes. */
  readonly fence: () => Fence | undefined;
}
export interface CloudManagerOptions {
  readonly world: World;
  readonly bus: Bus;
  /** Its name among the replicas: also the identity in the Lease. */
  readonly id: string;
  /** Routes to other ranges of the cloud are left alone. */
  readonly clusterCidrs: readonly string[];
  readonly cloud: (context: CloudContext) => CloudProvider;
}
const COMPONENT = 'cloud-controller-manager';
/** Source: k8s.io/cloud-provider/app, --leader-elect-resource-name. */
const LEASE = { namespace: 'kube-system', name: 'cloud-controller-manager' };
/** How long calls of the cloud may delay an end. */
const FINISH_MS = 5_000;

/**
 * Starts the controllers of the parts that the cloud has, of which one replica's work; `ready` resolves when it is known
 * who leads.
 */
export function startCloudControllerManager(o: CloudManagerOptions): Component {
  const { world, bus, id } = o;
  const inspection = createInspection({ world, bus, component: COMPONENT, id });
  const metrics = createRegistry();
  const requests = requestMetrics(metrics, world.clock);
  const client = createApiClient(bus, world, COMPONENT, requests);
  const informers = createInformers(client, world, inspection);
  // What all controllers read: warm before anybody leads.
  informers.for<Node>(nodes);
  informers.for<Service>(services);
  const liveness = presenceLiveness(bus, world, COMPONENT, id);
  const recorder = createEventRecorder({ client, world, component: COMPONENT });
  let election: LeaderElection | undefined;
  const fence = () => election?.fence();
  const cloud = o.cloud({ world, client, informers, inspection, metrics, fence });
  const deps: CloudDeps & { readonly clusterCidrs: readonly string[] } = {
    world,
    id,
    informers,
    client: (caller) => createApiClient(bus, world, caller, requests),
    recorderFor: (own, component) => createEventRecorder({ client: own, world, component }),
    inspection,
    metrics,
    fence,
    active: false,
    cloud,
    clusterCidrs: o.clusterCidrs,
  };
  const controllers: readonly Controller[] = [
    ...(cloud.instances ? [startCloudNode(deps, cloud.instances), startCloudNodeLifecycle(deps, cloud.instances)] : []),
    ...(cloud.routes ? [startRoute(deps, cloud.routes)] : []),
    ...(cloud.loadBalancers ? [startService(deps, cloud.loadBalancers)] : []),
  ];
  const noLonger = (): void => {
    for (const controller of controllers) controller.deactivate();
    void cloud.loadBalancers?.lead?.(false).catch((err: unknown) => world.log.warn('the cloud serves on', { err }));
  };

  const ready = Promise.withResolvers<void>();
  const stopped = Promise.withResolvers<void>();
  const others = (): string[] => liveness.alive().map((other) => other.id);
  const metricsDoor = serveMetrics({ bus, component: COMPONENT, id, registry: metrics, others });
  leaderMetrics(metrics, () => (election === undefined ? [] : [[LEASE.name, election.isLeader]]));
  function campaign(): void {
    election = startLeaderElection({
      world,
      client,
      lease: LEASE,
      identity: id,
      liveness,
      claims: (state) => state === 'leading',
      heir: () => liveness.alive().find((other) => other.id !== id && other.state === 'standby')?.id,
      recorder,
      inspection,
      onStarted: () => actor.send({ type: 'leadership.gained' }),
      onStopped: () => actor.send({ type: 'leadership.lost' }),
    });
    void election.ready.then(ready.resolve);
  }
  const actor = startActor(
    cloudMachine.provide({
      actors: {
        syncCaches: fromPromise<void>(async ({ signal }) => {
          await Promise.all([...informers.all()].map((informer) => informer.synced));
          signal.throwIfAborted();
        }),
        finishWork: fromPromise<void>(async () => {
          const late = new AbortController();
          const finished = Promise.all(controllers.map((controller) => controller.finish()));
          await Promise.race([finished, delay(world.clock, FINISH_MS, late.signal).catch(() => undefined)]);
          late.abort();
        }),
      },
      actions: {
        campaign: () => queueMicrotask(campaign),
        // Not within the action: each is an actor that may answer at once.
        activate: () => queueMicrotask(() => controllers.forEach((controller) => controller.activate())),
        deactivate: () => queueMicrotask(noLonger),
      },
    }),
    { world, id: COMPONENT, machine: 'cloud', inspection, onDone: () => stopped.resolve() },
  );
  return {
    name: COMPONENT,
    id,
    ready: ready.promise,
    state: () => actor.state(),
    async stop() {
      actor.send({ type: 'stop' });
      await stopped.promise;
      // The heir takes the addresses at once.
      await cloud.stop();
      await election?.stop();
      // What a cloud has not answered by now is not waited for.
      for (const controller of controllers) controller.deactivate();
      await Promise.all(controllers.map((controller) => controller.stop()));
      liveness.stop();
      recorder.stop();
      metricsDoor.unsubscribe();
      informers.stop();
      inspection.close();
    },
  };
}
