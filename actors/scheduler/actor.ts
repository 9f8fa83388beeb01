import { fromPromise } from 'xstate';
import type { Bus } from '../../bus/bus.ts';
import type { World } from '../../bus/world.ts';
import type {
  Namespace,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  ReplicationController,
  Service,
} from '../../schemas/generated/core-v1.ts';
import type { StorageClass } from '../../schemas/generated/storage-v1.ts';
import type { ReplicaSet, StatefulSet } from '../../schemas/generated/apps-v1.ts';
import type { PodDisruptionBudget } from '../../schemas/generated/policy-v1.ts';
import type { KubeObject } from '../../schemas/meta/object.ts';
import type { ApiClient } from '../runtime/api-client.ts';
import { createApiClient } from '../runtime/client.ts';
import type { Component } from '../runtime/component.ts';
import { createSeriesRecorder } from '../runtime/event-series.ts';
import { createEventRecorder } from '../runtime/events.ts';
import { createInformers, type Informer } from '../runtime/informer.ts';
import { startLeaderElection, type LeaderElection } from '../runtime/leader-election.ts';
import { presenceLiveness } from '../runtime/leader-liveness.ts';
import { createInspection, type Inspection } from '../runtime/inspection.ts';
import { leaderMetrics } from '../runtime/metrics/leaders.ts';
import { createRegistry } from '../runtime/metrics/registry.ts';
import { requestMetrics } from '../runtime/metrics/requests.ts';
import { serveMetrics } from '../runtime/metrics/serve.ts';
import * as resources from '../runtime/resources.ts';
import { sharing } from '../runtime/sharing.ts';
import { startActor } from '../runtime/start-actor.ts';
import { byNamespace, BY_NAMESPACE } from '../runtime/store.ts';
import { budgetOf } from './budgets.ts';
import { clusterHandlers } from './cluster.ts';
import { heldBack } from './held-back.ts';
import { schedulingLoop } from './loop.ts';
import { schedulerMachine } from './machine.ts';
import { ownersSelector } from './owners.ts';
import { schedulerMetrics } from './metrics.ts';
import { placing } from './placing.ts';
import { lazyDevices } from './plugins/dynamic-resources/lazy.ts';
import type { ClusterEvent } from './plugins/plugin.ts';
import { schedulingProfiles } from './profiles.ts';
import { SchedulingQueue } from './queue.ts';
import { DEFAULT_SETTINGS, type SchedulerSettings } from './settings.ts';
import { Snapshot } from './snapshot/snapshot.ts';
import { lazyDrivers } from './volumes/lazy.ts';
import { createVolumes } from './volumes/volumes.ts';

export interface SchedulerOptions {
  readonly world: World;
  readonly bus: Bus;
  readonly id: string;
  /** Default: upstream's own, for pods of `default-scheduler`. */
  readonly settings?: SchedulerSettings | undefined;
  /** Competes for the Lease kube-system/kube-scheduler under `id` and places pods only as its holder. Default false. */
  readonly elects?: boolean | undefined;
  /** Default: over the bus as caller `scheduler`. */
  readonly client?: ApiClient | undefined;
  readonly inspection?: Inspection | undefined;
}
/** Finished pods take nothing from a node, so they are not even watched. Source: scheduler NewInformerFactory. */
const UNFINISHED = { fieldSelector: 'status.phase!=Succeeded,status.phase!=Failed' };
/** Of the name of one that reports, in characters. Source: events.k8s.io validation ReportingInstanceLengthLimit. */
const MAX_INSTANCE = 128;
const LEASE = { namespace: 'kube-system', name: 'kube-scheduler' };
const PDBS = { group: 'policy', version: 'v1', resource: 'poddisruptionbudgets' };

