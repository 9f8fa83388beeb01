import type { PersistentVolumeClaim, Pod, ResourceQuota, Service } from '../../../schemas/generated/core-v1.ts';
import type { QuotaSubject } from '../../../schemas/helpers/quota-usage.ts';
import { isTerminal } from '../../../schemas/helpers/pod-resources.ts';
import { equal } from '../../../schemas/meta/equal.ts';
import { keyOf, type DynamicObject, type KubeObject } from '../../../schemas/meta/object.ts';
import { startController, type Controller } from '../../runtime/controller.ts';
import { source } from '../../runtime/source.ts';
import type { ControllerDeps } from '../../runtime/controller-deps.ts';
import type { Informer } from '../../runtime/informer.ts';
import { kindsOf } from '../../runtime/kinds.ts';
import { persistentVolumeClaims, pods as podsResource, services as servicesResource } from '../../runtime/resources.ts';
import { reconcile, resourceQuotas, subjectsOf } from './reconcile.ts';

/**
 * Measures what is used of quotas. Admission charges creates; this one fills in the first status, and gives back what
 * was deleted or has ended.
 */
export function startResourceQuotaController(deps: ControllerDeps): Controller {
  const client = deps.client('controller:resourcequota');
  const quotas = deps.informers.for<ResourceQuota>(resourceQuotas);
  const pods = deps.informers.for<Pod>(podsResource);
  const services = deps.informers.for<Service>(servicesResource);
  const claims = deps.informers.for<PersistentVolumeClaim>(persistentVolumeClaims);
  const kinds = kindsOf(deps.informers);
  quotas.addIndex('namespace', (quota) => [quota.metadata.namespace!]);
  for (const informer of [pods, services, claims] as Informer<KubeObject>[])
    informer.addIndex('namespace', (object) => [object.metadata.namespace!]);
  const measured: Readonly<Record<string, Informer<KubeObject>>> = { pods, services, persistentvolumeclaims: claims };

  const inNamespace = (namespace: string): string[] => [...quotas.byIndex('namespace', namespace)].map(keyOf);
  /** What is still there was charged by admission. */
  const whenGone =
    (informer: Informer<KubeObject>) =>
    (object: KubeObject): string[] =>
      informer.get(keyOf(object)) === undefined ? inNamespace(object.metadata.namespace!) : [];

  /** Kinds that are only counted; their caches hold metadata alone. */
  const counted = new Map<string, Informer<KubeObject>>();
  const informerOf = (subject: QuotaSubject): Informer<KubeObject> | undefined => {
    if (subject.group === '' && measured[subject.resource] !== undefined) return measured[subject.resource];
    const id = `${subject.group}/${subject.resource}`;
    let informer = counted.get(id);
    if (informer === undefined) {
      const kind = [...kinds.all()].find((k) => k.gvr.group === subject.group && k.gvr.resource === subject.resource);
      if (kind === undefined) return undefined;
      informer = deps.informers.metadata(kind.gvr);
      counted.set(id, informer);
      informer.on({
        delete: ({ metadata }) => inNamespace(metadata.namespace ?? '').forEach((key) => controller.enqueue(key)),
      });
    }
    return informer;
  };
  kinds.on({
    add: () => undefined,
    // Its cache is stopped; should the kind come back it has another.
    remove: ({ gvr }) => void counted.delete(`${gvr.group}/${gvr.resource}`),
  });
  const objectsIn = (namespace: string, informer: Informer<KubeObject>, indexed: boolean): Iterable<DynamicObject> =>
    (indexed
      ? informer.byIndex('namespace', namespace)
      : [...informer.all()].filter((o) => o.metadata.namespace === namespace)) as Iterable<DynamicObject>;

  const controller = startController({
    name: 'resourcequota',
    ...deps,
    client,
    sources: [
      source(quotas, (quota, old) =>
        old !== undefined && equal(quota.spec, old.spec) && quota.status?.hard !== undefined ? [] : [keyOf(quota)],
      ),
      source(pods, (pod, old) =>
        old !== undefined && isTerminal(pod) && !isTerminal(old)
          ? inNamespace(pod.metadata.namespace!)
          : whenGone(pods as Informer<KubeObject>)(pod),
      ),
      source(services as Informer<KubeObject>, whenGone(services as Informer<KubeObject>)),
      source(claims as Informer<KubeObject>, whenGone(claims as Informer<KubeObject>)),
    ],
    sync: async ({ key, now, execute }) => {
      const quota = quotas.get(key);
      if (quota === undefined) return {};
      const subjects = subjectsOf(quota);
      if (subjects.some((s) => s.group !== '' || measured[s.resource] === undefined)) await kinds.synced;
      const found = subjects.map((s) => informerOf(s)).filter((i) => i !== undefined);
      await Promise.all(found.map((informer) => informer.synced));
      const { intents, requeueAfterMs } = reconcile(
        {
          quota,
          objects: (subject) => {
            const informer = informerOf(subject);
            const indexed = subject.group === '' && measured[subject.resource] !== undefined;
            return informer && objectsIn(quota.metadata.namespace!, informer, indexed);
          },
        },
        now,
      );
      await execute(intents);
      return { requeueAfterMs };
    },
  });
  return controller;
}
