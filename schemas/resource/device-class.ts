import { defineResource } from '../define.ts';
import type { DeviceClass } from '../generated/resource-v1.ts';
import { isExtended } from '../core/resource-names.ts';
import { invalid } from '../meta/field.ts';
import { age } from '../meta/time.ts';
import { eachOf, MAX_CONFIGS, validateConfig, validateSelectors } from './checks.ts';
import { loadDeviceExpressions } from './expression-loading.ts';

export const deviceClass = defineResource<DeviceClass>({
  group: 'resource.k8s.io', version: 'v1', resource: 'deviceclasses',
  metadataChecks: ['changes', 'whole'],
  deleteReturnsObject: true,
  tracksGeneration: true,
  beforeValidation: ({ spec }) => (spec?.selectors?.length ? loadDeviceExpressions() : undefined),

  *validate({ spec }, path) {
    const at = path('spec');
    yield* validateSelectors(spec?.selectors ?? [], at('selectors'));
    yield* eachOf(spec?.config ?? [], MAX_CONFIGS, validateConfig, at('config'));
    const name = spec?.extendedResourceName;
    if (name !== undefined && !isExtended(name)) yield invalid(at('extendedResourceName'), name, 'must be a valid extended resource name');
  },
  cells: ({ metadata }, now) => [metadata.name ?? '', age(metadata.creationTimestamp, now)],
}); // prettier-ignore
