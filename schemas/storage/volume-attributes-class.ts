import { defineResource } from '../define.ts';
import type { VolumeAttributesClass } from '../generated/storage-v1.ts';
import { equal } from '../meta/equal.ts';
import { forbidden } from '../meta/field.ts';
import { age } from '../meta/time.ts';
import { validateParameters, validateProvisioner } from './parameters.ts';

export const volumeAttributesClass = defineResource<VolumeAttributesClass>({
  group: 'storage.k8s.io', version: 'v1', resource: 'volumeattributesclasses',
  metadataChecks: ['changes', 'whole'],
  deleteReturnsObject: true,

  changesFirst: true,
  *validate({ driverName, parameters }, at) {
    yield* validateProvisioner(driverName, at('driverName'));
    yield* validateParameters(parameters, false, at('parameters'));
  },
  *validateUpdate({ driverName, parameters }, old, at) {
    if (driverName !== old.driverName) yield forbidden(at('driverName'), 'updates to driverName are forbidden.');
    if (!equal(parameters, old.parameters)) yield forbidden(at('parameters'), 'updates to parameters are forbidden.');
  },
  cells: ({ metadata, driverName }, now) => [metadata.name ?? '', driverName ?? '', age(metadata.creationTimestamp, now)],
}); // prettier-ignore
