import { defineResource, type Errors } from '../define.ts';
import type { ConfigMap } from '../generated/core-v1.ts';
import { equal } from '../meta/equal.ts';
import { forbidden, invalid, tooLong, type FieldPath } from '../meta/field.ts';
import { byteLength, configMapKey } from '../meta/names.ts';
import { age } from '../meta/time.ts';
import { base64Length } from './base64.ts';

/** Source: pkg/apis/core types.go MaxSecretSize; also of ConfigMaps. */
export const MAX_DATA_BYTES = 1024 * 1024;
export const FROZEN = 'field is immutable when `immutable` is set';

export const configMap = defineResource<ConfigMap>({
  group: '', version: 'v1', resource: 'configmaps',
  metadataChecks: ['changes', 'whole'],

  *validate({ data = {}, binaryData = {} }, at) {
    let size = 0;
    for (const [key, value] of Object.entries(data)) {
      for (const why of configMapKey(key)) yield invalid(at('data').key(key), key, why);
      if (Object.hasOwn(binaryData, key)) yield invalid(at('data').key(key), key, 'duplicate of key present in binaryData');
      size += byteLength(value);
    }
    for (const [key, value] of Object.entries(binaryData)) {
      for (const why of configMapKey(key)) yield invalid(at('binaryData').key(key), key, why);
      size += base64Length(value);
    }
    if (size > MAX_DATA_BYTES) yield { ...tooLong(at, MAX_DATA_BYTES), field: '[]' };
  },
  *validateUpdate(object, old, at) {
    if (old.immutable !== true) return;
    if (object.immutable !== true) yield forbidden(at('immutable'), FROZEN);
    yield* unchanged(object.data ?? {}, old.data ?? {}, at('data'));
    yield* unchanged(object.binaryData, old.binaryData, at('binaryData'));
  },

  cells: ({ metadata, data = {}, binaryData = {} }, now) =>
    [metadata.name ?? '', Object.keys(data).length + Object.keys(binaryData).length, age(metadata.creationTimestamp, now)],
}); // prettier-ignore
/** Exactly: an empty map is not none, which is what the store makes of it. */
export function* unchanged(value: unknown, old: unknown, at: FieldPath): Errors {
  const isOther = (value === undefined) !== (old === undefined);
  if (isOther || !equal(value, old)) yield forbidden(at, FROZEN);
}
