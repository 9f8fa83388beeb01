import { podSecretNames } from '../../../schemas/core/pod-secrets.ts';
import type { Pod, Secret, ServiceAccount } from '../../../schemas/generated/core-v1.ts';
import { formatTime, parseTime } from '../../../schemas/meta/time.ts';
import { ACCOUNT_NAME, ACCOUNT_UID } from '../../runtime/account-tokens.ts';
import type { Decision, Intent } from '../../runtime/intent.ts';
import { secrets as secretsResource } from '../../runtime/resources.ts';
import { timeOf } from '../../runtime/time.ts';

const DAY_MS = 86_400_000;
/** Source: pkg/controller/serviceaccount/legacy_serviceaccount_token_cleaner.go, --legacy-service-account-token-clean-up-period. */
export const UNUSED_MS = 365 * DAY_MS;
const LOOK_MS = DAY_MS;
const LAST_USED = 'kubernetes.io/legacy-token-last-used';
const INVALID_SINCE = 'kubernetes.io/legacy-token-invalid-since';

export interface Observed {
  /** Of all namespaces, of the type for service accounts' tokens. */
  readonly secrets: Iterable<Secret>;
  /** By `namespace/name`. */
  readonly account: (key: string) => ServiceAccount | undefined;
  readonly podsOf: (namespace: string) => Iterable<Pod>;
  /** The day from which on the API server notes uses: `2026-01-31`; undefined: nobody knows. */
  readonly trackedSince: string | undefined;
}
const DATE = /^\d{4}-\d\d-\d\d$/;
const dayOf = (ms: number): string => formatTime(ms).slice(0, 10);
/** undefined: it is no day of any calendar. */
function timeOfDay(day: string | undefined): number | undefined {
  return day !== undefined && DATE.test(day) ? parseTime(`${day}T00:00:00Z`) : undefined;
}

/**
 * Tokens that were once made for every account, and that nobody has used for a year, are marked as invalid, and taken away
 * after another. Looks once a day.
 */
export function reconcile(observed: Observed, now: number): Decision {
  const since = timeOfDay(observed.trackedSince);
  const requeueAfterMs = LOOK_MS;
  if (since === undefined || now < since + DAY_MS + UNUSED_MS) return { intents: [], requeueAfterMs };
  const mounted = new Map<string, ReadonlySet<string>>();
  const mountedIn = (namespace: string): ReadonlySet<string> => {
    let names = mounted.get(namespace);
    if (names === undefined)
      mounted.set(
        namespace,
        (names = new Set([...observed.podsOf(namespace)].flatMap((pod) => [...podSecretNames(pod)]))),
      );
    return names;
  };
  const intents: Intent[] = [];
  for (const secret of observed.secrets) {
    if (!isUnused(secret, now) || !wasMadeForAccount(secret, observed.account)) continue;
    if (mountedIn(secret.metadata.namespace ?? '').has(secret.metadata.name ?? '')) continue;
    const intent = end(secret, now);
    if (intent !== undefined) intents.push(intent);
  }
  return { intents, requeueAfterMs };
}
function isUnused({ metadata }: Secret, now: number): boolean {
  const made = timeOf(metadata.creationTimestamp);
  if (made === undefined || made >= now - UNUSED_MS || metadata.deletionTimestamp !== undefined) return false;
  const last = metadata.labels?.[LAST_USED];
  // Without the label it has not been used since uses are noted.
  return last === undefined || (timeOfDay(last) !== undefined && last < dayOf(now - UNUSED_MS));
}
/** Only those that the account names were made without anybody's asking. */
function wasMadeForAccount({ metadata }: Secret, find: Observed['account']): boolean {
  const name = metadata.annotations?.[ACCOUNT_NAME];
  const account = name ? find(`${metadata.namespace}/${name}`) : undefined;
  const uid = metadata.annotations?.[ACCOUNT_UID];
  if (account === undefined || (uid && uid !== account.metadata.uid)) return false;
  return account.secrets?.some((ref) => ref.name === metadata.name) ?? false;
}
function end({ metadata }: Secret, now: number): Intent | undefined {
  const { name = '', namespace, uid, resourceVersion, labels } = metadata;
  const invalid = labels?.[INVALID_SINCE];
  if (timeOfDay(invalid) === undefined) {
    const patch = { metadata: { uid, labels: { [INVALID_SINCE]: dayOf(now) } } };
    return { op: 'patch', gvr: secretsResource, namespace, name, type: 'merge', patch, tolerate: ['NotFound'] };
  }
  if (invalid! >= dayOf(now - UNUSED_MS)) return undefined;
  return { op: 'delete', gvr: secretsResource, namespace, name, resourceVersion, tolerate: ['NotFound'] };
} // prettier-ignore
