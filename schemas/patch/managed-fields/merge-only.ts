import { isMap } from '../values.ts';
import type { FieldSchema, SchemaSet } from '../../structural/schema.ts';
import { typedNode, type TypedNode } from './typed-schema.ts';
import { mergeTyped, typeErrors } from './typed-values.ts';

/**
 * Lays a configuration over an object as server-side apply does, with nobody owning what it sets. Throws Error with Go's
 * text. Source: apiserver pkg/admission/plugin/policy/mutating/patch/smd.go.
 */
export function mergeConfiguration(of: {
  readonly live: object;
  readonly config: object;
  readonly schema: FieldSchema;
  readonly set: SchemaSet;
}): unknown {
  const node = typedNode(of.schema, of.set);
  const errors = [...typeErrors(node, of.config)];
  if (errors.length > 0) {
    const why = errors.length === 1 ? errors[0]! : ['errors:', ...errors.map((error) => `  ${error}`)].join('\n');
    throw new Error(`failed to convert patch object to typed object: ${why}`);
  }
  const whole = [...atomics(node, of.config, '')];
  if (whole.length > 0)
    throw new Error(`invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: ${whole.join(', ')}`);
  return mergeTyped(node, of.live, of.config);
}
/** What can only be replaced as a whole, which nobody means who names a part of it. */
function* atomics(node: TypedNode, value: unknown, path: string): Generator<string> {
  if (isMap(value) && node.kind === 'map') {
    if (node.atomic) yield path;
    for (const [key, item] of Object.entries(value))
      if (node.declares(key)) yield* atomics(node.field(key), item, `${path}.${key}`);
  }
  if (Array.isArray(value) && node.kind === 'list') {
    if (node.atomic) yield path;
    for (const [i, item] of value.entries()) yield* atomics(node.element, item, `${path}[${i}]`);
  }
}
