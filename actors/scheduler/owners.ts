import type { Service } from '../../schemas/generated/core-v1.ts';
import { compileMap, compileSelector } from '../../schemas/helpers/label-match.ts';
import type { KubeObject, LabelSelector } from '../../schemas/meta/object.ts';
import type { Selector } from './plugins/plugin.ts';
import type { PodInfo } from './snapshot/pod-info.ts';

/** What is known of those that speak for pods; the informers' caches, as a rule. */
export interface OwnersReader {
  services(namespace: string): Iterable<Service>;
  /** A ReplicaSet, StatefulSet or ReplicationController. */
  owner(kind: string, namespace: string, name: string): KubeObject | undefined;
}
/** What a controller is called that speaks for its pods; a kind of another group may bear the same name. */
const SPEAKERS = new Set(['v1/ReplicationController', 'apps/v1/ReplicaSet', 'apps/v1/StatefulSet']);
const compiledServices = new WeakMap<Service, Selector>();
const compiledOwners = new WeakMap<KubeObject, Selector>();

/**
 * Which pods are "the same" as this one when it says nothing about spreading: those of its Services and of its
 * controller together. Source: scheduler helper.DefaultSelector.
 */
export const ownersSelector =
  (reader: OwnersReader) =>
  (pod: PodInfo): Selector | undefined => {
    const parts: Selector[] = [];
    for (const service of reader.services(pod.namespace)) {
      const selector = serviceSelector(service);
      if (selector?.matches(pod.labels)) parts.push(selector);
    }
    const controller = pod.pod.metadata.ownerReferences?.find((owner) => owner.controller === true);
    const owner =
      controller && SPEAKERS.has(`${controller.apiVersion}/${controller.kind}`)
        ? reader.owner(controller.kind, pod.namespace, controller.name)
        : undefined;
    const own = owner && ownerSelector(owner);
    if (own !== undefined) parts.push(own);
    if (parts.length <= 1) return parts[0];
    return {
      key: parts.map((part) => part.key).join('&'),
      matches: (labels) => parts.every((part) => part.matches(labels)),
    };
  };
function serviceSelector(service: Service): Selector | undefined {
  const pairs = service.spec?.selector;
  if (pairs === undefined || Object.keys(pairs).length === 0) return undefined;
  let selector = compiledServices.get(service);
  if (selector === undefined)
    compiledServices.set(service, (selector = { key: JSON.stringify(pairs), matches: compileMap(pairs) }));
  return selector;
}
function ownerSelector(owner: KubeObject): Selector | undefined {
  let selector = compiledOwners.get(owner);
  if (selector !== undefined) return selector;
  const found = (owner as { spec?: { selector?: unknown } }).spec?.selector;
  if (found === undefined) return undefined;
  const matches =
    owner.kind === 'ReplicationController'
      ? compileMap(found as Record<string, string>)
      : compileSelector(found as LabelSelector);
  compiledOwners.set(owner, (selector = { key: JSON.stringify(found), matches }));
  return selector;
}
