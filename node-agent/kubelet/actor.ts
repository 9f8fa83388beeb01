import { fromPromise } from 'xstate';
import type { Bus } from '../../bus/bus.ts';
import type { TimerId, World } from '../../bus/world.ts';
import type { Node, Pod } from '../../schemas/generated/core-v1.ts';
import { isTerminal } from '../../schemas/helpers/pod-resources.ts';
import type { ApiClient } from '../../actors/runtime/api-client.ts';
import type { Component } from '../../actors/runtime/component.ts';
import { createEventRecorder } from '../../actors/runtime/events.ts';
import { createInformer, type Informer } from '../../actors/runtime/informer.ts';
import type { Inspection } from '../../actors/runtime/inspection.ts';
import { createRegistry, type Registry } from '../../actors/runtime/metrics/registry.ts';
import { pods } from '../../actors/runtime/resources.ts';
import { startActor } from '../../actors/runtime/start-actor.ts';
import type { ContainerRuntime } from '../runtime/interface.ts';
import { serveStreams } from '../streams/serve.ts';
import { admit } from './admission.ts';
import type { NodeContext } from './context.ts';
import type { Handlers } from './handlers.ts';
import type { Housekeeping, HousekeepingHost } from './housekeeping.ts';
import { Ledger } from './ledger.ts';
import { serveHttp } from './http.ts';
import { serveLoad } from './load.ts';
import { serveLogs } from './logs.ts';
import { servePortForward } from './port-forward.ts';
import { nodeLogic } from './logic.ts';
import { kubeletMachine } from './machine.ts';
import { kubeletMetrics, observe } from './metrics.ts';
import { createNodeLease } from './node/lease.ts';
import { WELL } from './node/health.ts';
import { simulatedMachine, type Machine } from './node/machine-facts.ts';
import type { NodeFacts, NodeSpec } from './node/object.ts';
import { createRegistration } from './node/registration.ts';
import { watchOwn, type WatchNode } from './node/shared-watch.ts';
import type { PodHome } from './pod/home.ts';
import { PodWorker } from './pod/worker.ts';
import type { KernelFacts } from './security/admission.ts';
import type { StaticPods, StaticPodsHost } from './static-pods/static-pods.ts';
import { createStatusWriter } from './status/writer.ts';
import { nodeVolumes, type PodDisk } from './volumes.ts';

/** Source: kubelet ContainerGCPeriod. */
const SWEEP_MS = 60_000;

export interface KubeletOptions {
  readonly world: World;
  readonly id: string;
  /** Of caller `node:<name>`. */
  readonly client: ApiClient;
  readonly runtime: ContainerRuntime;
  /** How containers that can be reached are asked; default: their runtime answers for them. */
  readonly handlers?: Handlers | undefined;
  /** Runs pods that the API does not know of; default: there are none. */
  readonly staticPods?: ((host: StaticPodsHost) => StaticPods) | undefined;
  /** Of a real machine: what pods may ask of it. */
  readonly kernel?: KernelFacts | undefined;
  /** Where the API server asks for logs and the node's own pages; default: nobody may ask. */
  readonly bus?: Bus | undefined;
  readonly node: NodeSpec & { readonly ip: string };
  /** How it hears of its node; default: by a watch of its own. */
  readonly watchNode?: WatchNode | undefined;
  /** What it runs on; default: a simulated one. */
  readonly machine?: Machine | undefined;
  /** Of a real node: counts what pods use, and sees to it that there is enough of it. */
  readonly housekeeping?: ((host: HousekeepingHost) => Housekeeping) | undefined;
  /** Of a real node: mounts its pods' volumes. */
  readonly disk?: PodDisk | undefined;
  /** Of a real node: a port of its own, for who reaches its address. */
  readonly door?: ((node: NodeContext) => { stop(): Promise<void> }) | undefined;
  readonly inspection?: Inspection | undefined;
  /** Of the node: what its client counts is told with the rest. */
  readonly metrics?: Registry | undefined;
}
export interface Kubelet extends Component {
  /** State of each pod's chart, by `namespace/name`. */
  podStates(): ReadonlyMap<string, string>;
  /** The node's object as it was last read; undefined: not registered yet. */
  node(): Node | undefined;
}

