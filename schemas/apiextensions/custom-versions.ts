import { Unconverted } from '../convert.ts';
import type { CustomVersions } from '../define.ts';
import type { JSONSchemaProps } from '../generated/apiextensions-v1.ts';
import { equal } from '../meta/equal.ts';
import type { KubeObject } from '../meta/object.ts';
import { isAsRead } from '../structural/custom-values.ts';
import { readConverted, readStored } from './custom-object.ts';

/** Brings objects to another version, in the order given; throws what its user is to be told. */
export type Convert = (objects: readonly KubeObject[], apiVersion: string) => Promise<readonly KubeObject[]>;

/** What a webhook answered, and what of it the version knows. */
interface Made {
  readonly raw: KubeObject;
  readonly fit: KubeObject;
}
/** Of objects that are made anew each time they are asked for. */
const MAX_TEXTS = 32;

/** By apiVersion; of all versions, also those that are not served. */
export type Schemas = Readonly<Record<string, JSONSchemaProps>>;
/** What is always held of a definition. */
interface Versions {
  readonly group: string;
  readonly storage: string;
  readonly isRemote: boolean;
}
/** Source: apiextensions-apiserver customresource_handler.go crdConversionRESTOptionsGetter. */
export function customVersions(of: Versions, schemas: () => Schemas, convert: Convert | undefined): CustomVersions {
  const schemaOf = (apiVersion: string): JSONSchemaProps => schemas()[apiVersion] ?? {};
  const storage = `${of.group}/${of.storage}`;
  const isRemote = of.isRemote && convert !== undefined;
  /** What is stored may have been written under an older schema: pruned and defaulted by this one. */
  const read = new WeakMap<KubeObject, KubeObject>();
  const asRead = (object: KubeObject): KubeObject => {
    let known = read.get(object);
    if (known === undefined) {
      const schema = schemaOf(object.apiVersion);
      known = isAsRead(object, schema) ? object : readStored(object, schema);
      read.set(object, known);
    }
    return known;
  };
  /** Into a version's own structure; defaults of that version are for requests only. */
  const fit = (object: KubeObject, from: string, apiVersion: string): KubeObject => {
    const schema = schemaOf(apiVersion);
    // Most definitions give all versions one schema: nothing to look for.
    if (!isRemote && equal(schema, schemaOf(from))) return { ...object, apiVersion };
    return readConverted({ ...object, apiVersion }, schema);
  };
  const remote = new WeakMap<KubeObject, Map<string, Made>>();
  const texts = new Map<string, Made>();
  const textOf = (object: KubeObject, apiVersion: string): string => `${apiVersion} ${JSON.stringify(object)}`;
  const keep = (object: KubeObject, apiVersion: string, made: Made): void => {
    const known = remote.get(object) ?? new Map<string, Made>();
    remote.set(object, known.set(apiVersion, made));
    if (texts.size >= MAX_TEXTS) texts.delete(texts.keys().next().value!);
    texts.set(textOf(object, apiVersion), made);
  };
  const known = (object: KubeObject, apiVersion: string): Made | undefined =>
    remote.get(object)?.get(apiVersion) ?? texts.get(textOf(object, apiVersion));
  async function prepare(objects: readonly KubeObject[], apiVersion: string): Promise<void> {
    const wanted = objects.map(asRead).filter((o) => o.apiVersion !== apiVersion && !known(o, apiVersion));
    if (wanted.length === 0) return;
    const made = await convert!(wanted, apiVersion);
    for (const [i, object] of wanted.entries())
      keep(object, apiVersion, { raw: made[i]!, fit: fit(made[i]!, object.apiVersion, apiVersion) });
  }
  const found = (source: KubeObject, apiVersion: string): Made => {
    const made = known(source, apiVersion);
    if (made === undefined) throw new Unconverted(() => prepare([source], apiVersion));
    return made;
  };
  return {
    isRemote,
    prepare,
    served(object, apiVersion) {
      const source = asRead(object);
      if (source.apiVersion === apiVersion) return source;
      return isRemote ? found(source, apiVersion).fit : fit(source, source.apiVersion, apiVersion);
    },
    raw(object, apiVersion) {
      if (object.apiVersion === apiVersion) return object;
      return isRemote ? found(asRead(object), apiVersion).raw : { ...object, apiVersion };
    },
    stored(object) {
      if (object.apiVersion === storage) return object;
      if (!isRemote) return fit(object, object.apiVersion, storage);
      return convert([object], storage).then(([made]) => fit(made!, object.apiVersion, storage));
    },
  };
}
