import type { Container, ContainerExtendedResourceRequest, Pod } from '../../../../schemas/generated/core-v1.ts';
import type { DeviceRequest, ResourceClaim } from '../../../../schemas/generated/resource-v1.ts';
import { value } from '../../../../schemas/helpers/quantity-number.ts';

/** Until it is written, the claim has a name that none can have. Source: plugins/dynamicresources specialClaimInMemName. */
const UNWRITTEN = '<extended-resources>';
/** Source: resource/v1 ExtendedResourceClaimAnnotation. */
const ANNOTATION = 'resource.kubernetes.io/extended-resource-claim';

/** The claim for all resources of a pod that devices stand for; what it asks for depends on the node. */
export const extendedClaim = (pod: Pod, uid: string): ResourceClaim => ({
  apiVersion: 'resource.k8s.io/v1',
  kind: 'ResourceClaim',
  metadata: {
    namespace: pod.metadata.namespace,
    name: UNWRITTEN,
    uid,
    generateName: `${pod.metadata.name}-extended-resources-`,
    ownerReferences: [
      { apiVersion: 'v1', kind: 'Pod', name: pod.metadata.name!, uid: pod.metadata.uid!, controller: true },
    ],
    annotations: { [ANNOTATION]: 'true' },
  },
  spec: {},
});
export const isUnwritten = ({ metadata }: ResourceClaim): boolean => metadata.name === UNWRITTEN;
/** As the API is told to make it. */
export function toCreate({ metadata, spec, apiVersion, kind }: ResourceClaim): ResourceClaim {
  const { name: _name, uid: _uid, ...rest } = metadata;
  return { apiVersion, kind, metadata: rest, spec };
}
/** One that an earlier attempt has left. Source: findExtendedResourceClaim. */
export const isExtendedClaimOf = (pod: Pod, { metadata }: ResourceClaim): boolean =>
  metadata.annotations?.[ANNOTATION] === 'true' &&
  (metadata.ownerReferences ?? []).some(({ name, uid, controller }) => controller === true && name === pod.metadata.name && uid === pod.metadata.uid); // prettier-ignore

export interface Asked {
  readonly requests: readonly DeviceRequest[];
  /** Which request each container's resource comes from. */
  readonly mappings: readonly ContainerExtendedResourceRequest[];
}
/**
 * What a pod's claim asks for on a node that has none of `resources` itself: a request for each container and resource.
 * Containers that run before others use what these are going to have, and share one request for what they need more.
 * Source: createRequestsAndMappings.
 */
export function asks(pod: Pod, resources: ReadonlyMap<string, string>): Asked {
  const init = pod.spec?.initContainers ?? [];
  const containers = [...init, ...(pod.spec?.containers ?? [])];
  const isBrief = (i: number): boolean => i < init.length && containers[i]!.restartPolicy !== 'Always';
  const all: DeviceRequest[] = [];
  const mappings: ContainerExtendedResourceRequest[] = [];
  for (const [resource, deviceClass] of [...resources].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const lasting: (DeviceRequest | undefined)[] = containers.map(() => undefined);
    const brief: DeviceRequest[] = [];
    const ofBrief: ContainerExtendedResourceRequest[] = [];
    for (const [i, container] of containers.entries()) {
      if (isBrief(i)) continue;
      const one = askOf(i, container, resource, deviceClass, []);
      lasting[i] = one.request;
      mappings.push(...one.mappings);
    }
    for (const [i, container] of containers.entries()) {
      if (!isBrief(i)) continue;
      const one = askOf(i, container, resource, deviceClass, lasting.slice(i));
      if (one.request) brief.push(one.request);
      ofBrief.push(...one.mappings);
    }
    // The largest serves them all, one after the other.
    let largest = brief[0];
    for (const one of brief) if (countOf(one) > countOf(largest!)) largest = one;
    const names = new Set(brief.map(({ name }) => name));
    mappings.push(...ofBrief.map((m) => (names.has(m.requestName) ? { ...m, requestName: largest!.name } : m)));
    if (largest) all.push(largest);
    for (const one of lasting) if (one) all.push(one);
  }
  return { requests: all.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)), mappings };
}
const countOf = (request: DeviceRequest): number => request.exactly?.count ?? 0;

function askOf(index: number, container: Container, resource: string, deviceClassName: string, others: readonly (DeviceRequest | undefined)[]): { readonly request?: DeviceRequest; readonly mappings: readonly ContainerExtendedResourceRequest[] } {
  const requests = container.resources?.requests ?? {};
  const wanted = Object.hasOwn(requests, resource) ? value(requests[resource]) : 0;
  const mappings: ContainerExtendedResourceRequest[] = [];
  if (wanted === 0) return { mappings };
  const uses = (requestName: string): void => void mappings.push({ containerName: container.name, resourceName: resource, requestName });
  let had = 0;
  for (const other of others) {
    if (other === undefined) continue;
    had += countOf(other);
    uses(other.name);
    if (had >= wanted) return { mappings };
  }
  const name = `container-${index}-request-${Object.keys(requests).sort().indexOf(resource)}`;
  uses(name);
  return { request: { name, exactly: { deviceClassName, allocationMode: 'ExactCount', count: wanted - had } }, mappings };
} // prettier-ignore
