import type { PodTemplateSpec } from '../generated/core-v1.ts';

export const podTemplateWarnings = (
  _template: PodTemplateSpec | undefined,
  _old?: PodTemplateSpec,
): readonly string[] => [];
