import type { LoadBalancerStatus, Node, Service } from '../../../schemas/generated/core-v1.ts';
import { keyOf } from '../../../schemas/meta/object.ts';
import type { CloudDeps } from '../deps.ts';
import type { CloudProvider, InstanceMetadata, Instances, LoadBalancers, Route, Routes } from '../provider.ts';
import { testCluster, type TestCluster } from '../../runtime/testing/cluster.ts';

type Method = 'exists' | 'isShutdown' | 'metadata' | 'get' | 'ensure' | 'update' | 'remove' | 'list' | 'createRoute' | 'removeRoute'; // prettier-ignore

/** A cloud in memory that does what the test tells it. */
export interface FakeCloud extends CloudProvider {
  readonly instances: Instances;
  readonly loadBalancers: LoadBalancers;
  readonly routes: Routes;
  /** What was asked, in order: `ensure d/web n1,n2`. */
  readonly calls: string[];
  /** Called with each call before it is answered; may throw, or wait for ever. */
  intercept: ((method: Method, about: string) => Promise<void> | void) | undefined;
  /** What instances there are; a node that is not here is unknown. */
  readonly machines: Map<string, { metadata?: InstanceMetadata | undefined; state?: 'shutdown' | 'gone' }>;
  /** Address of each load balancer, by its Service's uid. */
  readonly balancers: Map<string, string>;
  readonly table: Map<string, Route>;
  /** Instead of what is true. */
  lie: { status?: LoadBalancerStatus | undefined } | undefined;
}
export const instance = (name: string, more: Partial<InstanceMetadata> = {}): InstanceMetadata => ({
  providerID: `fake://${name}`,
  addresses: [{ type: 'InternalIP', address: '10.0.0.1' }],
  ...more,
});
export function fakeCloud(): FakeCloud {
  const calls: string[] = [];
  const machines: FakeCloud['machines'] = new Map();
  const balancers = new Map<string, string>();
  const table = new Map<string, Route>();
  let next = 1;
  const enter = async (method: Method, about: string): Promise<void> => {
    calls.push(`${method} ${about}`);
    await cloud.intercept?.(method, about);
  };
  const uid = ({ metadata }: Service): string => metadata.uid!;
  const namesOf = (nodes: readonly Node[]): string => nodes.map(({ metadata }) => metadata.name).join();
  const statusOf = (ip: string | undefined): LoadBalancerStatus => ({ ingress: ip === undefined ? [] : [{ ip }] });
  const cloud: FakeCloud = {
    name: 'fake',
    calls,
    machines,
    balancers,
    table,
    intercept: undefined,
    lie: undefined,
    stop: () => Promise.resolve(),
    instances: {
      async exists({ metadata }) {
        await enter('exists', metadata.name!);
        return machines.get(metadata.name!)?.state !== 'gone';
      },
      async isShutdown({ metadata }) {
        await enter('isShutdown', metadata.name!);
        return machines.get(metadata.name!)?.state === 'shutdown';
      },
      async metadata({ metadata }) {
        await enter('metadata', metadata.name!);
        return machines.get(metadata.name!)?.metadata;
      },
    },
    loadBalancers: {
      async get(service) {
        await enter('get', keyOf(service));
        const ip = balancers.get(uid(service));
        return ip === undefined ? undefined : statusOf(ip);
      },
      async ensure(service, nodes) {
        await enter('ensure', `${keyOf(service)} ${namesOf(nodes)}`);
        if (!balancers.has(uid(service))) balancers.set(uid(service), `192.0.2.${next++}`);
        return cloud.lie ? cloud.lie.status! : statusOf(balancers.get(uid(service)));
      },
      async update(service, nodes) {
        await enter('update', `${keyOf(service)} ${namesOf(nodes)}`);
      },
      async remove(service) {
        await enter('remove', keyOf(service));
        balancers.delete(uid(service));
      },
    },
    routes: {
      async list() {
        await enter('list', '');
        return [...table.values()];
      },
      async create(route, hint) {
        await enter('createRoute', `${route.destination} ${route.targetNode}`);
        const name = `${hint}-${route.destination}`;
        table.set(name, { ...route, name });
      },
      async remove({ name, destination, targetNode }) {
        await enter('removeRoute', `${destination} ${targetNode}`);
        table.delete(name);
      },
    },
  };
  return cloud;
}
/** A test's cluster with a cloud. */
export function cloudCluster(
  seed = 1,
): TestCluster & { readonly cloud: FakeCloud; readonly cloudDeps: CloudDeps & { clusterCidrs: string[] } } {
  // prettier-ignore
  const c = testCluster(seed);
  const cloud = fakeCloud();
  return { ...c, cloud, cloudDeps: { ...c.deps, cloud, clusterCidrs: ['10.244.0.0/16'] } };
}
/** `reason: message` of all events, in order. */
export const told = (c: TestCluster): string[] =>
  c
    .list<{ apiVersion: string; kind: string; metadata: object; reason: string; message: string } & Node>({ group: '', version: 'v1', resource: 'events' })
    .toSorted((a, b) => Number(a.metadata.resourceVersion) - Number(b.metadata.resourceVersion))
    .map(({ reason, message }) => `${reason}: ${message}`); // prettier-ignore
