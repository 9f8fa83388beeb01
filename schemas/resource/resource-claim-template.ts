import { defineResource } from '../define.ts';
import type { ResourceClaimTemplate } from '../generated/resource-v1.ts';
import { validateTemplateMetadata } from '../core/template-metadata.ts';
import { goStruct } from '../helpers/go-struct.ts';
import { invalid } from '../meta/field.ts';
import { age } from '../meta/time.ts';
import { sameStruct } from '../structural/semantic-equal.ts';
import { defaultDeviceClaim, validateDeviceClaim } from './device-claim.ts';
import { loadForClaim } from './expression-loading.ts';

const SPEC = 'io.k8s.api.resource.v1.ResourceClaimTemplateSpec';

export const resourceClaimTemplate = defineResource<ResourceClaimTemplate>({
  group: 'resource.k8s.io', version: 'v1', resource: 'resourceclaimtemplates',
  metadataChecks: ['whole', 'changes'],
  deleteReturnsObject: true,
  beforeValidation: ({ spec }) => loadForClaim(spec?.spec?.devices?.requests),

  defaults(draft) {
    defaultDeviceClaim(draft.spec?.spec?.devices);
    return draft;
  },
  *validate({ spec }, path) {
    const at = path('spec');
    yield* validateTemplateMetadata(spec?.metadata ?? {}, at('metadata'));
    yield* validateDeviceClaim(spec?.spec?.devices ?? {}, at('spec')('devices'));
  },
  *validateUpdate({ spec }, old, at) {
    if (!sameStruct(spec, old.spec, SPEC)) yield invalid(at('spec'), goStruct(spec, SPEC), 'field is immutable');
  },
  cells: ({ metadata }, now) => [metadata.name ?? '', age(metadata.creationTimestamp, now)],
}); // prettier-ignore
