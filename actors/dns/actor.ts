import { fromPromise } from 'xstate';
import type { Bus } from '../../bus/bus.ts';
import { delay, type World } from '../../bus/world.ts';
import type { Namespace, Pod, Service } from '../../schemas/generated/core-v1.ts';
import type { EndpointSlice } from '../../schemas/generated/discovery-v1.ts';
import type { KubeObject } from '../../schemas/meta/object.ts';
import type { ApiClient } from '../runtime/api-client.ts';
import { createApiClient } from '../runtime/client.ts';
import type { Component } from '../runtime/component.ts';
import { createInformer, type Informer } from '../runtime/informer.ts';
import { createInspection } from '../runtime/inspection.ts';
import { createRegistry } from '../runtime/metrics/registry.ts';
import { serveMetrics } from '../runtime/metrics/serve.ts';
import * as resources from '../runtime/resources.ts';
import { startActor } from '../runtime/start-actor.ts';
import { Answers } from './answering/answers.ts';
import type { PodMode } from './answering/find.ts';
import { addressOf } from './cluster/address.ts';
import { Cluster, SERVICE_NAME } from './cluster/cluster.ts';
import { openTcp } from './doors/tcp.ts';
import { openUdp, type Door, type DoorOptions } from './doors/udp.ts';
import { createForwarder } from './forward/forwarder.ts';
import { upstreamText, type Upstream } from './forward/upstream.ts';
import { dnsMachine } from './machine.ts';
import { dnsMetrics } from './metrics.ts';
import { createServer } from './server.ts';
import { NAMESPACE, SERVICE } from './service.ts';
import { createIntroduction } from './introduction.ts';
import { parseName } from './wire/name.ts';

export interface DnsOptions {
  readonly world: World;
  readonly bus: Bus;
  readonly id: string;
  /** An address of this machine; others of the same cluster may listen there too. */
  readonly host: string;
  /** The same for UDP and TCP; 0: a free one, see `port` of what is started. */
  readonly port: number;
  /** `cluster.local`. Thrown by the start: an Error where it can be no name. */
  readonly domain: string;
  /** Whom names of others are asked of, in turn; none: they are refused. */
  readonly upstreams: readonly Upstream[];
  /** How names of pods are answered; default `insecure`: without looking whether there is such a pod. */
  readonly pods?: PodMode | undefined;
  /** Address that the service `kube-system/kube-dns` gets, where there is none yet; default: none is made. */
  readonly serviceAddress?: string | undefined;
  /**
   * By which pods reach this machine, where they have a network and no name server is among them: it listens there too, on
   * the same port, and the service leads there.
   */
  readonly reachedAt?: string | undefined;
  /** Default: over the bus as caller `dns`. */
  readonly client?: ApiClient | undefined;
}
export interface DnsComponent extends Component {
  /** Of both doors, once `ready`. */
  readonly port: number;
}
/** Seconds that answers are good for. Source: kubeadm's Corefile. */
const TTL = 30;
/** In a cluster that is being made some attempts come too early. */
const WORTH_SAYING = 5;
/** At a port that is free. */
const ATTEMPTS = 10;
/** Of questions to others that are under way when it stops. */
const DRAIN_MS = 1_000;

/**
 * Answers for the cluster's names (the Kubernetes DNS specification 1.1.0, as CoreDNS does where kubeadm set it up) and asks
 * others about all else. It writes no more than how it is found, so any number may run. `ready` rejects if it cannot listen; it tries again.
 */
