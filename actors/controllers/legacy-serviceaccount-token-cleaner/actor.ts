import type { ConfigMap, Pod, ServiceAccount } from '../../../schemas/generated/core-v1.ts';
import { accountTokens } from '../../runtime/account-tokens.ts';
import { startController, type Controller } from '../../runtime/controller.ts';
import type { ControllerDeps } from '../../runtime/controller-deps.ts';
import { isNotFound } from '../../runtime/errors.ts';
import { configMaps, pods as podsResource, serviceAccounts } from '../../runtime/resources.ts';
import { BY_NAMESPACE, byNamespace } from '../../runtime/store.ts';
import { reconcile } from './reconcile.ts';

const TRACKING = 'kube-apiserver-legacy-service-account-token-tracking';

/** Takes away service accounts' tokens of old that nobody uses: once a day, under one key. */
export function startLegacyTokenCleaner(deps: ControllerDeps): Controller {
  const client = deps.client('controller:legacy-serviceaccount-token-cleaner');
  const secrets = accountTokens(deps.informers);
  const accounts = deps.informers.for<ServiceAccount>(serviceAccounts);
  const pods = deps.informers.for<Pod>(podsResource);
  pods.addIndex(BY_NAMESPACE, byNamespace);
  return startController({
    name: 'legacy-serviceaccount-token-cleaner',
    ...deps,
    client,
    sources: [],
    reads: [secrets, accounts, pods],
    onActive: (enqueue) => enqueue('tokens'),
    async sync({ now, signal, execute }) {
      const { intents, requeueAfterMs } = reconcile(
        {
          // A copy: the cache goes on while they are looked at.
          secrets: [...secrets.all()],
          account: (key) => accounts.get(key),
          podsOf: (namespace) => pods.byIndex(BY_NAMESPACE, namespace),
          // Of a cluster without such tokens nobody needs to know.
          trackedSince: secrets.size === 0 ? undefined : await since(signal),
        },
        now,
      );
      await execute(intents);
      return { requeueAfterMs };
    },
  });
  async function since(signal: AbortSignal): Promise<string | undefined> {
    try {
      return (await client.get<ConfigMap>(configMaps, TRACKING, 'kube-system', { signal })).data?.['since'];
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }
}
