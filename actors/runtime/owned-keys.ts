import { keyOf, type KubeObject } from '../../schemas/meta/object.ts';
import type { Selector } from '../../schemas/meta/selectors.ts';
import type { Informer } from './informer.ts';
import { controllerOf } from './owners.ts';
import { BY_NAMESPACE, byNamespace } from './store.ts';

/**
 * Whom a change of an object concerns: the owner of the kind that manages it, or, while nobody does, all that might adopt
 * it; of an object that has changed hands or labels also those from before.
 */
export function ownedKeys<T extends KubeObject>(
  owners: Informer<T>,
  kind: string,
  selectorOf: (owner: T) => Selector,
): (object: KubeObject, old: KubeObject | undefined) => Iterable<string> {
  owners.addIndex(BY_NAMESPACE, byNamespace);
  function* of(object: KubeObject): Iterable<string> {
    const controller = controllerOf(object);
    const { namespace, labels } = object.metadata;
    if (controller) {
      if (controller.kind === kind) yield `${namespace}/${controller.name}`;
      return;
    }
    for (const owner of owners.byIndex(BY_NAMESPACE, namespace!)) if (selectorOf(owner).matches(labels)) yield keyOf(owner); // prettier-ignore
  }
  return function* (object, old) {
    yield* of(object);
    if (old && (controllerOf(old)?.uid !== controllerOf(object)?.uid || old.metadata.labels !== object.metadata.labels))
      yield* of(old);
  };
}
