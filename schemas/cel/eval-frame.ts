import { CelError, typeNameOf, type CelValue } from './values.ts';

/** Where variables come from; undefined for those that have no value. A Map is one. */
export interface CelActivation {
  get(name: string): CelValue | undefined;
}
/** One evaluation. */
export class Frame {
  readonly activation: CelActivation;
  /** Of comprehensions: what their variables hold now. */
  readonly slots: (CelValue | undefined)[] = [];
  cost = 0;
  readonly limit: number;
  constructor(activation: CelActivation, limit: number) {
    this.activation = activation;
    this.limit = limit;
  }
  /** Throws CostExceeded. */
  charge(cost: number): void {
    this.cost += cost;
    if (this.cost > this.limit) throw new CostExceeded();
  }
}
/** Ends an evaluation, whatever would absorb an error. Source: cel-go interpreter/runtimecost.go Observe. */
export class CostExceeded extends Error {
  constructor() {
    super('operation cancelled: actual cost limit exceeded');
  }
}
/** Ends an evaluation where the real one panics: the message is Go's. */
export class GoPanic extends Error {}
const GO_TYPES: Readonly<Record<string, string>> = {
  null_type: 'types.Null', bool: 'types.Bool', int: 'types.Int', uint: 'types.Uint', double: 'types.Double',
  string: 'types.String', bytes: 'types.Bytes', list: '*types.baseList', map: '*types.baseMap', type: '*types.Type',
  optional_type: '*types.Optional', error: '*types.Err', 'google.protobuf.Timestamp': 'types.Timestamp',
  'google.protobuf.Duration': 'types.Duration',
}; // prettier-ignore
/** Go's name of a value's type, which some messages tell. */
export function goTypeOf(value: CelValue): string {
  const name = typeNameOf(value);
  return GO_TYPES[name] ?? name;
}
/** A part of a program, ready to run. Errors are values. */
export type Step = (frame: Frame) => CelValue;
export const isError = (value: CelValue): value is CelError => value instanceof CelError;
