import { defineResource } from '../define.ts';
import type { ServiceAccount } from '../generated/core-v1.ts';
import { age } from '../meta/time.ts';

export const serviceAccount = defineResource<ServiceAccount>({
  group: '',
  version: 'v1',
  resource: 'serviceaccounts',
  metadataChecks: ['changes', 'whole'],
  deleteReturnsObject: true,
  cells: ({ metadata }, now) => [metadata.name ?? '', age(metadata.creationTimestamp, now)],
});
