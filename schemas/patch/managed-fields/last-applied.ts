import type { KubeObject } from '../../meta/object.ts';
import { isMap, type JsonMap } from '../values.ts';
import { compareObjects } from './compare.ts';
import { difference, MEMBER, type FieldSet } from './field-set.ts';
import type { TypedNode } from './typed-schema.ts';
import { fieldSetOf } from './typed-values.ts';

const ANNOTATION = 'kubectl.kubernetes.io/last-applied-configuration';
/** Source: apimachinery api/validation TotalAnnotationSizeLimitB. */
const MAX_ANNOTATIONS_BYTES = 256 * 1024;

/**
 * Fields that kubectl may take without force because it set them by client-side apply and they are still so.
 * Source: apimachinery managedfields lastAppliedManager.
 */
export function allowedByLastApplied(node: TypedNode, live: KubeObject, apiVersion: string): FieldSet {
  const text = live.metadata.annotations?.[ANNOTATION];
  if (!text) return MEMBER;
  let last: unknown;
  try {
    last = JSON.parse(text);
  } catch {
    return MEMBER;
  }
  if (!isMap(last) || last['apiVersion'] !== apiVersion) return MEMBER;
  const { changed, removed } = compareObjects(node, last, live as unknown as JsonMap);
  return difference(difference(fieldSetOf(node, last), changed), removed);
}

/** Brings the annotation up to date if the object has one, so that client-side apply keeps working. */
export function withLastApplied(object: JsonMap, config: JsonMap): JsonMap {
  const metadata = object['metadata'] as JsonMap;
  const annotations = isMap(metadata['annotations']) ? metadata['annotations'] : {};
  if (!annotations[ANNOTATION]) return object;
  const source = config['metadata'] as JsonMap;
  const own = isMap(source['annotations']) ? { ...source['annotations'] } : undefined;
  if (own !== undefined) delete own[ANNOTATION];
  const value = `${JSON.stringify(sortKeys({ ...config, metadata: { ...source, ...(own && { annotations: own }) } }))}\n`;
  const updated: JsonMap = { ...annotations, [ANNOTATION]: value };
  let bytes = 0;
  for (const [key, text] of Object.entries(updated)) bytes += Buffer.byteLength(key) + Buffer.byteLength(String(text));
  if (bytes > MAX_ANNOTATIONS_BYTES) delete updated[ANNOTATION];
  return { ...object, metadata: { ...metadata, annotations: updated } };
}
function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (!isMap(value)) return value;
  return Object.fromEntries(Object.keys(value).sort().map((key) => [key, sortKeys(value[key])])); // prettier-ignore
}
