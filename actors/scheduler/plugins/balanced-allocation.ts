import { MAX_SCORE, type ScorePlugin } from './plugin.ts';

/**
 * Likes nodes whose cpu and memory use come closer to each other with the pod on them. Silent for pods that request
 * neither. Source: scheduler noderesources/balanced_allocation.go.
 */
export const balancedAllocation = (): ScorePlugin => ({
  name: 'NodeResourcesBalancedAllocation',
  prepareScore: ({ pod }) => {
    const cpu = pod.requests.get('cpu') ?? 0;
    const memory = pod.requests.get('memory') ?? 0;
    if (cpu === 0 && memory === 0) return undefined;
    return {
      score: (node) => {
        const cpuCapacity = node.allocatable.get('cpu') ?? 0;
        const memoryCapacity = node.allocatable.get('memory') ?? 0;
        const cpuUsed = node.requested.get('cpu') ?? 0;
        const memoryUsed = node.requested.get('memory') ?? 0;
        const before = balance(cpuUsed, cpuCapacity, memoryUsed, memoryCapacity);
        const after = balance(cpuUsed + cpu, cpuCapacity, memoryUsed + memory, memoryCapacity);
        return MAX_SCORE / 2 + Math.trunc((MAX_SCORE / 2 + after - before) / 2);
      },
    };
  },
});
/** 100 minus the standard deviation of the two fractions, in percent. */
function balance(a: number, aCapacity: number, b: number, bCapacity: number): number {
  if (aCapacity === 0 || bCapacity === 0) return MAX_SCORE;
  const deviation = Math.abs(Math.min(a / aCapacity, 1) - Math.min(b / bCapacity, 1)) / 2;
  return Math.trunc((1 - deviation) * MAX_SCORE);
}
