import { defineResource } from '../define.ts';
import type { PodTemplate } from '../generated/core-v1.ts';
import { formatLabels } from '../meta/selectors.ts';
import { containerColumns } from './container-columns.ts';
import { dropDisabledTemplateFields } from './pod-disabled-fields.ts';
import { defaultPodTemplate } from './pod-spec-defaults.ts';
import { validatePodTemplate } from './pod-template-validation.ts';
import { podTemplateWarnings } from './pod-warnings.ts';

export const podTemplate = defineResource<PodTemplate>({
  group: '', version: 'v1', resource: 'podtemplates',
  deleteReturnsObject: true,
  tracksGeneration: true,

  defaults(draft) {
    defaultPodTemplate(draft.template);
    return draft;
  },
  prepareForCreate(draft) {
    dropDisabledTemplateFields(draft.template);
    return draft;
  },
  prepareForUpdate(draft) {
    dropDisabledTemplateFields(draft.template);
    return draft;
  },
  *validate({ template }, at, old) {
    yield* validatePodTemplate(template ?? {}, at('template'), old?.template);
  },
  warnings: ({ metadata, template }, old) =>
    old && metadata.generation === old.metadata.generation ? [] : podTemplateWarnings(template, undefined, 'template'),
  cells: ({ metadata, template }) =>
    [metadata.name ?? '', ...containerColumns(template?.spec), formatLabels(template?.metadata?.labels)],
}); // prettier-ignore
