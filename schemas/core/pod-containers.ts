import type { Container, EphemeralContainer, PodSpec } from '../generated/core-v1.ts';
import type { FieldPath } from '../meta/field.ts';

export type AnyContainer = Container | EphemeralContainer;
const LISTS = ['initContainers', 'containers', 'ephemeralContainers'] as const;

/** All containers of a pod with where they stand, in the order of pkg/apis/core/pods VisitContainersWithPath. */
export function* containersOf(spec: PodSpec, at: FieldPath): Generator<readonly [AnyContainer, FieldPath]> {
  for (const list of LISTS) for (const [i, container] of (spec[list] ?? []).entries()) yield [container, at(list)(i)];
}
