import { fromPromise } from 'xstate';
import type { Bus } from '../../bus/bus.ts';
import { delay, type TimerId, type World } from '../../bus/world.ts';
import type { Service } from '../../schemas/generated/core-v1.ts';
import type { EndpointSlice } from '../../schemas/generated/discovery-v1.ts';
import type { Ingress, IngressClass } from '../../schemas/generated/networking-v1.ts';
import type { ApiClient } from '../runtime/api-client.ts';
import { createApiClient } from '../runtime/client.ts';
import type { Component } from '../runtime/component.ts';
import { createEventRecorder } from '../runtime/events.ts';
import { createInformers } from '../runtime/informer.ts';
import { createInspection, type Inspection } from '../runtime/inspection.ts';
import { startLeaderElection, type LeaderElection } from '../runtime/leader-election.ts';
import { presenceLiveness } from '../runtime/leader-liveness.ts';
import { createPodDialer, type PodDialer } from '../runtime/pod-dialer.ts';
import * as resources from '../runtime/resources.ts';
import { startActor } from '../runtime/start-actor.ts';
import { resolveExternal } from './external.ts';
import { ingressMachine } from './machine.ts';
import { listenHttp, listenHttps, type Front } from './proxy/front.ts';
import { Proxy } from './proxy/proxy.ts';
import { ingressClasses, ingresses } from './reconcile.ts';
import { certificateFor } from './routing/match.ts';
import { startTelling, type Telling } from './telling.ts';
import { createCertificates } from './tls/certificates.ts';
import { createTables, serviceOf } from './tables.ts';

export interface IngressOptions {
  readonly world: World;
  readonly bus: Bus;
  readonly id: string;
  readonly http: { readonly host: string; readonly port: number };
  readonly https: { readonly host: string; readonly port: number };
  /** PEM, served to whom no certificate of an Ingress is for. */
  readonly fallback: () => Promise<{ readonly cert: string; readonly key: string }>;
  /** Default: over the bus as caller `ingress`. */
  readonly client?: ApiClient | undefined;
  /** Default: pods over TCP, those of simulated nodes over the bus. */
  readonly dial?: PodDialer | undefined;
  readonly inspection?: Inspection | undefined;
}
export interface IngressController extends Component {
  /** Known once it is ready. */
  readonly ports: { readonly http: number; readonly https: number };
}
/** Changes of so short a time are one table. */
const GATHER_MS = 10;
/** Requests under way get so long when the controller ends. */
const DRAIN_MS = 10_000;
const BY_SERVICE = 'service';

