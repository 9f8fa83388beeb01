import { toBase64 } from '../../../schemas/core/base64.ts';
import type { Secret, ServiceAccount } from '../../../schemas/generated/core-v1.ts';
import { ACCOUNT_NAME, ACCOUNT_UID } from '../../runtime/account-tokens.ts';
import type { Decision, Intent } from '../../runtime/intent.ts';
import { secrets, serviceAccounts } from '../../runtime/resources.ts';

/** What a Secret of a service account has to hold. Source: pkg/controller/serviceaccount/tokens_controller.go. */
export interface Observed {
  readonly secret: Secret;
  /** Whom it is for; undefined: there is no such account, or another of its name. */
  readonly account: ServiceAccount | undefined;
  /** PEM of the cluster's authority. */
  readonly ca: string;
  /** A new token for the account, if the Secret holds none. */
  readonly token: string | undefined;
}

export const holdsToken = ({ data }: Secret): boolean => !!data?.['token'];
export const isWhole = (secret: Secret, ca: string): boolean =>
  holdsToken(secret) && !!secret.data?.['namespace'] && (ca === '' || secret.data['ca.crt'] === toBase64(ca));

/** What the token says. Source: pkg/serviceaccount/legacy.go LegacyClaims. */
export function claimsOf(
  { metadata: { namespace = '', name = '', uid = '' } }: ServiceAccount,
  secret: Secret,
): object {
  return {
    iss: 'kubernetes/serviceaccount',
    'kubernetes.io/serviceaccount/namespace': namespace,
    'kubernetes.io/serviceaccount/secret.name': secret.metadata.name,
    'kubernetes.io/serviceaccount/service-account.name': name,
    'kubernetes.io/serviceaccount/service-account.uid': uid,
    sub: `system:serviceaccount:${namespace}:${name}`,
  };
}

/** Fills the Secret of an account that is there; takes away that of one that is not. */
export function reconcile({ secret, account, ca, token }: Observed): Decision {
  const { name = '', namespace, uid, deletionTimestamp } = secret.metadata;
  if (account === undefined) {
    if (deletionTimestamp !== undefined) return { intents: [] };
    return { intents: [{ op: 'delete', gvr: secrets, namespace, name, uid, tolerate: ['NotFound'] }] };
  }
  if (isWhole(secret, ca)) return { intents: [] };
  const data = {
    ...secret.data,
    ...(ca !== '' && { 'ca.crt': toBase64(ca) }),
    ...(!secret.data?.['namespace'] && { namespace: toBase64(namespace ?? '') }),
    ...(!holdsToken(secret) && token !== undefined && { token: toBase64(token) }),
  };
  const annotations = {
    ...secret.metadata.annotations,
    [ACCOUNT_NAME]: account.metadata.name ?? '',
    [ACCOUNT_UID]: account.metadata.uid ?? '',
  };
  const object: Secret = { ...secret, metadata: { ...secret.metadata, annotations }, data };
  // Whoever has changed it meanwhile is heard of, and what he made of it is looked at then.
  return { intents: [{ op: 'update', gvr: secrets, object, tolerate: ['NotFound'] }] };
}

/** A Secret that is gone is no longer named by its account. `uid` of the account; empty: any. */
export function withoutReference(account: ServiceAccount | undefined, uid: string, secret: string): readonly Intent[] {
  if (account === undefined || (uid !== '' && account.metadata.uid !== uid)) return [];
  const kept = (account.secrets ?? []).filter(({ name }) => name !== secret);
  if (kept.length === (account.secrets ?? []).length) return [];
  return [{ op: 'update', gvr: serviceAccounts, object: { ...account, secrets: kept } as ServiceAccount, tolerate: ['NotFound'] }]; // prettier-ignore
}
