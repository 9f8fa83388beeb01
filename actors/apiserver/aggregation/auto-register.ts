import type { CustomResourceDefinition } from '../../../schemas/generated/apiextensions-v1.ts';
import type { APIService } from '../../../schemas/generated/apiregistration-v1.ts';
import type { KubeObject } from '../../../schemas/meta/object.ts';
import { attempt, resourceOf, type Ground } from '../bootstrap/ensure.ts';
import { API_SERVICES } from './registered.ts';
import { createRetried, type Retried } from './retried.ts';

const DEFINITIONS = { group: 'apiextensions.k8s.io', version: 'v1', resource: 'customresourcedefinitions' };
const MANAGED = 'kube-aggregator.kubernetes.io/automanaged';
/** Source: client-go util/workqueue DefaultControllerRateLimiter. Nothing is looked at again for its own sake. */
const PACE = { firstMs: 5, maxMs: 1_000_000, againMs: Infinity };
type Api = APIService & KubeObject;

/**
 * Each version of each group of custom kinds has an APIService, made again when it is deleted, put back when it is
 * changed, deleted when nothing is served there any more; one that does not say that it is managed is left alone.
 * Source: kubernetes pkg/controlplane/controller/crdregistration, kube-aggregator pkg/controllers/autoregister.
 */
export function registerCustomGroups(ground: Ground): Retried {
  const { cache, loopback, world } = ground;
  const apis = resourceOf(ground, API_SERVICES);
  const definitions = resourceOf(ground, DEFINITIONS);
  /** By `version.group`: the definitions that serve it. */
  const served = new Map<string, Set<string>>();
  const note = (crd: CustomResourceDefinition, is: boolean): void => {
    const name = crd.metadata?.name ?? '';
    for (const version of crd.spec.versions) {
      const key = `${version.name}.${crd.spec.group}`;
      const by = served.get(key) ?? new Set<string>();
      if (is && version.served) served.set(key, by.add(name));
      else if (by.delete(name) && by.size === 0) served.delete(key);
      retried.add(key);
    }
  };
  const retried = createRetried(world, PACE, async (name) => {
    const present = cache.get<Api>(apis, '', name);
    if (!served.has(name)) {
      retried.forget(name);
      if (present?.metadata.labels?.[MANAGED] === 'true') await attempt(ground, () => loopback.delete(apis, '', name));
      return;
    }
    const wanted = desired(name);
    if (present === undefined) return attempt(ground, () => loopback.create(apis, wanted));
    if (present.metadata.labels?.[MANAGED] !== 'true' || isSpec(present.spec, wanted.spec)) return;
    await attempt(ground, () => loopback.update(apis, { ...present, spec: wanted.spec }));
  });
  const stops = [
    cache.onChange(definitions, (object, old) => {
      if (old !== undefined) note(old as unknown as CustomResourceDefinition, false);
      if (object !== undefined) note(object as unknown as CustomResourceDefinition, true);
    }),
    cache.onChange(apis, (object, old) => {
      const { name = '', labels } = (object ?? old)!.metadata;
      if (served.has(name) || labels?.[MANAGED] === 'true') retried.add(name);
    }),
  ];
  for (const crd of cache.list<CustomResourceDefinition>(definitions)) note(crd, true);
  for (const api of cache.list<Api>(apis))
    if (api.metadata.labels?.[MANAGED] === 'true') retried.add(api.metadata.name ?? '');
  return {
    ...retried,
    stop() {
      for (const stop of stops) stop();
      retried.stop();
    },
  };
}
const desired = (name: string): Api & { spec: NonNullable<Api['spec']> } => {
  const dot = name.indexOf('.');
  return {
    apiVersion: 'apiregistration.k8s.io/v1',
    kind: 'APIService',
    metadata: { name, labels: { [MANAGED]: 'true' } },
    spec: { group: name.slice(dot + 1), version: name.slice(0, dot), groupPriorityMinimum: 1000, versionPriority: 100 },
  };
};
const isSpec = (is: APIService['spec'], wanted: APIService['spec']): boolean =>
  is?.group === wanted?.group && is?.version === wanted?.version && is?.groupPriorityMinimum === wanted?.groupPriorityMinimum &&
  is?.versionPriority === wanted?.versionPriority && !is?.service && !is?.caBundle && !is?.insecureSkipTLSVerify; // prettier-ignore