/** Starts a scheduler; `ready` resolves when its caches are warm (a standby is ready too). */
export function startScheduler(o: SchedulerOptions): Component {
  const { world } = o;
  const settings = o.settings ?? DEFAULT_SETTINGS;
  const { schedulerName } = settings.profiles[0]!;
  const registry = createRegistry();
  const metrics = schedulerMetrics(registry, world.clock, schedulerName);
  const client = o.client ?? createApiClient(o.bus, world, 'scheduler', requestMetrics(registry, world.clock));
  const inspection = o.inspection ?? createInspection({ world, bus: o.bus, component: 'scheduler', id: o.id });
  const active = Promise.withResolvers<void>();
  const delays = o.elects === true && settings.delayCacheUntilActive === true;
  const informers = createInformers(delays ? heldBack(client, active.promise) : client, world, inspection);
  const pods = informers.for<Pod>(resources.pods, UNFINISHED);
  const nodes = informers.for<Node>(resources.nodes);
  const namespaces = informers.for<Namespace>(resources.namespaces);
  const services = informers.for<Service>(resources.services);
  const budgets = informers.for<PodDisruptionBudget>(PDBS);
  const claims = informers.for<PersistentVolumeClaim>(resources.persistentVolumeClaims);
  const persistentVolumes = informers.for<PersistentVolume>(resources.persistentVolumes);
  const classes = informers.for<StorageClass>(resources.storageClasses);
  services.addIndex(BY_NAMESPACE, byNamespace);
  const owners: Readonly<Record<string, Informer<KubeObject>>> = {
    ReplicaSet: informers.for<ReplicaSet>(resources.replicaSets),
    StatefulSet: informers.for<StatefulSet>(resources.statefulSets),
    ReplicationController: informers.for<ReplicationController>(resources.replicationControllers),
  };

  const queue = new SchedulingQueue({
    now: () => world.clock.now(),
    hint: (name, event, pod) => profiles.of(pod)?.plugin(name)?.hint(event, pod) ?? true,
    metrics,
    initialBackoffMs: settings.initialBackoffMs,
    maxBackoffMs: settings.maxBackoffMs,
    gate(pod) {
      const isThere = (plugin: string): boolean => profiles.of(pod)?.plugin(plugin) !== undefined;
      return drivers.gate(pod, isThere) ?? devices.gate(pod, isThere);
    },
  });
  const snapshot = new Snapshot((name) => namespaces.get(name)?.metadata.labels);
  const recorders = settings.profiles.map(({ schedulerName: controller }) =>
    createSeriesRecorder({ client, world, controller, instance: `${controller}-${o.id}`.slice(0, MAX_INSTANCE) }),
  );
  const recorder = recorders[0]!;
  // Of leadership the other sort of events tells.
  const herald = createEventRecorder({ client, world, component: schedulerName });
  let election: LeaderElection | undefined;
  const fence = () => election?.fence();
  const tell = (event: ClusterEvent): void => queue.onEvent(event);
  const drivers = lazyDrivers({
    world,
    informers,
    tell,
    settled: () => loop.kick(),
    arrived: () => queue.reconsider(),
  });
  const volumes = createVolumes({
    world,
    client,
    claims,
    volumes: persistentVolumes,
    classes,
    drivers: drivers.view,
    bindTimeoutMs: (pod) => profiles.of(pod)?.bindTimeoutMs,
    fence,
  });
  const devices = lazyDevices({
    world,
    client,
    informers,
    recorder,
    fence,
    tell(event) {
      queue.onEvent(event);
      queue.reconsider(event);
    },
    arrived: () => queue.reconsider(),
    changed: () => loop.kick(),
  });
  const outside = settings.outside?.({ world, client, snapshot });
  const profiles = schedulingProfiles({
    settings,
    reservers: [volumes, devices.reserver],
    placing: (i) => placing({ world, client, recorder: recorders[i]!, fence }),
    metrics,
    outside,
  });
  const loop = schedulingLoop({
    world,
    snapshot,
    queue,
    profileOf: (pod) => profiles.of(pod)!,
    volumes,
    devices,
    ownersSelector: ownersSelector({
      services: (namespace) => services.byIndex(BY_NAMESPACE, namespace),
      owner: (kind, namespace, name) => owners[kind]?.get(`${namespace}/${name}`),
    }),
    budgets: () => [...budgets.all()].map(budgetOf),
    metrics,
  });
  metrics.observe({ queue, snapshot, binding: () => loop.binding });
  const on = clusterHandlers(snapshot, queue, profiles.has);
  // Nodes first: a pod placed on a node that is not known yet still counts there once it comes.
  nodes.on({
    add: (node) => on.nodeSeen(node, undefined),
    update: (node, old) => on.nodeSeen(node, old),
    delete: (node) => {
      on.nodeGone(node);
      loop.nodeLost(node.metadata.name!);
    },
    batch: () => loop.kick(),
  });
  pods.on({
    add: (pod) => on.podSeen(pod, undefined),
    update: (pod, old) => on.podSeen(pod, old),
    delete: (pod) => {
      on.podGone(pod);
      loop.lost(pod.metadata.uid!);
    },
    batch: () => loop.kick(),
  });
  namespaces.on({
    update: (now, old) => {
      if (JSON.stringify(now.metadata.labels) === JSON.stringify(old.metadata.labels)) return;
      queue.onEvent({ type: 'namespace.relabelled', name: now.metadata.name ?? '', labels: now.metadata.labels });
      loop.kick();
    },
  });

  const seen = (): void => {
    volumes.changed();
    loop.kick();
  };
  const claimSeen = ({ metadata }: PersistentVolumeClaim, old?: PersistentVolumeClaim): void =>
    tell({ type: 'claim.changed', namespace: metadata.namespace!, name: metadata.name!, isNew: old === undefined });
  const volumeSeen = (_: PersistentVolume, old?: PersistentVolume): void =>
    tell({ type: 'volume.changed', isNew: old === undefined });
  const classSeen = (storageClass: StorageClass, old?: StorageClass): void =>
    tell({ type: 'storageClass.changed', storageClass, old });
  claims.on({ add: claimSeen, update: claimSeen, batch: seen });
  persistentVolumes.on({ add: volumeSeen, update: volumeSeen, batch: seen });
  classes.on({ add: classSeen, update: classSeen, batch: seen });

  const ready = Promise.withResolvers<void>();
  const stopped = Promise.withResolvers<void>();
  const liveness = o.elects === true ? presenceLiveness(o.bus, world, 'scheduler', o.id) : undefined;
  const others = (): string[] => (liveness?.alive() ?? []).map((other) => other.id);
  const metricsDoor = serveMetrics({ bus: o.bus, component: 'scheduler', id: o.id, registry, others });
  leaderMetrics(registry, () => (election === undefined ? [] : [['kube-scheduler', election.isLeader]]));
  function campaign(): void {
    election = startLeaderElection({
      world,
      client,
      lease: settings.lease ?? LEASE,
      identity: o.id,
      liveness,
      claims: (state) => state === 'scheduling' || state === 'warming',
      heir: () => liveness?.alive().find(({ id, state }) => id !== o.id && state === 'standby')?.id,
      recorder: herald,
      inspection,
      onStarted: () => actor.send({ type: 'leadership.gained' }),
      onStopped: () => actor.send({ type: 'leadership.lost' }),
    });
  }
  const logic = sharing(schedulerMachine).provide({
    actors: {
      syncCaches: fromPromise<void>(async ({ signal }) => {
        await Promise.all([...informers.all()].map((informer) => informer.synced));
        signal.throwIfAborted();
        ready.resolve();
      }),
      finishBindings: fromPromise<void>(() => loop.idle()),
    },
    actions: {
      campaign: () => queueMicrotask(campaign),
      beReady: () => ready.resolve(),
      fillCaches: () => active.resolve(),
      placePods: () => loop.resume(),
      rest: () => loop.pause(),
      resign: () => {
        for (const each of recorders) each.stop();
        outside?.stop();
        herald.stop();
        informers.stop();
      },
    },
  });
  const actor = startActor(logic, {
    world,
    id: 'scheduler',
    machine: 'scheduler',
    input: { elects: o.elects === true, delays },
    inspection,
    onDone: () => stopped.resolve(),
  });
  return {
    name: 'scheduler',
    id: o.id,
    ready: ready.promise,
    state: () => actor.state(),
    async stop() {
      actor.send({ type: 'stop' });
      await stopped.promise;
      informers.stop();
      await election?.stop();
      liveness?.stop();
      metricsDoor.unsubscribe();
      if (o.inspection === undefined) inspection.close();
    },
  };
}
