import { defineResource, type Errors } from '../define.ts';
import type { CSINode, CSINodeDriver } from '../generated/storage-v1.ts';
import { goStruct } from '../helpers/go-struct.ts';
import { equal } from '../meta/equal.ts';
import { nonNegative } from '../meta/field-checks.ts';
import { duplicate, invalid, required, type FieldPath } from '../meta/field.ts';
import { byteLength, dnsSubdomain, qualifiedName } from '../meta/names.ts';
import { age } from '../meta/time.ts';
import { validateDriverName } from './parameters.ts';

const MAX_NODE_ID = 256;

export const csiNode = defineResource<CSINode>({
  group: 'storage.k8s.io', version: 'v1', resource: 'csinodes',
  metadataChecks: ['whole'],
  deleteReturnsObject: true,
  requiresResourceVersionOnUpdate: true,

  *validate({ spec }, at) {
    const names = new Set<string>();
    for (const [i, driver] of (spec?.drivers ?? []).entries()) {
      yield* validateDriver(driver, names, at('spec')('drivers')(i));
      names.add(driver.name);
    }
  },
  *validateUpdate({ spec }, old, at) {
    for (const { allocatable: _o, ...before } of old.spec?.drivers ?? [])
      for (const { allocatable: _n, ...driver } of spec?.drivers ?? [])
        if (driver.name === before.name && !equal(driver, before))
          yield invalid(at('spec')('drivers'), goStruct(driver, 'io.k8s.api.storage.v1.CSINodeDriver'), 'field is immutable');
  },
  cells: ({ metadata, spec }, now) => [metadata.name ?? '', spec?.drivers?.length ?? 0, age(metadata.creationTimestamp, now)],
}); // prettier-ignore

/** Source: pkg/apis/storage/validation validateCSINodeDriver. */
function* validateDriver(
  { name, nodeID = '', allocatable, topologyKeys: keys }: CSINodeDriver,
  others: ReadonlySet<string>,
  at: FieldPath,
): Errors {
  yield* validateDriverName(name, dnsSubdomain, at('name'));
  if (nodeID === '') yield required(at('nodeID'));
  if (byteLength(nodeID) > MAX_NODE_ID)
    yield invalid(at('nodeID'), nodeID, `must be ${MAX_NODE_ID} characters or less`);
  yield* nonNegative(allocatable?.count, at('allocatable')('count'));
  if (others.has(name)) yield duplicate(at('name'), name);
  const topologyKeys = keys ?? [];
  for (const [i, key] of topologyKeys.entries()) {
    if (key === '') yield required(at);
    if (topologyKeys.indexOf(key) < i) yield duplicate(at, key);
    for (const why of qualifiedName(key)) yield invalid(at, key, why);
  }
}
