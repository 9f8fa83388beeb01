import type { CelCall, CelFunction, CelKind, CelOverload } from '../eval-call.ts';
import type { CelOpaque } from '../values.ts';
import {
  CelDuration, CelList, CelMap, CelOptional, CelTimestamp, CelUint, type CelValue,
} from '../values.ts'; // prettier-ignore

export const isAny: CelKind = () => true;
export const isBool: CelKind = (value) => typeof value === 'boolean';
export const isInt: CelKind = (value) => typeof value === 'bigint';
export const isUint: CelKind = (value) => value instanceof CelUint;
export const isDouble: CelKind = (value) => typeof value === 'number';
export const isString: CelKind = (value) => typeof value === 'string';
export const isBytes: CelKind = (value) => value instanceof Uint8Array;
export const isTimestamp: CelKind = (value) => value instanceof CelTimestamp;
export const isDuration: CelKind = (value) => value instanceof CelDuration;
export const isOptional: CelKind = (value) => value instanceof CelOptional;
export const isList: CelKind = (value) => value instanceof CelList;
export const isMap: CelKind = (value) => value instanceof CelMap;
/** A list whose first item is of a kind: more is not looked at. Source: cel-go common/types/types.go defaultIsAssignableRuntimeType. */
export const isListOf =
  (kind: CelKind): CelKind =>
  (value) => value instanceof CelList && (value.size === 0 || kind(value.at(0))); // prettier-ignore
/** A value of a library's class. */
export const isA =
  (type: abstract new (...args: never[]) => CelOpaque): CelKind =>
  (value) => value instanceof type; // prettier-ignore

/**
 * An overload: its id, the kinds of its arguments, and what it does. The kinds promise what the implementation may take for
 * granted, which is why it may name the types of its arguments.
 */
export const overload = <A extends readonly (CelValue | undefined)[]>(
  id: string,
  args: readonly CelKind[],
  call: (...args: A) => CelValue,
): CelOverload => ({ id, args, call: call as unknown as CelCall });
/** The same, bound in cel-go as a function of any number of arguments: after an error no further ones are evaluated. */
export const stepwise = <A extends readonly (CelValue | undefined)[]>(
  id: string,
  args: readonly CelKind[],
  call: (...args: A) => CelValue,
): CelOverload => ({ ...overload(id, args, call), stepwise: true });

/** Functions by name. A library's; several libraries may give overloads to one name. */
export type CelLibrary = Readonly<Record<string, readonly CelOverload[] | CelFunction>>;
