import { hasPodLevelRequests, podRequests } from '../../../schemas/helpers/pod-resources.ts';
import type { NodeInfo } from '../snapshot/node-info.ts';
import { SCORING_FLOOR, type PodInfo } from '../snapshot/pod-info.ts';
import type { NodeResourcesFitArgs } from './args.ts';
import type { FilterPlugin, Rejection, ScorePlugin } from './plugin.ts';
import { strategyOf, useReader, weightsOf } from './resource-scores.ts';

const NAME = 'NodeResourcesFit';

/**
 * A pod's requests must fit beside those of the node's pods; how full a node is liked, the strategy says. Source:
 * scheduler noderesources/fit.go.
 */
export const nodeResourcesFit = (args: NodeResourcesFitArgs = {}): FilterPlugin & ScorePlugin => {
  const resources = weightsOf(args.scoringStrategy?.resources);
  const strategy = strategyOf(args.scoringStrategy, resources);
  const isIgnored = ignored(args);
  return {
    name: NAME,
    prepare: ({ pod, isDeviceResource }) => {
      const wanted: Wanted[] = [];
      for (const [name, n] of pod.requests)
        if (n > 0 && !isIgnored(name)) wanted.push({ name, n, isDevice: isDeviceResource?.(name) === true });
      return {
        filter: (node) => {
          if (node.pods.size < (node.allocatable.get('pods') ?? 0) && fits(wanted, node)) return undefined;
          return explain(wanted, node);
        },
      };
    },
    hint: (event, pod) => {
      if (event.type === 'pod.released') return sharesResource(pod, event.pod);
      if (event.type === 'node.added') return true;
      return event.type === 'node.updated' && grew(event.old.status?.allocatable, event.node.node.status?.allocatable);
    },
    prepareScore: ({ pod }) => {
      // Upstream's scores do not see what the pod itself requests, only what its containers do.
      const wanted = hasPodLevelRequests(pod.pod)
        ? podRequests(pod.pod, { floor: SCORING_FLOOR, skipPodLevel: true })
        : pod.scoredRequests;
      const read = useReader(resources, wanted, true);
      return { score: (node) => strategy(read(node)) };
    },
  };
};
interface Wanted {
  readonly name: string;
  readonly n: number;
  /** Devices may stand for it, on nodes that know nothing of it themselves. */
  readonly isDevice: boolean;
}

/** Only of extended resources. Source: fitsRequest. */
function ignored({
  ignoredResources = [],
  ignoredResourceGroups = [],
}: NodeResourcesFitArgs): (name: string) => boolean {
  if (ignoredResources.length + ignoredResourceGroups.length === 0) return () => false;
  const names = new Set(ignoredResources);
  const groups = new Set(ignoredResourceGroups);
  return (name) =>
    name.includes('/') &&
    !name.includes('kubernetes.io/') &&
    (names.has(name) || groups.has(name.slice(0, name.indexOf('/'))));
}
const left = (node: NodeInfo, { name, isDevice }: Wanted): number => {
  const there = node.allocatable.get(name) ?? 0;
  return isDevice && there === 0 ? Infinity : there - (node.requested.get(name) ?? 0);
};
function fits(wanted: readonly Wanted[], node: NodeInfo): boolean {
  for (const each of wanted) if (each.n > left(node, each)) return false;
  return true;
}
/** Rejections by text: with thousands of full nodes the same one is answered again and again. */
const rejections = new Map<string, Rejection>();
function explain(wanted: readonly Wanted[], node: NodeInfo): Rejection | undefined {
  const reasons: string[] = [];
  let resolvable = true;
  if (node.pods.size + 1 > (node.allocatable.get('pods') ?? 0)) reasons.push('Too many pods');
  for (const each of wanted) {
    if (each.n <= left(node, each)) continue;
    reasons.push(`Insufficient ${each.name}`);
    if (each.n > (node.allocatable.get(each.name) ?? 0)) resolvable = false;
  }
  const key = `${resolvable}${reasons.join('\n')}`;
  let known = rejections.get(key);
  if (known === undefined) rejections.set(key, (known = { plugin: NAME, reasons, resolvable }));
  return known;
}
/** Every pod takes one of the node's pod slots, so any leaving helps a pod that found none. */
function sharesResource(waiting: PodInfo, released: PodInfo): boolean {
  if (waiting.requests.size === 0) return true;
  for (const [name, n] of waiting.requests) if (n > 0 && (released.requests.get(name) ?? 0) > 0) return true;
  return released.requests.size === 0;
}
type Quantities = Readonly<Record<string, string | number>> | undefined;
const grew = (old: Quantities, now: Quantities): boolean =>
  Object.entries(now ?? {}).some(([name, quantity]) => old?.[name] !== quantity);
