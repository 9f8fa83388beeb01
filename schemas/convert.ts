import { apiVersionOf, type KubeObject } from './meta/object.ts';
import type { Resource } from './resource.ts';

/** Thrown where an object is wanted in a version into which somebody else has to bring it first: `load` asks him. */
export class Unconverted extends Error {
  readonly load: () => Promise<void>;
  constructor(load: () => Promise<void>) {
    super('the object has not been converted yet');
    this.load = load;
  }
}
/** A pure computation on objects, begun again each time an object had to be converted elsewhere. Throws what that throws. */
export async function whenConverted<T>(compute: () => T | Promise<T>): Promise<T> {
  for (;;)
    try {
      return await compute();
    } catch (error) {
      if (!(error instanceof Unconverted)) throw error;
      await error.load();
    }
}

/** The object as the store holds it: in the storage version. Objects of that version are returned as they are. */
export function toStorage(resource: Resource, object: KubeObject): KubeObject {
  const served = apiVersionOf(resource);
  return served === resource.storageVersion
    ? object
    : (resource.definition.conversions?.[served]?.toStorage(object) ?? object);
}
/** The object as this resource's version serves it; shared cache objects are not changed. Throws Unconverted. */
export function fromStorage(resource: Resource, object: KubeObject): KubeObject {
  const { custom, conversions } = resource.definition;
  const served = apiVersionOf(resource);
  if (custom !== undefined) return custom.versions.served(object, served);
  if (served === resource.storageVersion) return object;
  return conversions?.[served]?.fromStorage(object) ?? object;
}

/*
 * A request works on objects of the storage version; of a custom kind, on those of the version that it names, as there
 * each has rules of its own.
 */
/** What a request works on, from what the store holds. Throws Unconverted. */
export const workedOn = (resource: Resource, stored: KubeObject): KubeObject =>
  resource.definition.custom === undefined ? stored : fromStorage(resource, stored);
/** The same from the version that the request names. */
export const toWorkedOn = (resource: Resource, object: KubeObject): KubeObject =>
  resource.definition.custom === undefined ? toStorage(resource, object) : object;
/** In the version that the request names, from what it works on. */
export const fromWorkedOn = (resource: Resource, object: KubeObject): KubeObject =>
  resource.definition.custom === undefined ? fromStorage(resource, object) : object;
