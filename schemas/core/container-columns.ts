import type { PodSpec } from '../generated/core-v1.ts';

/** The columns Containers and Images of a workload: comma-separated. Source: printers layoutContainerCells. */
export function containerColumns(spec: PodSpec | undefined): [string, string] {
  const containers = spec?.containers ?? [];
  return [containers.map((c) => c.name).join(','), containers.map((c) => c.image ?? '').join(',')];
}
