import { defineResource } from '../define.ts';
import type { ResourceClaimTemplate } from '../generated/resource-v1.ts';
import { goStruct } from '../helpers/go-struct.ts';
import { equal } from '../meta/equal.ts';
import { invalid } from '../meta/field.ts';
import { validateAnnotations } from '../meta/metadata.ts';
import { validateLabels } from '../meta/selectors.ts';
import { age } from '../meta/time.ts';
import { defaultDeviceClaim, validateDeviceClaim } from './device-claim.ts';

export const resourceClaimTemplate = defineResource<ResourceClaimTemplate>({
  group: 'resource.k8s.io', version: 'v1', resource: 'resourceclaimtemplates',
  deleteReturnsObject: true,

  defaults(draft) {
    defaultDeviceClaim(draft.spec?.spec?.devices);
    return draft;
  },
  *validate({ metadata, spec }, path) {
    if (metadata.resourceVersion !== undefined) return;
    const at = path('spec');
    yield* validateAnnotations(spec?.metadata?.annotations, at('metadata')('annotations'));
    yield* validateLabels(spec?.metadata?.labels, at('metadata')('labels'));
    yield* validateDeviceClaim(spec?.spec?.devices ?? {}, at('spec')('devices'));
  },
  *validateUpdate({ spec }, old, at) {
    if (!equal(spec, old.spec)) yield invalid(at('spec'), goStruct(spec, 'io.k8s.api.resource.v1.ResourceClaimTemplateSpec'), 'field is immutable');
  },
  cells: ({ metadata }, now) => [metadata.name ?? '', age(metadata.creationTimestamp, now)],
}); // prettier-ignore
