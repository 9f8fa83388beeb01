import { readFileSync } from 'node:fs';
import type { FieldSchema, SchemaSet } from '../structural/schema.ts';

/** The built-in definitions, for tests of the walkers alone. */
const definitions = JSON.parse(readFileSync(new URL('../facts/schema.json', import.meta.url), 'utf8')) as Record<
  string,
  FieldSchema
>;

export const testSchemas: SchemaSet = {
  definition: (name) => definitions[name],
  resolve(schema) {
    const target = schema.ref === undefined ? undefined : definitions[schema.ref];
    return target === undefined ? schema : { ...target, ...schema };
  },
};
export const schemaOf = (name: string): FieldSchema => ({ ref: `io.k8s.api.${name}` });
