import { connect } from 'node:net';
import type { World } from '../../bus/world.ts';
import type { Service } from '../../schemas/generated/core-v1.ts';
import type { EndpointSlice } from '../../schemas/generated/discovery-v1.ts';
import { isIpv6 } from '../../schemas/meta/ip.ts';
import { reasonOf } from '../../schemas/meta/status.ts';
import type { ApiClient } from '../runtime/api-client.ts';
import * as resources from '../runtime/resources.ts';
import { dnsService, NAMESPACE, SERVICE } from './service.ts';

const SERVICE_NAME = 'kubernetes.io/service-name';
const MANAGED_BY = 'endpointslice.kubernetes.io/managed-by';
const MANAGER = 'kubus-dns';
const DIAL_MS = 2_000;

/** Where a name server is that is in no pod: what leads from the service to it. */
export function sliceFor(service: Service, address: string, port: number): EndpointSlice {
  const { name, uid } = service.metadata;
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      // A label ends as it begins: with a letter.
      name: `${SERVICE}-${address.replaceAll(/[.:]/g, '-')}-dns`,
      namespace: NAMESPACE,
      labels: { [SERVICE_NAME]: SERVICE, [MANAGED_BY]: MANAGER },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Service', name: name!, uid: uid! }],
    },
    addressType: isIpv6(address) ? 'IPv6' : 'IPv4',
    endpoints: [{ addresses: [address], conditions: { ready: true, serving: true, terminating: false } }],
    ports: [
      { name: 'dns', port, protocol: 'UDP' },
      { name: 'dns-tcp', port, protocol: 'TCP' },
    ],
  };
}

/** How pods come to know of a name server: by the service and, where none of them is one, its endpoints. */
export interface Introduction {
  /** Whether it is to be done again now and then. */
  readonly isLasting: boolean;
  /** Rejects with ApiError, or where it cannot listen. */
  introduce(): Promise<void>;
}
export function createIntroduction(o: {
  readonly world: World;
  readonly client: ApiClient;
  /** That the service gets; undefined: none is made. */
  readonly serviceAddress: string | undefined;
  /** By which pods reach this machine; undefined: name servers are pods. */
  readonly reachedAt: string | undefined;
  /** Resolves with the port on which it listens there. */
  readonly listen: (address: string) => Promise<number>;
}): Introduction {
  const { world, client, serviceAddress, reachedAt } = o;
  /** Of others that did not listen, how often in a row. */
  const missed = new Map<string, number>();

  async function service(): Promise<Service | undefined> {
    const present = await list<Service>(resources.services, { fieldSelector: `metadata.name=${SERVICE}` });
    if (present[0] !== undefined || serviceAddress === undefined) return present[0];
    try {
      return await client.create<Service>(resources.services, dnsService(serviceAddress, reachedAt === undefined));
    } catch (error) {
      if (reasonOf(error) !== 'AlreadyExists') throw error;
      return (await list<Service>(resources.services, { fieldSelector: `metadata.name=${SERVICE}` }))[0];
    }
  }
  const list = async <T extends Service | EndpointSlice>(
    gvr: typeof resources.services,
    by: { readonly fieldSelector?: string; readonly labelSelector?: string },
  ): Promise<readonly T[]> => (await client.list<T>(gvr, { namespace: NAMESPACE, ...by })).items;

  async function lead(to: Service, address: string): Promise<void> {
    const port = await o.listen(address);
    const wanted = sliceFor(to, address, port);
    const slices = await list<EndpointSlice>(resources.endpointSlices, { labelSelector: `${SERVICE_NAME}=${SERVICE},${MANAGED_BY}=${MANAGER}` }); // prettier-ignore
    const present = slices.find(({ metadata }) => metadata.name === wanted.metadata.name);
    const isAsWanted = ({ ports, endpoints, metadata }: EndpointSlice): boolean =>
      ports?.every((p) => p.port === port) === true &&
      endpoints?.[0]?.addresses[0] === address &&
      metadata.ownerReferences?.[0]?.uid === to.metadata.uid;
    if (present === undefined)
      await client.create(resources.endpointSlices, wanted).catch((error: unknown) => {
        if (reasonOf(error) !== 'AlreadyExists') throw error;
      });
    else if (!isAsWanted(present))
      await client.update(resources.endpointSlices, { ...wanted, metadata: { ...wanted.metadata, resourceVersion: present.metadata.resourceVersion } }); // prettier-ignore
    await Promise.all(slices.filter((slice) => slice !== present).map(forget));
  }
  /** Who was ended without a word leaves its endpoint behind: pods would ask there in vain. */
  async function forget({ metadata, endpoints, ports }: EndpointSlice): Promise<void> {
    const [address, port] = [endpoints?.[0]?.addresses[0], ports?.[0]?.port];
    const listens = address !== undefined && port !== undefined && (await isListening(world, address, port));
    const times = listens ? 0 : (missed.get(metadata.name!) ?? 0) + 1;
    missed.set(metadata.name!, times);
    if (times < 2) return;
    missed.delete(metadata.name!);
    await client
      .delete(resources.endpointSlices, metadata.name!, NAMESPACE, {
        preconditions: { resourceVersion: metadata.resourceVersion! },
      })
      .catch((error: unknown) => {
        if (reasonOf(error) !== 'NotFound' && reasonOf(error) !== 'Conflict') throw error;
      });
  }
  return {
    isLasting: reachedAt !== undefined,
    async introduce() {
      if (serviceAddress === undefined && reachedAt === undefined) return;
      const found = await service();
      // With a selector it leads to pods that somebody else runs.
      if (found === undefined || reachedAt === undefined || Object.keys(found.spec?.selector ?? {}).length > 0) return;
      await lead(found, reachedAt);
    },
  };
}
const isListening = (world: World, host: string, port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (is: boolean): void => {
      world.clock.clearTimeout(late);
      socket.destroy();
      resolve(is);
    };
    const late = world.clock.setTimeout(() => end(false), DIAL_MS);
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
  });
