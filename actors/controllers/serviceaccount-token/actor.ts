import type { Secret, ServiceAccount } from '../../../schemas/generated/core-v1.ts';
import { keyOf } from '../../../schemas/meta/object.ts';
import { ACCOUNT_NAME, ACCOUNT_UID, accountTokens } from '../../runtime/account-tokens.ts';
import type { ApiClient } from '../../runtime/api-client.ts';
import { startController, type Controller } from '../../runtime/controller.ts';
import { source } from '../../runtime/source.ts';
import type { ControllerDeps } from '../../runtime/controller-deps.ts';
import { isNotFound } from '../../runtime/errors.ts';
import { secrets as secretsResource, serviceAccounts } from '../../runtime/resources.ts';
import { claimsOf, holdsToken, isWhole, reconcile, withoutReference } from './reconcile.ts';

/** Signs the claims of a service account's token by the cluster's key. */
export type IssueToken = (claims: object) => string | Promise<string>;
const BY_ACCOUNT = 'account';
const accountOf = ({ metadata }: Secret): string =>
  `${metadata.namespace}/${metadata.annotations?.[ACCOUNT_NAME] ?? ''}`;

/**
 * Fills Secrets of type kubernetes.io/service-account-token with a token of their account, and takes them away with it. Where
 * the key is not at hand (`issue` undefined) it does nothing, as kube-controller-manager without one. Keys are
 * `secret/<namespace>/<name>`, and `reference/<namespace>/<account>/<secret>/<uid of the account>` for those that are gone.
 */
export function startServiceAccountTokens(deps: ControllerDeps, ca: string, issue: IssueToken | undefined): Controller {
  const client = deps.client('controller:serviceaccount-token');
  if (issue === undefined)
    return startController({ name: 'serviceaccount-token', ...deps, client, sources: [], sync: async () => undefined });
  const secrets = accountTokens(deps.informers);
  secrets.addIndex(BY_ACCOUNT, (secret) => [accountOf(secret)]);
  const accounts = deps.informers.for<ServiceAccount>(serviceAccounts);

  const keyOfSecret = (secret: Secret): string =>
    secrets.get(keyOf(secret)) === undefined
      ? `reference/${accountOf(secret)}/${secret.metadata.name}/${secret.metadata.annotations?.[ACCOUNT_UID] ?? ''}`
      : `secret/${keyOf(secret)}`;
  const uidOf = ({ metadata }: Secret): string => metadata.annotations?.[ACCOUNT_UID] ?? '';
  const isMeant = (account: ServiceAccount | undefined, uid: string): boolean =>
    account !== undefined && (uid === '' || uid === account.metadata.uid);

  async function fill(key: string, signal: AbortSignal): Promise<ReturnType<typeof reconcile>['intents']> {
    const cached = secrets.get(key);
    if (cached === undefined) return [];
    const uid = uidOf(cached);
    let account = accounts.get(accountOf(cached));
    if (!isMeant(account, uid)) {
      // The cache may be behind: nothing is taken away on its word alone.
      account = await found(client.get<ServiceAccount>(serviceAccounts, accountOf(cached).split('/')[1]!, cached.metadata.namespace, { signal })); // prettier-ignore
      if (!isMeant(account, uid)) account = undefined;
    }
    if (account === undefined) return reconcile({ secret: cached, account, ca, token: undefined }).intents;
    if (isWhole(cached, ca)) return [];
    const secret = await live(client, cached, signal);
    if (secret === undefined) return [];
    const token = holdsToken(secret) ? undefined : await issue!(claimsOf(account, secret));
    return reconcile({ secret, account, ca, token }).intents;
  }

  return startController({
    name: 'serviceaccount-token',
    ...deps,
    client,
    sources: [
      source(secrets, (secret) => [keyOfSecret(secret)]),
      // An account that comes or goes takes the place of one of its name.
      source(accounts, (account, old) => (old ? [] : [...secrets.byIndex(BY_ACCOUNT, keyOf(account))].map(keyOfSecret))),
    ],
    async sync({ key, signal, execute }) {
      const [what, namespace, ...rest] = key.split('/');
      if (what === 'secret') return execute(await fill(`${namespace}/${rest[0]}`, signal));
      const [name = '', secret = '', uid = ''] = rest;
      if (accounts.get(`${namespace}/${name}`) === undefined || secrets.get(`${namespace}/${secret}`)) return;
      const account = await found(client.get<ServiceAccount>(serviceAccounts, name, namespace, { signal }));
      await execute(withoutReference(account, uid, secret));
    },
  });
} // prettier-ignore

/** The Secret as it is now, if it is as the cache says; undefined: its change will be heard of. */
async function live(client: ApiClient, { metadata }: Secret, signal: AbortSignal): Promise<Secret | undefined> {
  const { name = '', namespace, resourceVersion } = metadata;
  const secret = await found(client.get<Secret>(secretsResource, name, namespace, { signal }));
  return secret?.metadata.resourceVersion === resourceVersion ? secret : undefined;
}
async function found<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
