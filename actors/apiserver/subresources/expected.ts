import { parseApiVersion } from '../../../schemas/meta/object.ts';
import { builtinSchemas, schemaNameOf } from '../../../schemas/registry.ts';
import type { Expected } from '../stages/decode.ts';

/** What the body of a subresource is expected to hold. */
export function expectedKind(apiVersion: string, kind: string): Expected {
  const gv = parseApiVersion(apiVersion);
  const schema = builtinSchemas.definition(schemaNameOf({ ...gv, kind })) ?? { type: 'object' };
  return { ...gv, kind, schema };
}
/** What a write answers that has nothing to show. */
export const SUCCESS = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 } as const;
