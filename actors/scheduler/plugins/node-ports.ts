import { portsCollide } from '../../../schemas/helpers/pod-resources.ts';
import type { NodeInfo } from '../snapshot/node-info.ts';
import type { PodInfo } from '../snapshot/pod-info.ts';
import { rejection, type FilterPlugin } from './plugin.ts';

const NAME = 'NodePorts';
const REJECTED = rejection(NAME, "node(s) didn't have free ports for the requested pod ports", true);

/** No two pods of a node may claim one host port. */
export const nodePorts = (): FilterPlugin => ({
  name: NAME,
  prepare: ({ pod }) =>
    pod.ports.length === 0 ? 'skip' : { filter: (node) => (collides(pod, node) ? REJECTED : undefined) },
  hint: (event, pod) =>
    event.type === 'node.added' ||
    (event.type === 'pod.released' && event.pod.ports.some((theirs) => pod.ports.some((p) => portsCollide(p, theirs)))),
});
function collides(pod: PodInfo, node: NodeInfo): boolean {
  for (const taken of node.ports.values())
    for (const theirs of taken) for (const wanted of pod.ports) if (portsCollide(wanted, theirs)) return true;
  return false;
}
