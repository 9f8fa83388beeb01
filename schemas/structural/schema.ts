import type { Decoded } from './decode.ts';

/** One field as facts/schema.json has it (and as a CRD's structural schema is compiled to), references unresolved. */
export interface FieldSchema {
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  /** Name of a definition: `io.k8s.api.core.v1.PodSpec`. */
  readonly ref?: string;
  readonly format?: string;
  readonly default?: unknown;
  readonly enum?: readonly string[];
  readonly items?: FieldSchema;
  /** Of a map. */
  readonly values?: FieldSchema;
  readonly listType?: 'atomic' | 'set' | 'map';
  readonly listMapKeys?: readonly string[];
  readonly mapType?: 'atomic' | 'granular';
  readonly patchStrategy?: string;
  readonly patchMergeKey?: string;
  readonly fields?: Readonly<Record<string, FieldSchema>>;
  readonly required?: readonly string[];
  readonly oneOf?: readonly FieldSchema[];
  readonly unions?: readonly unknown[];
  /** Held by pointer in Go: an explicit zero (false, 0, "", {}) is kept, not dropped. */
  readonly pointer?: boolean;
  /** Printed even when empty (no omitempty): absent becomes zero or null. */
  readonly always?: boolean;
  /** Go's name of the type where the schema does not give it, for decoding errors: `v1.RestartPolicy`. */
  readonly goType?: string;
  /** Of a custom kind: reads a body by the schema that it came with, in place of the decoder for Go's structs. */
  readonly read?: (value: unknown, fromMap: boolean) => Decoded;
  readonly gvks?: readonly { readonly group: string; readonly version: string; readonly kind: string }[];
}
/** Resolves references; what the walkers (decode, default, patch, apply) take beside a FieldSchema. */
export interface SchemaSet {
  /** The schema itself, or the definition its `ref` names (with the referring field's default and list keys kept). */
  resolve(schema: FieldSchema): FieldSchema;
  definition(name: string): FieldSchema | undefined;
}
