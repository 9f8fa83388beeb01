import type { Amounts } from '../../../schemas/helpers/pod-resources.ts';
import type { NodeInfo } from '../snapshot/node-info.ts';
import type { ResourceSpec, ScoringStrategy, UtilizationShapePoint } from './args.ts';
import { MAX_SCORE } from './plugin.ts';

/** What would be used of a node's resources, was used before, and is there; 0 there: does not count. One entry a resource. */
export interface Use {
  readonly requested: Float64Array;
  readonly allocated: Float64Array;
  readonly allocatable: Float64Array;
}
export interface ResourceWeight {
  readonly name: string;
  readonly weight: number;
}
/** Source: NodeResourcesFitArgs and NodeResourcesBalancedAllocationArgs defaults. */
const CPU_AND_MEMORY: readonly ResourceSpec[] = [{ name: 'cpu' }, { name: 'memory' }];
export const weightsOf = (specs: readonly ResourceSpec[] | undefined): readonly ResourceWeight[] =>
  (specs === undefined || specs.length === 0 ? CPU_AND_MEMORY : specs).map(({ name, weight }) => ({
    name,
    weight: weight || 1,
  }));

/** Neither cpu, memory nor ephemeral-storage: counted only for who asks for it. Source: scheduler util IsScalarResourceName. */
const isScalar = (name: string): boolean =>
  name.includes('/') || name.startsWith('hugepages-') || name.startsWith('attachable-volumes-');

/**
 * Reads a node's use as it would be with a pod that asks for `wanted`. The answer is overwritten by the next node's.
 * `floored`: pods that ask for no cpu or memory count as small. Source: resourceAllocationScorer
 * calculateNodeAllocatableRequest.
 */
export function useReader(
  resources: readonly ResourceWeight[],
  wanted: Amounts,
  floored: boolean,
): (node: NodeInfo) => Use {
  const count = resources.length;
  const use: Use = {
    requested: new Float64Array(count),
    allocated: new Float64Array(count),
    allocatable: new Float64Array(count),
  };
  const parts = resources.map(({ name }) => {
    const pod = wanted.get(name) ?? 0;
    return { name, pod, skip: pod === 0 && isScalar(name), floored: floored && (name === 'cpu' || name === 'memory') };
  });
  return (node) => {
    for (let i = 0; i < count; i++) {
      const part = parts[i]!;
      const there = part.skip ? 0 : (node.allocatable.get(part.name) ?? 0);
      use.allocatable[i] = there;
      if (there === 0) continue;
      const used = (part.floored ? node.scoredRequested : node.requested).get(part.name) ?? 0;
      use.allocated[i] = used;
      use.requested[i] = used + part.pod;
    }
    return use;
  };
}

/** How much a node is liked for its use. Source: noderesources/{least_allocated,most_allocated,requested_to_capacity_ratio}.go. */
export function strategyOf(
  strategy: ScoringStrategy | undefined,
  resources: readonly ResourceWeight[],
): (use: Use) => number {
  switch (strategy?.type ?? 'LeastAllocated') {
    case 'LeastAllocated':
      return averaged(resources, (requested, there) =>
        requested > there ? 0 : Math.trunc(((there - requested) * MAX_SCORE) / there),
      );
    case 'MostAllocated':
      return averaged(resources, (requested, there) => Math.trunc((Math.min(requested, there) * MAX_SCORE) / there));
    case 'RequestedToCapacityRatio': {
      const curve = brokenLine(strategy?.requestedToCapacityRatio?.shape ?? []);
      return rounded(resources, (requested, there) =>
        curve(requested > there ? 100 : Math.trunc((requested * 100) / there)),
      );
    }
  }
}
type OneScore = (requested: number, there: number) => number;
const averaged =
  (resources: readonly ResourceWeight[], one: OneScore) =>
  ({ requested, allocatable }: Use): number => {
    let sum = 0;
    let weights = 0;
    for (let i = 0; i < resources.length; i++) {
      const there = allocatable[i]!;
      if (there === 0) continue;
      const { weight } = resources[i]!;
      sum += one(requested[i]!, there) * weight;
      weights += weight;
    }
    return weights === 0 ? 0 : Math.trunc(sum / weights);
  };
/** What scores nothing has no weight here. */
const rounded =
  (resources: readonly ResourceWeight[], one: OneScore) =>
  ({ requested, allocatable }: Use): number => {
    let sum = 0;
    let weights = 0;
    for (let i = 0; i < resources.length; i++) {
      const there = allocatable[i]!;
      if (there === 0) continue;
      const score = one(requested[i]!, there);
      if (score <= 0) continue;
      const { weight } = resources[i]!;
      sum += score * weight;
      weights += weight;
    }
    return weights === 0 ? 0 : Math.round(sum / weights);
  };
/** A function that is straight between its corners; scores of the corners are of 10. Source: helper.BuildBrokenLinearFunction. */
function brokenLine(shape: readonly UtilizationShapePoint[]): (utilization: number) => number {
  const corners = shape.map(({ utilization, score }) => ({ at: utilization, score: score * (MAX_SCORE / 10) }));
  return (at) => {
    for (const [i, corner] of corners.entries()) {
      if (at > corner.at) continue;
      const before = corners[i - 1];
      if (before === undefined) return corner.score;
      return before.score + Math.trunc(((corner.score - before.score) * (at - before.at)) / (corner.at - before.at));
    }
    return corners.at(-1)?.score ?? 0;
  };
}
