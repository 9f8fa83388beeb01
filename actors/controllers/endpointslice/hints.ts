import type { Endpoint, EndpointHints, EndpointSlice } from '../../../schemas/generated/discovery-v1.ts';

/** Lists of endpoints that are about to be written, and the slices that are to stay as they are. */
export interface Outcome {
  readonly changed: readonly Endpoint[][];
  readonly unchanged: readonly EndpointSlice[];
}
/** The same lists with their hints, in their order, and those of the other slices that must be written for theirs. */
export interface Hinted {
  readonly changed: readonly Endpoint[][];
  readonly also: readonly { readonly slice: EndpointSlice; readonly endpoints: Endpoint[] }[];
}
const isReady = ({ conditions }: Endpoint): boolean => conditions?.ready === true;
const DISTRIBUTIONS = ['PreferClose', 'PreferSameZone', 'PreferSameNode'];
export const isDistribution = (value: string | undefined): value is string =>
  value !== undefined && DISTRIBUTIONS.includes(value);

const without = ({ hints: _hints, ...endpoint }: Endpoint): Endpoint => endpoint;
/** Takes hints away that are there. Source: topologycache RemoveHintsFromSlices. */
export function withoutHints({ changed, unchanged }: Outcome): Hinted {
  const also = unchanged
    .filter((slice) => slice.endpoints?.some(({ hints }) => hints !== undefined))
    .map((slice) => ({ slice, endpoints: slice.endpoints!.map(without) }));
  return { changed, also };
}

/** That traffic should stay in its zone, or on its node. Source: k8s.io/endpointslice/trafficdist. */
export function preferClose({ changed, unchanged }: Outcome, distribution: string): Hinted {
  const withNodes = distribution === 'PreferSameNode';
  const hint = (endpoint: Endpoint): Endpoint => {
    if (!isReady(endpoint)) return endpoint;
    const hints = hintsFor(endpoint, withNodes);
    return hints ? { ...endpoint, hints } : without(endpoint);
  };
  const also = unchanged
    .filter((slice) => slice.endpoints?.some((endpoint) => isReady(endpoint) && !hasHints(endpoint, withNodes)))
    .map((slice) => ({ slice, endpoints: slice.endpoints!.map(hint) }));
  return { changed: changed.map((endpoints) => endpoints.map(hint)), also };
}
function hintsFor({ zone, nodeName }: Endpoint, withNodes: boolean): EndpointHints | undefined {
  if (zone === undefined && (!withNodes || nodeName === undefined)) return undefined;
  return {
    ...(zone !== undefined && { forZones: [{ name: zone }] }),
    ...(withNodes && nodeName !== undefined && { forNodes: [{ name: nodeName }] }),
  };
}
function hasHints(endpoint: Endpoint, withNodes: boolean): boolean {
  const { zone, nodeName, hints } = endpoint;
  const is = (list: readonly { name: string }[] | undefined, name: string | undefined): boolean =>
    name === undefined ? !list?.length : list?.length === 1 && list[0]!.name === name;
  return is(hints?.forZones, zone) && is(hints?.forNodes, withNodes ? nodeName : undefined);
}
