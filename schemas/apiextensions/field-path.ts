import type { JSONSchemaProps } from '../generated/apiextensions-v1.ts';

const schemaOf = (value: unknown): JSONSchemaProps | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
const QUOTED = /^'(?:[^'\\]|\\.)*'/;
const NAME = /^[^.[\]]+/;

export type Found =
  | { readonly schema: JSONSchemaProps; readonly steps: readonly string[]; readonly why?: undefined }
  | { readonly why: string };
/** The field that a simple JSON path (`.spec.color`, `.spec['a.b']`) names in a schema. Source: apiextensions-apiserver schema/cel ValidFieldPath. */
export function fieldAt(path: string, schema: JSONSchemaProps, isBracketAllowed = true): Found {
  const steps: string[] = [];
  let at = schema;
  let rest = path;
  while (rest !== '') {
    let name: string;
    if (rest.startsWith('[')) {
      if (!isBracketAllowed) return { why: 'array notation is not allowed' };
      const quoted = QUOTED.exec(rest.slice(1))?.[0];
      const other = NAME.exec(rest.slice(1))?.[0];
      if (rest.length === 1) return { why: 'unexpected end of JSON path' };
      if (quoted === undefined) return { why: `expected single quoted string but got ${other ?? rest[1]}` };
      rest = rest.slice(1 + quoted.length);
      if (rest === '') return { why: 'unexpected end of JSON path' };
      if (!rest.startsWith(']')) return { why: `expected ] but got ${NAME.exec(rest)?.[0] ?? rest[0]}` };
      rest = rest.slice(1);
      name = quoted.slice(1, -1).replaceAll(/\\(.)/g, '$1');
    } else if (rest.startsWith('.')) {
      rest = rest.slice(1);
      if (rest === '') return { why: 'unexpected end of JSON path' };
      name = NAME.exec(rest)?.[0] ?? rest[0]!;
      rest = rest.slice(name.length);
    } else return { why: `expected [ or . but got: ${NAME.exec(rest)?.[0] ?? rest[0]}` };
    const properties = at.properties ?? {};
    const others = schemaOf(at.additionalProperties);
    const next =
      Object.keys(properties).length === 0 ? others : Object.hasOwn(properties, name) ? properties[name] : undefined;
    if (!next) return { why: 'does not refer to a valid field' };
    steps.push(name);
    at = next;
  }
  return { schema: at, steps };
}