/** Passes HTTP requests from outside to the pods that Ingresses name. Any number of replicas; the elected one writes. */
export function startIngress(o: IngressOptions): IngressController {
  const { world, bus } = o;
  const client = o.client ?? createApiClient(bus, world, 'ingress');
  const inspection = o.inspection ?? createInspection({ world, bus, component: 'ingress', id: o.id });
  const informers = createInformers(client, world, inspection);
  const rules = informers.for<Ingress>(ingresses);
  const classes = informers.for<IngressClass>(ingressClasses);
  const services = informers.for<Service>(resources.services);
  const slices = informers.for<EndpointSlice>(resources.endpointSlices);
  slices.addIndex(BY_SERVICE, (slice) => serviceOf(slice));

  const tables = createTables({
    ingresses: () => rules.all(),
    classes: () => classes.all(),
    service: (key) => services.get(key),
    slices: (key) => slices.byIndex(BY_SERVICE, key),
  });
  const proxy = new Proxy({
    world,
    dial: o.dial ?? createPodDialer({ bus, world }),
    resolve: resolveExternal,
    table: tables.table,
  });
  let telling: Telling | undefined;
  const certificates = createCertificates({ world, client, inspection, onChange: (key) => telling?.certificate(key) });

  // What changes within a few milliseconds is one new table, and requests that come meanwhile go by the old one.
  let timer: TimerId | undefined;
  let isReady = false;
  const renew = (): void => {
    timer = undefined;
    if (!tables.renew()) return;
    proxy.use(tables.table);
    certificates.want(new Set(tables.table.routing.certificates.values()));
  };
  const changed = (): void => {
    if (isReady) timer ??= world.clock.setTimeout(renew, GATHER_MS);
  };
  const onRules = (): void => {
    tables.rulesChanged();
    changed();
  };
  rules.on({ add: onRules, update: (now, old) => isSame(now, old) || onRules(), delete: onRules }); // prettier-ignore
  classes.on({ add: onRules, update: onRules, delete: onRules });
  const onService = (key: string): void => {
    if (tables.serviceChanged(key)) changed();
  };
  const seen = ({ metadata }: Service): void => onService(`${metadata.namespace}/${metadata.name}`);
  services.on({ add: seen, update: seen, delete: seen });
  const seenSlice = (slice: EndpointSlice): void => serviceOf(slice).forEach(onService);
  slices.on({ add: seenSlice, update: seenSlice, delete: seenSlice });

  const ready = Promise.withResolvers<void>();
  ready.promise.catch(() => undefined);
  const stopped = Promise.withResolvers<void>();
  const liveness = presenceLiveness(bus, world, 'ingress', o.id);
  const recorder = createEventRecorder({ client, world, component: 'kubus-ingress' });
  let election: LeaderElection | undefined;
  let doors: { readonly http: Front; readonly https: Front } | undefined;

  const logic = ingressMachine.provide({
    actors: {
      syncCaches: fromPromise<void>(async ({ signal }) => {
        await Promise.all([...informers.all()].map((informer) => informer.synced));
        signal.throwIfAborted();
        isReady = true;
        renew();
      }),
      openDoors: fromPromise<void>(async ({ signal }) => {
        const contextFor = (name: string) => {
          const key = certificateFor(proxy.table.routing, name);
          return key === undefined ? undefined : certificates.contextOf(key);
        };
        const http = await listenHttp(proxy, o.http);
        try {
          const https = await listenHttps(proxy, o.https, { contextFor, fallback: await o.fallback() });
          doors = { http, https };
        } catch (error) {
          http.close();
          throw error;
        }
        world.log.info('ingress listens', { http: doors.http.port, https: doors.https.port, host: o.http.host });
        if (signal.aborted) closeDoors();
        ready.resolve();
      }),
      finishRequests: fromPromise<void>(async () => {
        const end = new AbortController();
        const drained = Promise.all([doors!.http.drain(), doors!.https.drain()]);
        await Promise.race([drained, delay(world.clock, DRAIN_MS, end.signal).catch(() => undefined)]);
        end.abort();
      }),
    },
    actions: {
      campaign: () =>
        queueMicrotask(() => {
          election = startLeaderElection({
            world,
            client,
            lease: { namespace: 'kube-system', name: 'kubus-ingress' },
            identity: o.id,
            liveness,
            claims: (state) => state.includes('leading'),
            recorder,
            inspection,
            onStarted: () => actor.send({ type: 'leadership.gained' }),
            onStopped: () => actor.send({ type: 'leadership.lost' }),
          });
        }),
      tell: () => telling?.activate(),
      holdTongue: () => telling?.deactivate(),
      leave: () => {
        if (timer !== undefined) world.clock.clearTimeout(timer);
        closeDoors();
      },
      reportFailure: (_, { error }) => {
        world.log.error('ingress cannot serve', { err: error });
        ready.reject(error);
      },
    },
  });
  function closeDoors(): void {
    doors?.http.close();
    doors?.https.close();
    proxy.close();
  }
  const { host } = o.http;
  telling = startTelling({
    world, id: o.id, client, recorder, inspection, rules, classes, certificates,
    fence: () => election?.fence(),
    address: () => (doors === undefined ? [] : [{ ip: publicOf(host), ports: [doors.http.port, doors.https.port].map((port) => ({ port, protocol: 'TCP' as const })) }]),
  }); // prettier-ignore
  const actor = startActor(logic, {
    world,
    id: 'ingress',
    machine: 'ingress',
    inspection,
    onDone: () => stopped.resolve(),
  });
  return {
    name: 'ingress',
    id: o.id,
    ready: ready.promise,
    state: () => actor.state(),
    get ports() {
      return { http: doors?.http.port ?? 0, https: doors?.https.port ?? 0 };
    },
    async stop() {
      actor.send({ type: 'stop' });
      await stopped.promise;
      await telling.stop();
      await election?.stop();
      liveness.stop();
      recorder.stop();
      certificates.stop();
      informers.stop();
      if (o.inspection === undefined) inspection.close();
    },
  };
}
/** What of an Ingress decides where requests go; its status does not. */
const isSame = (a: Ingress, b: Ingress): boolean =>
  JSON.stringify([a.spec, a.metadata.annotations]) === JSON.stringify([b.spec, b.metadata.annotations]);
/** An address that listens everywhere is none that could be told. */
const publicOf = (host: string): string => (host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host);
