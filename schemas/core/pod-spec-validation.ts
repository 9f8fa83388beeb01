import type { Errors } from '../define.ts';
import type { PodSpec } from '../generated/core-v1.ts';
import type { ObjectMeta } from '../generated/meta-v1.ts';
import { required, type FieldPath } from '../meta/field.ts';

export interface PodContext {
  readonly metadata: ObjectMeta;
  /** A Pod, not a template. */
  readonly isPod: boolean;
}
export function* validatePodSpec(spec: PodSpec | undefined, _context: PodContext, at: FieldPath): Errors {
  if ((spec?.containers ?? []).length === 0) yield required(at('containers'));
}