export function startDns(o: DnsOptions): DnsComponent {
  const { world } = o;
  const { log } = world;
  const component = 'dns';
  const zone = parseName(o.domain);
  if (zone === undefined || zone.length === 0)
    throw new Error(`${JSON.stringify(o.domain)} can be no cluster's domain: choose one such as cluster.local`);
  const client = o.client ?? createApiClient(o.bus, world, component);
  const inspection = createInspection({ world, bus: o.bus, component, id: o.id });
  const registry = createRegistry();
  const metrics = dnsMetrics(registry, `dns://${upstreamText(o)}`, () => forwarder.cached);
  const cluster = new Cluster(world.clock);
  const forwarder = createForwarder({ world, upstreams: o.upstreams, metrics: metrics.forward });
  const own = addressOf(o.host);
  const isAny = o.host === '0.0.0.0' || o.host === '::';
  const pods = o.pods ?? 'insecure';
  const answers = new Answers({ cluster, zone, ttl: TTL, pods, own: own === undefined || isAny ? [] : [own] }, o.upstreams.length > 0); // prettier-ignore

  const informers: Informer<KubeObject>[] = [];
  const keep = <T extends KubeObject>(gvr: typeof resources.pods, transform: (object: T) => T): Informer<T> => {
    const informer = createInformer<T>({ client, world, gvr, inspection, transform });
    informers.push(informer);
    return informer;
  };
  keep<Namespace>(resources.namespaces, (namespace) => ({ ...bareOf(namespace) })).on({
    add: ({ metadata }) => cluster.putNamespace(metadata.name!),
    delete: ({ metadata }) => cluster.dropNamespace(metadata.name!),
  });
  keep<Service>(resources.services, ({ spec, ...service }) => ({ ...bareOf(service), spec })).on({
    add: (service) => cluster.putService(service),
    update: (service) => cluster.putService(service),
    delete: ({ metadata }) => cluster.dropService(metadata.namespace!, metadata.name!),
  });
  keep<EndpointSlice>(resources.endpointSlices, (slice) => {
    const { addressType, ports, endpoints } = slice;
    // Of an endpoint, what is answered: where it is and on whose behalf is not.
    const known = endpoints?.map(({ addresses, conditions, hostname }) => ({ addresses, conditions, hostname }));
    return { ...bareOf(slice), addressType, ports, endpoints: known };
  }).on({
    add: (slice) => cluster.putSlice(slice),
    update: (slice, old) => cluster.putSlice(slice, old),
    delete: (slice) => cluster.dropSlice(slice),
  });
  if (pods === 'verified')
    keep<Pod>(resources.pods, ({ status, ...pod }) => {
      return { ...bareOf(pod), status: { phase: status?.phase, podIP: status?.podIP, podIPs: status?.podIPs } };
    }).on({
      add: (pod) => addressesOf(pod).forEach((a) => cluster.putPod(pod.metadata.namespace!, a)),
      update: (pod, old) => {
        for (const a of addressesOf(old)) cluster.dropPod(pod.metadata.namespace!, a);
        for (const a of addressesOf(pod)) cluster.putPod(pod.metadata.namespace!, a);
      },
      delete: (pod) => addressesOf(pod).forEach((a) => cluster.dropPod(pod.metadata.namespace!, a)),
    });

  const isKnown = (): boolean => informers.every(({ hasSynced }) => hasSynced);
  const serve = createServer({ world, answers, forwarder, metrics, isSynced: isKnown });
  const ready = Promise.withResolvers<void>();
  ready.promise.catch(() => undefined);
  const stopped = Promise.withResolvers<void>();
  let doors: readonly Door[] = [];
  const open = async (signal: AbortSignal): Promise<void> => {
    doors = await openDoors({ host: o.host, port: o.port, serve, log });
    if (!signal.aborted) return;
    await Promise.all(doors.map((door) => door.close()));
    doors = [];
  };
  let isClosing = false;
  let doorsOfPods: readonly Door[] | undefined;
  const introduction = createIntroduction({
    world,
    client,
    serviceAddress: o.serviceAddress,
    reachedAt: o.reachedAt,
    listen: async (address) => {
      const { port } = doors[0]!;
      if (isAny || address === o.host) return port;
      if (doorsOfPods !== undefined) return port;
      doorsOfPods = await openDoors({ host: address, port, serve, log });
      if (isClosing) await Promise.all(doorsOfPods.map((door) => door.close()));
      else doors = [...doors, ...doorsOfPods];
      return port;
    },
  });
  const served = serveMetrics({ bus: o.bus, component, id: o.id, registry });
  const logic = dnsMachine.provide({
    actors: {
      openDoors: fromPromise(({ signal }) => open(signal)),
      closeDoors: fromPromise(async () => {
        isClosing = true;
        const closing = Promise.all(doors.map((door) => door.close()));
        await Promise.race([closing, delay(world.clock, DRAIN_MS)]);
        forwarder.stop();
        await closing;
      }),
      makeService: fromPromise(async () => {
        if (!introduction.isLasting && cluster.service(NAMESPACE, SERVICE)?.facts !== undefined) return;
        await introduction.introduce();
      }),
    },
    guards: { isKnown, isLasting: () => introduction.isLasting },
    actions: {
      reportReady: () => {
        const others = o.upstreams.map(upstreamText).join(', ');
        log.info('answering', { host: o.host, port: doors[0]?.port, domain: o.domain, others });
        ready.resolve();
      },
      reportWaiting: () => log.warn('the cluster is not known yet: its names are answered once it is'),
      reportFailure: (_, { error }) => {
        const why = `nothing can listen on port ${o.port} of ${o.host} (${(error as Error).message}): choose another with --dns-port N`;
        log.warn(why);
        ready.reject(new Error(why));
      },
      reportService: ({ context }, { error }) => {
        if (context.failures < WORTH_SAYING) return;
        log.warn('the service kube-system/kube-dns could not be made', { address: o.serviceAddress, err: error });
      },
      release: () => {
        forwarder.stop();
        for (const informer of informers) informer.stop();
        served.unsubscribe();
      },
    },
  });
  const actor = startActor(logic, {
    world,
    id: component,
    machine: 'dns',
    inspection,
    onDone: () => stopped.resolve(),
  });
  void Promise.all(informers.map(({ synced }) => synced)).then(() => actor.send({ type: 'cluster.known' }));

  return {
    name: component,
    id: o.id,
    ready: ready.promise,
    get port() {
      return doors[0]?.port ?? o.port;
    },
    state: () => actor.state(),
    async stop() {
      actor.send({ type: 'stop' });
      await stopped.promise;
      ready.reject(new Error('stopped'));
      inspection.close();
    },
  };
}
/** Both on one port. Rejects when it cannot be had. */
async function openDoors(o: DoorOptions): Promise<readonly Door[]> {
  for (let attempt = 1; ; attempt++) {
    const tcp = await openTcp(o);
    try {
      return [tcp, await openUdp({ ...o, port: tcp.port })];
    } catch (error) {
      await tcp.close();
      // What was free for the one was not for the other.
      if (o.port !== 0 || attempt === ATTEMPTS) throw error;
    }
  }
}
/** All that is kept of what every object has. */
const bareOf = ({ apiVersion, kind, metadata }: Omit<KubeObject, 'metadata'> & Pick<KubeObject, 'metadata'>) => {
  const { name, namespace, uid, resourceVersion, labels } = metadata;
  const owner = labels?.[SERVICE_NAME];
  const own = { name, namespace, uid, resourceVersion, ...(owner !== undefined && { labels: { [SERVICE_NAME]: owner } }) }; // prettier-ignore
  return { apiVersion, kind, metadata: own };
};
/** Of a pod that runs, or will. */
function addressesOf({ status }: Pod): string[] {
  if (status?.phase === 'Succeeded' || status?.phase === 'Failed') return [];
  const ips = status?.podIPs?.map(({ ip }) => ip) ?? (status?.podIP ? [status.podIP] : []);
  return ips.flatMap((ip) => addressOf(ip)?.text ?? []);
}
