import type { ConfigMap, Namespace } from '../../../schemas/generated/core-v1.ts';
import { reconciling, source, startController, type Controller } from '../../runtime/controller.ts';
import type { ControllerDeps } from '../../runtime/controller-deps.ts';
import { configMaps as configMapsResource, namespaces as namespacesResource } from '../../runtime/resources.ts';
import { NAME, reconcile } from './reconcile.ts';

/** Publishes the cluster's CA (PEM) as ConfigMap kube-root-ca.crt in each namespace. */
export function startRootCaCertPublisher(deps: ControllerDeps, ca: string): Controller {
  const client = deps.client('controller:root-ca-cert-publisher');
  const namespaces = deps.informers.for<Namespace>(namespacesResource);
  // Only the ones of this name: what other ConfigMaps hold does not belong into this process's memory.
  const configMaps = deps.informers.for<ConfigMap>(configMapsResource, { fieldSelector: `metadata.name=${NAME}` });
  return startController({
    name: 'root-ca-cert-publisher',
    ...deps,
    client,
    sources: [
      source(namespaces, (namespace) => [namespace.metadata.name!]),
      source(configMaps, (configMap) => [configMap.metadata.namespace!]),
    ],
    sync: reconciling((key) => {
      const namespace = namespaces.get(key);
      return namespace && { namespace, configMap: configMaps.get(`${key}/${NAME}`), ca };
    }, reconcile),
  });
}
