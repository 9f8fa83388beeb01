import type { PodSpec, PodTemplateSpec } from '../generated/core-v1.ts';
import type { ObjectMeta } from '../generated/meta-v1.ts';

export const podWarnings = (_spec: PodSpec | undefined, _metadata: ObjectMeta, _path: string): readonly string[] => [];
export const podTemplateWarnings = (
  _template: PodTemplateSpec | undefined,
  _old?: PodTemplateSpec,
): readonly string[] => [];
