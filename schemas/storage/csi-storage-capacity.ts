import { defineResource } from '../define.ts';
import type { CSIStorageCapacity } from '../generated/storage-v1.ts';
import { problems } from '../helpers/checks.ts';
import { deprecatedNodeLabel } from '../helpers/node-labels.ts';
import { equal } from '../meta/equal.ts';
import { fieldPath, invalid } from '../meta/field.ts';
import { dnsSubdomain } from '../meta/names.ts';
import { parseQuantity } from '../meta/quantity.ts';
import { validateLabelSelector } from '../meta/selectors.ts';

export const csiStorageCapacity = defineResource<CSIStorageCapacity>({
  group: 'storage.k8s.io', version: 'v1', resource: 'csistoragecapacities',
  metadataChecks: ['whole', 'changes'],
  requiresResourceVersionOnUpdate: true,

  *validate({ nodeTopology, storageClassName = '', capacity }, at) {
    yield* validateLabelSelector(nodeTopology, at('nodeTopology'));
    yield* problems(dnsSubdomain(storageClassName), storageClassName, at('storageClassName'));
    if (capacity !== undefined && parseQuantity(capacity).nano < 0n)
      yield invalid(at('capacity'), String(capacity), 'must be greater than or equal to 0');
  },
  *validateUpdate({ nodeTopology, storageClassName }, old, at) {
    if (!nodeTopology !== !old.nodeTopology || !equal(nodeTopology, old.nodeTopology)) yield invalid(at('nodeTopology'), nodeTopology ?? null, 'field is immutable');
    if (storageClassName !== old.storageClassName) yield invalid(at('storageClassName'), storageClassName, 'field is immutable');
  },
  warnings: ({ nodeTopology }) => [
    ...(nodeTopology?.matchExpressions ?? []).flatMap(({ key }, i) => deprecatedNodeLabel(key, fieldPath('nodeTopology')('matchExpressions')(i)('key'), true)),
    ...Object.keys(nodeTopology?.matchLabels ?? {}).flatMap((key) => deprecatedNodeLabel(key, fieldPath('nodeTopology')('matchLabels')(key))),
  ],
  cells: ({ metadata }) => [metadata.name ?? '', metadata.creationTimestamp ?? null],
}); // prettier-ignore
