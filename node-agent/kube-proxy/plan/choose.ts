import type { ServicePort, SliceEndpoint } from './facts.ts';

/** Where a connection goes. */
export interface Target {
  readonly ip: string;
  readonly port: number;
  readonly isLocal: boolean;
}
export interface Candidate extends Target {
  /** `10.0.0.1:80`. */
  readonly text: string;
  readonly of: SliceEndpoint;
}
export interface Choice {
  /** For who may be sent to any node. */
  readonly cluster: readonly Target[];
  /** For who must stay on this one. */
  readonly local: readonly Target[];
  /** Both together. */
  readonly reachable: readonly Target[];
  /** Whether anybody serves, here or elsewhere. */
  readonly hasAny: boolean;
}
const NONE: Choice = { cluster: [], local: [], reachable: [], hasAny: false };

export const isReachedFromOutside = (port: ServicePort): boolean =>
  port.nodePort !== 0 || port.balancerIPs.length > 0 || port.externalIPs.length > 0;
/** Even where outsiders must stay here, what comes from here goes anywhere. */
export const usesCluster = (port: ServicePort): boolean => !port.isInternalLocal || isReachedFromOutside(port);
export const usesLocal = (port: ServicePort): boolean =>
  port.isInternalLocal || (port.isExternalLocal && isReachedFromOutside(port));

const isEnding = ({ isServing, isTerminating }: SliceEndpoint): boolean => isServing && isTerminating;
export const bare = (all: readonly Candidate[]): Target[] =>
  all.map(({ ip, port, isLocal }) => ({ ip, port, isLocal }));

/**
 * Which endpoints a port's traffic may go to: those that are ready, of them those meant for this node or zone if all say
 * for whom they are; while none is, those that still serve though they are ending. `all`: each once, in order.
 * Source: pkg/proxy CategorizeEndpoints.
 */
export function choose(port: ServicePort, all: readonly Candidate[], zone: string | undefined): Choice {
  if (all.length === 0) return NONE;
  const ready = all.filter(({ of }) => of.isReady);
  let cluster: readonly Candidate[] = [];
  let isNarrowed = false;
  if (usesCluster(port)) {
    cluster = nearest(ready, zone);
    isNarrowed = cluster.length !== ready.length;
    if (cluster.length === 0) cluster = all.filter(({ of }) => isEnding(of));
  }
  if (!usesLocal(port)) {
    const targets = bare(cluster);
    return { cluster: targets, local: [], reachable: targets, hasAny: cluster.length > 0 };
  }
  const readyHere = ready.filter(({ of }) => of.isLocal);
  const endingHere = readyHere.length > 0 ? [] : all.filter(({ of }) => of.isLocal && !of.isReady && isEnding(of));
  const local = readyHere.length > 0 ? readyHere : endingHere.length > 0 ? all.filter(({ of }) => of.isLocal && isEnding(of)) : []; // prettier-ignore
  const hasAny = cluster.length > 0 || all.some(({ of }) => of.isReady || isEnding(of));
  const here = bare(local);
  if (!usesCluster(port)) return { cluster: [], local: here, reachable: here, hasAny };
  const anywhere = bare(cluster);
  if (!isNarrowed && endingHere.length === 0) return { cluster: anywhere, local: here, reachable: anywhere, hasAny };
  const both = new Map([...cluster, ...local].map((candidate) => [candidate.text, candidate]));
  return { cluster: anywhere, local: here, reachable: bare(inOrder([...both.values()])), hasAny };
}
/** Source: pkg/proxy topologyModeFromHints, availableForTopology. */
function nearest(ready: readonly Candidate[], zone: string | undefined): readonly Candidate[] {
  if (ready.every(({ of }) => of.isForNode !== undefined)) {
    const here = ready.filter(({ of }) => of.isForNode);
    if (here.length > 0) return here;
  }
  if (zone !== undefined && ready.every(({ of }) => of.forZones !== undefined)) {
    const near = ready.filter(({ of }) => of.forZones!.includes(zone));
    if (near.length > 0) return near;
  }
  return ready;
}
export function inOrder(all: Candidate[]): readonly Candidate[] {
  // Most come in order.
  for (let i = 1; i < all.length; i++)
    if (all[i - 1]!.text > all[i]!.text) return all.sort((a, b) => (a.text < b.text ? -1 : 1));
  return all;
}
