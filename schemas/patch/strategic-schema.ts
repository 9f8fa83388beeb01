import { ApiError } from '../meta/status.ts';
import type { FieldSchema, SchemaSet } from '../structural/schema.ts';

export interface PatchField {
  readonly schema: PatchSchema;
  /** `merge`, `replace` or empty; the retainKeys strategy concerns those who make patches only. */
  readonly strategy: string;
  readonly mergeKey: string;
}

/** What a strategic merge patch asks of a schema; refusals as Go's reflection over the API types words them. */
export class PatchSchema {
  private readonly schema: FieldSchema;
  private readonly set: SchemaSet;
  constructor(schema: FieldSchema, set: SchemaSet) {
    this.schema = schema;
    this.set = set;
  }
  get kindName(): string {
    const { type, values, fields, items } = this.set.resolve(this.schema);
    return fields !== undefined ? 'struct' : items !== undefined ? 'slice' : values !== undefined ? 'map' : type === 'object' ? 'struct' : (type ?? 'interface'); // prettier-ignore
  }
  field(name: string): PatchField {
    if (this.kindName !== 'struct')
      throw failure(`merging an object in json but data type is not struct, instead is: ${this.kindName}`);
    const field = this.set.resolve(this.schema).fields?.[name];
    if (field === undefined)
      throw failure(
        `unable to find api field in struct ${this.schema.ref?.split('.').at(-1) ?? ''} for the json field ${JSON.stringify(name)}`,
      );
    const strategies = (field.patchStrategy ?? '').split(',').filter((s) => s !== 'retainKeys');
    return {
      schema: new PatchSchema(field, this.set),
      strategy: strategies[0] ?? '',
      mergeKey: field.patchMergeKey ?? '',
    };
  }
  list(name: string): PatchField {
    const field = this.field(name);
    const { items } = this.set.resolve(field.schema.schema);
    if (items === undefined) throw failure('expected slice or array type, but got: struct');
    return { ...field, schema: new PatchSchema(items, this.set) };
  }
}
const failure = (message: string): ApiError => new ApiError('', message, { code: 500 });
