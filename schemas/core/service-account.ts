import { defineResource } from '../define.ts';
import type { ServiceAccount } from '../generated/core-v1.ts';
import { age } from '../meta/time.ts';

/** Of the secrets nothing but the names is kept. Source: pkg/registry/core/serviceaccount strategy.go cleanSecretReferences. */
function namesOnly(draft: ServiceAccount): ServiceAccount {
  if (draft.secrets) draft.secrets = draft.secrets.map(({ name }) => ({ ...(name && { name }) }));
  return draft;
}
const ENFORCE = 'kubernetes.io/enforce-mountable-secrets';
/** Source: pkg/registry/core/serviceaccount strategy.go warnIfHasEnforceMountableSecretsAnnotation. */
const warnings = (account: ServiceAccount, old: ServiceAccount | undefined): string[] =>
  account.metadata.annotations?.[ENFORCE] !== undefined && old?.metadata.annotations?.[ENFORCE] === undefined
    ? [
        `metadata.annotations[${ENFORCE}]: deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets`,
      ]
    : [];
export const serviceAccount = defineResource<ServiceAccount>({
  group: '',
  version: 'v1',
  resource: 'serviceaccounts',
  metadataChecks: ['changes', 'whole'],
  deleteReturnsObject: true,
  prepareForCreate: namesOnly,
  prepareForUpdate: namesOnly,
  warnings,
  cells: ({ metadata }, now) => [metadata.name ?? '', age(metadata.creationTimestamp, now)],
});