/** Starts the kubelet of one node; `ready` resolves when the node is registered and its pods are known. */
export function startKubelet(o: KubeletOptions): Kubelet {
  const { world, client, runtime, node } = o;
  const facts: NodeFacts = {
    spec: node,
    ip: node.ip,
    podCIDR: node.podCIDR,
    runtime: `${runtime.name}://${runtime.version}`,
    machine: o.machine ?? simulatedMachine(node.name, world.ids.uuid()),
  };
  const recorder = createEventRecorder({
    client,
    world,
    component: 'kubelet',
    host: node.name,
    isBusy: runtime.isBusy,
  });
  const registration = createRegistration({
    world,
    client,
    runtime,
    recorder,
    facts,
    health: o.housekeeping && (() => housekeeping?.health() ?? WELL),
    watch: o.watchNode ?? watchOwn({ client, world }),
  });
  const lease = createNodeLease({ world, client, name: node.name });
  const registries = { pods: new Map(), containers: new Map(), probes: new Map() } satisfies Pick<
    NodeContext,
    'pods' | 'containers' | 'probes'
  > as Pick<NodeContext, 'pods' | 'containers' | 'probes'>;
  const context: NodeContext = {
    ...registries,
    world,
    client,
    runtime,
    handlers: o.handlers,
    recorder,
    inspection: o.inspection,
    metrics: kubeletMetrics(o.metrics ?? createRegistry()),
    nodeName: node.name,
    nodeIP: node.ip,
    nodeIPs: node.secondIP === undefined ? [node.ip] : [node.ip, node.secondIP],
    ledger: new Ledger(),
    admit: (pod) => admit(pod, registration.node!, context.ledger, o.kernel),
    writer: createStatusWriter({ world, client }),
    volumes: nodeVolumes({ world, client, recorder, nodeName: node.name, disk: o.disk }),
    imagesChanged: () => registration.imagesChanged(),
    logFolder: o.machine?.logs,
    logic: nodeLogic(registries),
    get housekeeping() {
      return housekeeping;
    },
  };
  const housekeeping = o.housekeeping?.({ node: context, healthChanged: () => registration.healthChanged() });
  observe(context);
  let informer: Informer<Pod> | undefined;
  let images = 0;

  const unwatchExits = runtime.onExit((id) => {
    for (const container of context.containers.values()) if (container.record.id === id) return container.exited();
  });
  const unwatchSandboxes = runtime.onSandboxChange?.((uid) => context.pods.get(uid)?.sandboxLost());
  async function arrive(pod: Pod): Promise<void> {
    const uid = pod.metadata.uid ?? '';
    const isNew =
      pod.status?.startTime === undefined && pod.metadata.deletionTimestamp === undefined && !isTerminal(pod);
    let refusal = isNew
      ? (housekeeping?.admit(pod) ?? admit(pod, registration.node!, context.ledger, o.kernel))
      : undefined;
    if (refusal?.reason === 'NodeAffinity') {
      // Labels may have changed since the node was last read.
      const latest = await registration.refresh();
      if (latest !== undefined) refusal = admit(pod, latest, context.ledger, o.kernel);
      if (informer?.get(`${pod.metadata.namespace}/${pod.metadata.name}`)?.metadata.uid !== uid) return;
    }
    if (context.pods.has(uid)) return;
    new PodWorker(context, pod, refusal).start();
    const now = runtime.images().length;
    if (now !== images) {
      images = now;
      registration.imagesChanged();
    }
  }
  function watchPods(): void {
    informer = createInformer<Pod>({
      client,
      world,
      gvr: pods,
      selection: { fieldSelector: `spec.nodeName=${node.name}` },
      inspection: o.inspection,
    });
    informer.on({
      add: (pod) => {
        if (statics?.see(pod) !== true) void arrive(pod);
      },
      update: (pod) => {
        if (statics?.see(pod) === true) return;
        const worker = context.pods.get(pod.metadata.uid ?? '');
        if (worker !== undefined) worker.see(pod);
        else void arrive(pod);
      },
      delete: (pod) => {
        if (statics?.lose(pod) !== true) context.pods.get(pod.metadata.uid ?? '')?.lost();
      },
    });
  }
  /** A pod of a file: there may be no API yet that says what the node has left. */
  function beginStatic(pod: Pod, home: PodHome): PodWorker {
    const refusal = registration.node && (housekeeping?.admit(pod) ?? admit(pod, registration.node, context.ledger, o.kernel)); // prettier-ignore
    const worker = new PodWorker(context, pod, refusal, home);
    worker.start();
    return worker;
  }
  const statics = o.staticPods?.({ world, client, writer: context.writer, nodeName: node.name, begin: beginStatic });

  async function beginStatics(): Promise<void> {
    await statics?.first;
    statics?.open(() => registration.node);
  }
  const isKnown = (uid: string): boolean =>
    context.pods.has(uid) || [...informer!.all()].some((pod) => pod.metadata.uid === uid);
  let sweeping: TimerId | undefined;
  let isLeaving = false;
  /** What a kubelet before this one ran, of pods that are gone meanwhile; and what could not be removed in its time. */
  async function sweep(): Promise<void> {
    await runtime.sweep?.(isKnown).catch((error: unknown) => world.log.warn('remains of pods not removed', { err: error })); // prettier-ignore
    if (runtime.sweep !== undefined && !isLeaving) sweeping = world.clock.setTimeout(() => void sweep(), SWEEP_MS);
  }
  const serve = [serveLogs, serveLoad, serveHttp, servePortForward, serveStreams];
  const served = o.bus === undefined ? [] : serve.map((door) => door(o.bus!, context));
  const port = o.door?.(context);
  const ready = Promise.withResolvers<void>();
  const stopped = Promise.withResolvers<void>();
  const logic = kubeletMachine.provide({
    actors: {
      register: fromPromise<void>(async ({ signal }) => {
        const registered = await registration.register(signal);
        runtime.setPodCIDR(await registration.podCIDR(signal));
        lease.start(registered);
        recorder.event({ kind: 'Node', name: node.name, uid: node.name, apiVersion: 'v1' }, 'Normal', 'Starting', 'Starting kubelet.'); // prettier-ignore
      }),
      syncPods: fromPromise<void>(async () => {
        watchPods();
        await informer!.synced;
        // Volumes last: what ran with them has to be gone, and who of files uses some has to be known.
        void beginStatics().then(sweep).then(() => context.volumes.open(registration.node, isKnown)); // prettier-ignore
        housekeeping?.start();
        ready.resolve();
      }),
      finishWrites: fromPromise<void>(async () => {
        await Promise.allSettled([...context.pods.values()].map((worker) => worker.flush()));
      }),
    },
    actions: {
      beat: () => registration.startReporting(),
      leavePods: () => {
        isLeaving = true;
        if (sweeping !== undefined) world.clock.clearTimeout(sweeping);
        housekeeping?.stop();
        informer?.stop();
        statics?.stop();
        lease.stop();
        registration.stop();
      },
      logFailure: (_, { error }) => world.log.debug('node not registered', { node: node.name, err: error }),
    },
  });
  const actor = startActor(logic, {
    world,
    id: `kubelet/${node.name}`,
    machine: 'kubelet',
    inspection: o.inspection,
    onDone: () => stopped.resolve(),
  });
  return {
    name: 'kubelet',
    id: o.id,
    ready: ready.promise,
    state: () => actor.state(),
    node: () => registration.node,
    podStates: () => new Map([...context.pods.values()].map((worker) => [worker.key, worker.state])),
    async stop() {
      await housekeeping?.shutdown();
      actor.send({ type: 'stop' });
      await stopped.promise;
      housekeeping?.stop();
      unwatchExits();
      unwatchSandboxes?.();
      await port?.stop();
      for (const subscription of served) subscription.unsubscribe();
      for (const worker of context.pods.values()) worker.halt();
      context.writer.stop();
      context.volumes.stop();
      lease.stop();
      registration.stop();
      recorder.stop();
      runtime.close();
    },
  };
}
