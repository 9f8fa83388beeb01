import { apiVersionOf, type KubeObject } from './meta/object.ts';
import type { Resource } from './resource.ts';

/** The object as the store holds it: in the storage version. Objects of that version are returned as they are. */
export function toStorage(resource: Resource, object: KubeObject): KubeObject {
  const served = apiVersionOf(resource);
  return served === resource.storageVersion
    ? object
    : (resource.definition.conversions?.[served]?.toStorage(object) ?? object);
}
/** The object as this resource's version serves it; shared cache objects are not changed. */
export function fromStorage(resource: Resource, object: KubeObject): KubeObject {
  const served = apiVersionOf(resource);
  if (served === resource.storageVersion) return object;
  return resource.definition.conversions?.[served]?.fromStorage(object) ?? object;
}
