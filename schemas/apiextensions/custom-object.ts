import type { JSONSchemaProps } from '../generated/apiextensions-v1.ts';
import type { DynamicObject, KubeObject } from '../meta/object.ts';
import { builtinSchemas } from '../structural/builtin.ts';
import { dropNulls, fillDefaults, isObject, prune, schemaOf } from '../structural/custom-values.ts';
import { decode, type Decoded } from '../structural/decode.ts';
import { withoutEmpties } from '../structural/empties.ts';
import type { FieldSchema } from '../structural/schema.ts';

const OBJECT_META = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';
const META: FieldSchema = { fields: { metadata: { ref: OBJECT_META } } };

/**
 * Reads a body of a custom kind: unknown fields and nulls dropped, defaults filled in, metadata as everywhere. Types are
 * not looked at: that is validation's. What was applied keeps its nulls. `apiVersion` is the one of the
 * endpoint; what is of another one is read by that one's schema, if there is one.
 * Throws BadRequest on malformed metadata.
 */
export function readCustom(
  value: unknown,
  schemas: Readonly<Record<string, JSONSchemaProps>>,
  apiVersion: string,
  kind: string,
  keepsNulls = false,
): Decoded {
  const given = isObject(value) ? value : {};
  const claimed = given['apiVersion'];
  const version = typeof claimed === 'string' && claimed !== '' ? claimed : apiVersion;
  const schema = Object.hasOwn(schemas, version) ? schemas[version]! : {};
  // What says to be of another kind is refused later; until then nobody's schema is for it.
  const isOther = typeof given['kind'] === 'string' && given['kind'] !== '' && given['kind'] !== kind;
  const pruned = isOther ? { value: structuredClone(given), unknown: [] } : prune(given, schema);
  const object = pruned.value as DynamicObject;
  const unknown = pruned.unknown.map((path) => `unknown field ${JSON.stringify(path)}`);
  const problems: string[] = [];
  const { metadata: meta } = given;
  if (meta !== undefined && meta !== null) {
    const { object: read, strict } = keepsNulls && isObject(meta) ? wellFormed(meta) : readMeta(meta, kind);
    object.metadata = read as DynamicObject['metadata'];
    problems.push(...strict.map((text) => text.replace('field "', 'field "metadata.')));
  } else object.metadata = {};
  problems.push(...unknown);
  if (isOther) return { object, strict: problems };
  embeddedMeta(object, schema, '', problems);
  if (!keepsNulls) dropNulls(object, schema);
  fillDefaults(object, schema);
  return { object, strict: problems };
}
/** What was stored under an older schema as the present one has it. Metadata is as it is. */
export function readStored(object: KubeObject, schema: JSONSchemaProps): KubeObject {
  const out = readConverted(object, schema);
  fillDefaults(out, schema);
  return out;
}
/** The same without defaults: those are for what comes from a client or from the store. */
export function readConverted({ metadata, ...rest }: KubeObject, schema: JSONSchemaProps): KubeObject {
  const out = prune(rest, schema).value as DynamicObject;
  dropNulls(out, schema);
  embeddedMeta(out, schema, '', []);
  return { ...out, metadata };
}
const readMeta = (meta: unknown, kind: string): Decoded =>
  printed(
    decode(meta, builtinSchemas.definition(OBJECT_META)!, builtinSchemas, { kind }),
    builtinSchemas.definition(OBJECT_META)!,
  );
/** Metadata is printed again at once, for the object has no struct. */
const printed = (decoded: Decoded, schema: FieldSchema): Decoded =>
  decoded.empties ? { ...decoded, object: withoutEmpties(decoded.object, schema, builtinSchemas, 'print') } : decoded;
/** Fields that cannot be read are left out. Source: apiextensions-apiserver schema/objectmeta DropMalformedFields. */
function wellFormed(meta: Readonly<Record<string, unknown>>): Decoded {
  const kept = Object.entries(meta).filter(([field, value]) => {
    try {
      readMeta({ [field]: value }, '');
      return true;
    } catch {
      return false;
    }
  });
  return readMeta(Object.fromEntries(kept), '');
}
/** Metadata of objects in the object: unknown fields go. Source: apiextensions-apiserver schema/objectmeta Coerce. */
function embeddedMeta(value: unknown, schema: JSONSchemaProps | undefined, path: string, problems: string[]): void {
  if (schema === undefined) return;
  if (Array.isArray(value))
    for (const [i, item] of value.entries()) embeddedMeta(item, schemaOf(schema.items), `${path}[${i}]`, problems);
  if (!isObject(value)) return;
  const at = (name: string): string => (path === '' ? name : `${path}.${name}`);
  if (path !== '' && schema['x-kubernetes-embedded-resource'] && isObject(value['metadata'])) {
    const { strict, object } = printed(decode({ metadata: value['metadata'] }, META, builtinSchemas), META);
    value['metadata'] = object.metadata;
    problems.push(...strict.map((text) => text.replace('"metadata.', `"${at('metadata')}.`)));
  }
  for (const name of Object.keys(value)) {
    const own =
      schema.properties && Object.hasOwn(schema.properties, name)
        ? schema.properties[name]
        : schemaOf(schema.additionalProperties);
    embeddedMeta(value[name], own, at(name), problems);
  }
}
