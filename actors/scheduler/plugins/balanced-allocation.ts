import type { NodeResourcesBalancedAllocationArgs } from './args.ts';
import { MAX_SCORE, type ScorePlugin } from './plugin.ts';
import { useReader, weightsOf } from './resource-scores.ts';

/**
 * Likes nodes where the shares in use of the resources come closer to each other with the pod on them. Silent for pods
 * that request none of these. Source: scheduler noderesources/balanced_allocation.go.
 */
export const balancedAllocation = (args: NodeResourcesBalancedAllocationArgs = {}): ScorePlugin => {
  const resources = weightsOf(args.resources);
  return {
    name: 'NodeResourcesBalancedAllocation',
    prepareScore: ({ pod }) => {
      if (resources.every(({ name }) => (pod.requests.get(name) ?? 0) === 0)) return undefined;
      const read = useReader(resources, pod.requests, false);
      return {
        score: (node) => {
          const { requested, allocated, allocatable } = read(node);
          const change = balance(requested, allocatable) - balance(allocated, allocatable);
          return MAX_SCORE / 2 + Math.trunc((MAX_SCORE / 2 + change) / 2);
        },
      };
    },
  };
};
/** 100 minus the standard deviation of the shares in use, in percent. */
function balance(used: Float64Array, there: Float64Array): number {
  let count = 0;
  let sum = 0;
  let first = 0;
  let second = 0;
  for (let i = 0; i < used.length; i++) {
    if (there[i] === 0) continue;
    const share = Math.min(used[i]! / there[i]!, 1);
    if (count === 0) first = share;
    else second = share;
    sum += share;
    count++;
  }
  if (count < 2) return MAX_SCORE;
  if (count === 2) return Math.trunc((1 - Math.abs((first - second) / 2)) * MAX_SCORE);
  const mean = sum / count;
  let squares = 0;
  for (let i = 0; i < used.length; i++)
    if (there[i] !== 0)
      squares += (Math.min(used[i]! / there[i]!, 1) - mean) * (Math.min(used[i]! / there[i]!, 1) - mean);
  return Math.trunc((1 - Math.sqrt(squares / count)) * MAX_SCORE);
}
