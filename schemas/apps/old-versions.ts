import type { LabelSelector } from '../generated/meta-v1.ts';
import type { PodTemplateSpec } from '../generated/core-v1.ts';
import type { KubeObject } from '../meta/object.ts';

type Workload = KubeObject & {
  spec?: { template?: PodTemplateSpec | undefined; selector?: LabelSelector | undefined } | undefined;
};
/** Labels and selector follow from the template. Source: pkg/apis/apps/v1beta1, extensions/v1beta1 defaults.go. */
function inherit({ metadata, spec }: Workload): void {
  const labels = spec?.template?.metadata?.labels;
  if (spec === undefined || labels === undefined) return;
  spec.selector ??= { matchLabels: { ...labels } };
  if (Object.keys(metadata.labels ?? {}).length === 0) metadata.labels = { ...labels };
}
/** What workloads in versions that are served no more but still understood are filled up with, beyond what v1 does. */
export const OLD_DEFAULTS = { 'apps/v1beta1': inherit, 'extensions/v1beta1': inherit } as const;
