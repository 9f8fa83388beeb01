import type { CelEntries } from './values.ts';
import { CelMap, type CelValue } from './values.ts';

/** An object made in an expression: `Object.spec{...}`. */
export class CelStruct extends CelMap {
  private readonly name: string;
  readonly fields: CelEntries;
  constructor(name: string, fields: CelEntries) {
    super();
    this.name = name;
    this.fields = fields;
  }
  override get typeName(): string {
    return this.name;
  }
  get size(): number {
    return this.fields.size;
  }
  find(key: CelValue): CelValue | undefined {
    return this.fields.find(key);
  }
  keys(): Iterable<CelValue> {
    return this.fields.keys();
  }
}
export const makeStruct = (name: string, fields: CelEntries): CelValue => new CelStruct(name, fields);
