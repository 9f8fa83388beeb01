import type { Errors } from '../define.ts';
import type { Job } from '../generated/batch-v1.ts';
import { invalid, required, type FieldPath } from '../meta/field.ts';
import { selectorOrNothing } from '../apps/workload-validation.ts';

const UID_LABELS = ['controller-uid', 'batch.kubernetes.io/controller-uid'] as const;
const NAME_LABELS = ['job-name', 'batch.kubernetes.io/job-name'] as const;

/** A Job finds its pods by its uid. Source: pkg/registry/batch/job strategy.go generateSelector. */
export function generateSelector({ metadata, spec }: Job): void {
  const template = (spec!.template ??= {});
  const meta = (template.metadata ??= {});
  const labels: Record<string, string> = { ...meta.labels };
  for (const label of NAME_LABELS) labels[label] ??= metadata.name ?? '';
  for (const label of UID_LABELS) labels[label] ??= metadata.uid ?? '';
  meta.labels = sorted(labels);
  const { matchLabels = {}, ...more } = spec!.selector ?? {};
  spec!.selector = { matchLabels: sorted({ [UID_LABELS[1]]: metadata.uid ?? '', ...matchLabels }), ...more };
}
const sorted = (map: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.keys(map).sort().map((key) => [key, map[key]!])); // prettier-ignore
/** Source: pkg/apis/batch/validation validateGeneratedSelector. */
export function* validateGeneratedSelector({ metadata, spec }: Job, at: FieldPath): Errors {
  if (spec?.manualSelector === true || !spec?.selector) return;
  if (!metadata.uid) yield required(at('metadata')('uid'));
  const here = at('spec')('template')('metadata')('labels');
  const labels = spec.template?.metadata?.labels ?? {};
  const expected: Record<string, string> = {};
  const order = [[UID_LABELS[0], metadata.uid], [NAME_LABELS[0], metadata.name], [UID_LABELS[1], metadata.uid], [NAME_LABELS[1], metadata.name]] as const; // prettier-ignore
  for (const [label, value = ''] of order) {
    expected[label] = value;
    const actual = labels[label];
    if (actual === undefined) yield required(here.key(label), `must be '${value}'`);
    else if (actual !== value) yield invalid(here.key(label), labels, `must be '${value}'`);
  }
  if (selectorOrNothing(spec.selector)?.matches(expected) === false)
    yield invalid(at('spec')('selector'), spec.selector, '`selector` not auto-generated');
}
