import { fromPromise } from 'xstate';
import type { Bus } from '../../bus/bus.ts';
import type { World } from '../../bus/world.ts';
import type { Pod } from '../../schemas/generated/core-v1.ts';
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
import { admit } from './admission.ts';
import type { NodeContext } from './context.ts';
import { Ledger } from './ledger.ts';
import { serveHttp } from './http.ts';
import { serveLogs } from './logs.ts';
import { servePortForward } from './port-forward.ts';
import { nodeLogic } from './logic.ts';
import { kubeletMachine } from './machine.ts';
import { kubeletMetrics, observe } from './metrics.ts';
import { createNodeLease } from './node/lease.ts';
import { machineIDOf, type NodeFacts, type NodeSpec } from './node/object.ts';
import { createRegistration } from './node/registration.ts';
import { PodWorker } from './pod/worker.ts';
import { createStatusWriter } from './status/writer.ts';
import { nodeVolumes } from './volumes.ts';

export interface KubeletOptions {
  readonly world: World;
  readonly id: string;
  /** Of caller `node:<name>`. */
  readonly client: ApiClient;
  readonly runtime: ContainerRuntime;
  /** Where the API server asks for logs and the node's own pages; default: nobody may ask. */
  readonly bus?: Bus | undefined;
  readonly node: NodeSpec & { readonly ip: string };
  readonly architecture?: string | undefined;
  readonly inspection?: Inspection | undefined;
  /** Of the node: what its client counts is told with the rest. */
  readonly metrics?: Registry | undefined;
}
export interface Kubelet extends Component {
  /** State of each pod's chart, by `namespace/name`. */
  podStates(): ReadonlyMap<string, string>;
}

/** Starts the kubelet of one node; `ready` resolves when the node is registered and its pods are known. */
export function startKubelet(o: KubeletOptions): Kubelet {
  const { world, client, runtime, node } = o;
  const facts: NodeFacts = {
    spec: node,
    ip: node.ip,
    podCIDR: node.podCIDR,
    runtime: `${runtime.name}://${runtime.version}`,
    machineID: machineIDOf(node.name),
    bootID: world.ids.uuid(),
    architecture: o.architecture ?? 'amd64',
  };
  const recorder = createEventRecorder({ client, world, component: 'kubelet', host: node.name });
  const registration = createRegistration({ world, client, runtime, facts });
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
    recorder,
    inspection: o.inspection,
    metrics: kubeletMetrics(o.metrics ?? createRegistry()),
    nodeName: node.name,
    nodeIP: node.ip,
    ledger: new Ledger(),
    writer: createStatusWriter({ world, client }),
    volumes: nodeVolumes({ world, client, recorder, nodeName: node.name }),
    logic: nodeLogic(registries),
  };
  observe(context);
  let informer: Informer<Pod> | undefined;
  let images = 0;

  const unwatchExits = runtime.onExit((id) => {
    for (const container of context.containers.values()) if (container.record.id === id) return container.exited();
  });
  async function arrive(pod: Pod): Promise<void> {
    const uid = pod.metadata.uid ?? '';
    const isNew =
      pod.status?.startTime === undefined && pod.metadata.deletionTimestamp === undefined && !isTerminal(pod);
    let refusal = isNew ? admit(pod, registration.node!, context.ledger) : undefined;
    if (refusal?.reason === 'NodeAffinity') {
      // Labels may have changed since the node was last read.
      const latest = await registration.refresh();
      if (latest !== undefined) refusal = admit(pod, latest, context.ledger);
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
      add: (pod) => void arrive(pod),
      update: (pod) => {
        const worker = context.pods.get(pod.metadata.uid ?? '');
        if (worker !== undefined) worker.see(pod);
        else void arrive(pod);
      },
      delete: (pod) => context.pods.get(pod.metadata.uid ?? '')?.lost(),
    });
  }

  const serve = [serveLogs, serveHttp, servePortForward];
  const served = o.bus === undefined ? [] : serve.map((door) => door(o.bus!, context));
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
        context.volumes.open(registration.node);
        ready.resolve();
      }),
      finishWrites: fromPromise<void>(async () => {
        await Promise.allSettled([...context.pods.values()].map((worker) => context.writer.flush(worker)));
      }),
    },
    actions: {
      beat: () => registration.startReporting(),
      leavePods: () => {
        informer?.stop();
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
    podStates: () => new Map([...context.pods.values()].map((worker) => [worker.key, worker.state])),
    async stop() {
      actor.send({ type: 'stop' });
      await stopped.promise;
      unwatchExits();
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
