import type { Clock } from '../../../bus/world.ts';
import type { ConfigMap, Namespace } from '../../../schemas/generated/core-v1.ts';
import { statusOf } from '../../../schemas/meta/status.ts';
import { reconciling, startController, type Controller } from '../../runtime/controller.ts';
import { source } from '../../runtime/source.ts';
import type { ControllerDeps } from '../../runtime/controller-deps.ts';
import { unlessTerminating } from '../../runtime/errors.ts';
import type { Registry } from '../../runtime/metrics/registry.ts';
import { exponentialBuckets } from '../../runtime/metrics/series.ts';
import { configMaps as configMapsResource, namespaces as namespacesResource } from '../../runtime/resources.ts';
import { NAME, reconcile } from './reconcile.ts';

/** Publishes the cluster's CA (PEM) as ConfigMap kube-root-ca.crt in each namespace. */
export function startRootCaCertPublisher(deps: ControllerDeps, ca: string): Controller {
  const client = deps.client('controller:root-ca-cert-publisher');
  const namespaces = deps.informers.for<Namespace>(namespacesResource);
  // Only the ones of this name: what other ConfigMaps hold does not belong into this process's memory.
  const configMaps = deps.informers.for<ConfigMap>(configMapsResource, { fieldSelector: `metadata.name=${NAME}` });
  const sync = unlessTerminating(
    reconciling((key: string) => {
      const namespace = namespaces.get(key);
      return namespace && { namespace, configMap: configMaps.get(`${key}/${NAME}`), ca };
    }, reconcile),
  );
  const told = deps.metrics && syncMetrics(deps.metrics, deps.world.clock);
  return startController({
    name: 'root-ca-cert-publisher',
    ...deps,
    client,
    sources: [
      source(namespaces, (namespace) => [namespace.metadata.name!]),
      source(configMaps, (configMap) => [configMap.metadata.namespace!]),
    ],
    sync: told ? (context) => told(sync(context)) : sync,
  });
}
/** Source: pkg/controller/certificates/rootcacertpublisher metrics.go, helps and all. */
function syncMetrics(registry: Registry, clock: Clock): <T>(sync: Promise<T>) => Promise<T> {
  const elapsed = clock.elapsed ?? (() => clock.now());
  const of = (what: string) => {
    const help = 'Number of namespace syncs happened in root ca cert publisher.';
    return { name: `root_ca_cert_publisher_${what}`, stability: 'ALPHA', help } as const;
  };
  const syncs = registry.counter(of('sync_total'));
  const durations = registry.histogram(of('sync_duration_seconds'), exponentialBuckets(0.001, 2, 15));
  return async (sync) => {
    const began = elapsed();
    let code = '200';
    try {
      return await sync;
    } catch (error) {
      code = String(statusOf(error)?.code ?? 500);
      throw error;
    } finally {
      syncs.add({ code });
      durations.add({ code }, (elapsed() - began) / 1_000);
    }
  };
}
