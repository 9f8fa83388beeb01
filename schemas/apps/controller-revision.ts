import { defineResource } from '../define.ts';
import type { ControllerRevision } from '../generated/apps-v1.ts';
import { immutable, nonNegative } from '../meta/field-checks.ts';
import { required } from '../meta/field.ts';
import { parseApiVersion } from '../meta/object.ts';
import { age } from '../meta/time.ts';

export const controllerRevision = defineResource<ControllerRevision>({
  group: 'apps', version: 'v1', resource: 'controllerrevisions',

  metadataChecks: ['changes', 'whole'],
  *validate({ data, revision }, at, old) {
    yield* nonNegative(revision, at('revision'));
    if (old !== undefined) return;
    if (data === undefined || data === null) yield required(at('data'), 'data is mandatory');
    else if (typeof data !== 'object' || Array.isArray(data)) yield required(at('data'), 'data must be a valid JSON object');
  },
  *validateUpdate({ data }, old, at) {
    yield* immutable(data, old.data, at('data'));
  },

  cells({ metadata, revision }, now) {
    const owner = metadata.ownerReferences?.find((r) => r.controller);
    const { group } = parseApiVersion(owner?.apiVersion ?? '');
    const kind = `${owner?.kind ?? ''}${group === '' ? '' : `.${group}`}`.toLowerCase();
    return [metadata.name ?? '', owner ? `${kind}/${owner.name}` : '<none>', revision, age(metadata.creationTimestamp, now)];
  },
}); // prettier-ignore
