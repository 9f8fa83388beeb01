import type { Endpoint, EndpointPort, EndpointSlice } from '../../schemas/generated/discovery-v1.ts';
import { equal } from '../../schemas/meta/equal.ts';
import { keyOf, type KubeObject } from '../../schemas/meta/object.ts';
import type { Informer } from './informer.ts';
import type { Intent } from './intent.ts';
import { endpointSlices } from './resources.ts';

/** What the controllers that write EndpointSlices share. */

export const SERVICE_NAME = 'kubernetes.io/service-name';
export const MANAGED_BY = 'endpointslice.kubernetes.io/managed-by';
export type AddressType = 'IPv4' | 'IPv6';

/** Two are the same if they are the same target at the same addresses, whatever their conditions. Source: endpointset.go. */
export const identityOf = ({ addresses, hostname = '', targetRef }: Endpoint): string =>
  `${addresses.length > 1 ? addresses.toSorted().join() : addresses[0]}|${hostname}|${targetRef?.namespace ?? ''}/${targetRef?.name ?? ''}`;

/** Slices of the same ports share their endpoints among them, in whatever order ports are. */
export const portsKey = (ports: readonly EndpointPort[] | undefined): string =>
  (ports ?? []).map((p) => `${p.name ?? ''}/${p.port}/${p.protocol ?? 'TCP'}/${p.appProtocol ?? ''}`).sort().join(); // prettier-ignore

/** Whether all else is the same too; hints are nobody's but the hints' own. Source: EndpointsEqualBeyondHash. */
export function sameBeyondIdentity(a: Endpoint, b: Endpoint): boolean {
  return (
    a.nodeName === b.nodeName &&
    a.zone === b.zone &&
    a.conditions?.ready === b.conditions?.ready &&
    a.conditions?.serving === b.conditions?.serving &&
    a.conditions?.terminating === b.conditions?.terminating &&
    equal({ ...a.targetRef, resourceVersion: undefined }, { ...b.targetRef, resourceVersion: undefined })
  );
}

/** Key of the Service that `manager`'s slice belongs to; none of slices that are another's or nobody's. */
export function serviceOfSlice({ metadata }: KubeObject, manager: string): string | undefined {
  const service = metadata.labels?.[SERVICE_NAME];
  return service && metadata.labels?.[MANAGED_BY] === manager ? `${metadata.namespace}/${service}` : undefined;
}

/** Others' changes of slices are answered no sooner. Source: endpointSliceChangeMinSyncDelay. */
export const SLICE_CHANGES_MS = 1_000;
/** What of `manager`'s slices this process has written itself: that they changed by it is no news. */
export interface SliceWrites {
  readonly note: (slice: KubeObject) => void;
  /** Keys of the Services (or Endpoints) that must hear of a slice's change; for an informer's source. */
  readonly keysOf: (slice: EndpointSlice, old: EndpointSlice | undefined) => Iterable<string>;
}
export function sliceWrites(slices: Informer<EndpointSlice>, manager: string): SliceWrites {
  /** Versions of slices, by uid. */
  const written = new Map<string, string>();
  return {
    note: ({ metadata }) => void written.set(metadata.uid!, metadata.resourceVersion!),
    *keysOf(slice, old) {
      const is = serviceOfSlice(slice, manager);
      const was = old && serviceOfSlice(old, manager);
      if (was !== undefined && was !== is) yield was;
      if (slices.get(keyOf(slice)) === undefined) written.delete(slice.metadata.uid!);
      else if (written.get(slice.metadata.uid!) === slice.metadata.resourceVersion) return;
      if (is !== undefined) yield is;
    },
  };
}
export const removeSlice = ({ metadata }: EndpointSlice): Intent => ({
  op: 'delete',
  gvr: endpointSlices,
  namespace: metadata.namespace,
  name: metadata.name!,
  uid: metadata.uid,
});
