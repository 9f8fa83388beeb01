import type { FieldPath } from '../meta/field.ts';

/** Source: pkg/api/node deprecatedNodeLabels. */
const DEPRECATED: Readonly<Record<string, string>> = {
  'beta.kubernetes.io/arch': 'deprecated since v1.14; use "kubernetes.io/arch" instead',
  'beta.kubernetes.io/os': 'deprecated since v1.14; use "kubernetes.io/os" instead',
  'failure-domain.beta.kubernetes.io/region': 'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
  'failure-domain.beta.kubernetes.io/zone': 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
  'beta.kubernetes.io/instance-type': 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
  'app.kubernetes.io/created-by': 'deprecated since v1.9',
  'scheduler.alpha.kubernetes.io/preferAvoidPods': 'deprecated since v1.22; use Taints and Tolerations instead',
  'node-role.kubernetes.io/master': 'use "node-role.kubernetes.io/control-plane" instead',
};
/** The warning about an old node label, or none; `named` repeats the label in it. */
export const deprecatedNodeLabel = (label: string, at: FieldPath, named = false): string[] =>
  Object.hasOwn(DEPRECATED, label) ? [`${at}: ${named ? `${label} is ` : ''}${DEPRECATED[label]}`] : [];
