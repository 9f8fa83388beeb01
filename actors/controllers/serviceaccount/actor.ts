import type { Namespace, ServiceAccount } from '../../../schemas/generated/core-v1.ts';
import { reconciling, startController, type Controller } from '../../runtime/controller.ts';
import { source } from '../../runtime/source.ts';
import type { ControllerDeps } from '../../runtime/controller-deps.ts';
import { unlessTerminating } from '../../runtime/errors.ts';
import { namespaces as namespacesResource, serviceAccounts } from '../../runtime/resources.ts';
import { reconcile } from './reconcile.ts';

/** Gives each namespace its default ServiceAccount. */
export function startServiceAccountController(deps: ControllerDeps): Controller {
  const client = deps.client('controller:serviceaccount');
  const namespaces = deps.informers.for<Namespace>(namespacesResource);
  const accounts = deps.informers.for<ServiceAccount>(serviceAccounts);
  return startController({
    name: 'serviceaccount',
    ...deps,
    client,
    sources: [
      source(namespaces, (namespace) => [namespace.metadata.name!]),
      source(accounts, ({ metadata: { name, namespace } }, old) => (name === 'default' && !old ? [namespace!] : [])),
    ],
    sync: unlessTerminating(
      reconciling((key) => {
        const namespace = namespaces.get(key);
        return namespace && { namespace, account: accounts.get(`${key}/default`) };
      }, reconcile),
    ),
  });
}
