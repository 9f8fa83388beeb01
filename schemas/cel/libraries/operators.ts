import { inAggregate } from '../eval-attribute.ts';
import { sizeOf } from '../runtime-cost.ts';
import { compareValues, isComparable } from '../values-equal.ts';
import { intOf, uintOf } from '../values-number.ts';
import { durationOf, timestampOf } from '../values-time.ts';
import {
  CelDuration, CelError, CelList, CelMap, CelTimestamp, CelUint, noSuchOverload, type CelValue,
} from '../values.ts'; // prettier-ignore
import { isAny, overload, type CelLibrary } from './kinds.ts';

type Operation = '+' | '-' | '*' | '/' | '%';
const isNumber = (value: CelValue): boolean =>
  typeof value === 'bigint' || typeof value === 'number' || value instanceof CelUint;
const isInteger = (value: CelValue): boolean => typeof value === 'bigint' || value instanceof CelUint;
const isTime = (value: CelValue): boolean => value instanceof CelTimestamp || value instanceof CelDuration;

function calculate(a: bigint, b: bigint, by: Operation): bigint | CelError {
  switch (by) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
      return b === 0n ? new CelError('division by zero') : a / b;
    case '%':
      return b === 0n ? new CelError('modulus by zero') : a % b;
  }
}
const MIN_INT = -(1n << 63n);
function arithmetic(a: CelValue, b: CelValue, by: Operation): CelValue {
  if (typeof a === 'bigint') {
    if (typeof b !== 'bigint') return noSuchOverload();
    const result = calculate(a, b, by);
    if (typeof result !== 'bigint') return result;
    return by === '%' && a === MIN_INT && b === -1n ? new CelError('integer overflow') : intOf(result);
  }
  if (typeof a === 'number') {
    if (typeof b !== 'number') return noSuchOverload();
    return by === '+' ? a + b : by === '-' ? a - b : by === '*' ? a * b : a / b;
  }
  if (!(a instanceof CelUint) || !(b instanceof CelUint)) return noSuchOverload();
  const result = calculate(a.value, b.value, by);
  return typeof result === 'bigint' ? uintOf(result) : result;
}
function add(a: CelValue, b: CelValue): CelValue {
  if (typeof a === 'string') return typeof b === 'string' ? a + b : noSuchOverload();
  if (a instanceof CelList) return b instanceof CelList ? a.concat(b) : noSuchOverload();
  if (a instanceof Uint8Array) {
    if (!(b instanceof Uint8Array)) return noSuchOverload();
    const both = new Uint8Array(a.length + b.length);
    both.set(a);
    both.set(b, a.length);
    return both;
  }
  if (a instanceof CelTimestamp)
    return b instanceof CelDuration ? timestampOf(a.nanos + b.nanos, a.offsetSeconds) : noSuchOverload();
  if (!(a instanceof CelDuration)) return arithmetic(a, b, '+');
  if (b instanceof CelTimestamp) return timestampOf(a.nanos + b.nanos, b.offsetSeconds);
  return b instanceof CelDuration ? durationOf(a.nanos + b.nanos) : noSuchOverload();
}
function subtract(a: CelValue, b: CelValue): CelValue {
  if (a instanceof CelTimestamp) {
    if (b instanceof CelDuration) return timestampOf(a.nanos - b.nanos, a.offsetSeconds);
    return b instanceof CelTimestamp ? durationOf(a.nanos - b.nanos) : noSuchOverload();
  }
  if (a instanceof CelDuration) return b instanceof CelDuration ? durationOf(a.nanos - b.nanos) : noSuchOverload();
  return arithmetic(a, b, '-');
}
function negate(value: CelValue): CelValue {
  if (typeof value === 'number') return -value;
  if (typeof value === 'bigint') return intOf(-value);
  return value instanceof CelDuration ? durationOf(-value.nanos) : noSuchOverload();
}
const ordering =
  (holds: (order: number) => boolean) =>
  (a: CelValue, b: CelValue): CelValue => {
    if (typeof a === 'bigint' && typeof b === 'bigint') return holds(a < b ? -1 : a > b ? 1 : 0);
    const order = compareValues(a, b);
    return typeof order === 'number' ? holds(order) : order;
  };
const isSized = (value: CelValue): boolean =>
  typeof value === 'string' || value instanceof CelList || value instanceof CelMap || value instanceof Uint8Array;

/** Operators, each one implementation for all its overloads. Source: cel-go common/stdlib/standard.go. */
export const operators: CelLibrary = {
  '!_': { call: (value) => (typeof value === 'boolean' ? !value : noSuchOverload()) },
  '-_': { call: negate, trait: (value) => typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean' || value instanceof CelDuration }, // prettier-ignore
  '_+_': { call: add, trait: (value) => typeof value === 'string' || isNumber(value) || value instanceof CelList || value instanceof Uint8Array || isTime(value) }, // prettier-ignore
  '_-_': { call: subtract, trait: (value) => isNumber(value) || isTime(value) },
  '_*_': { call: (a, b) => arithmetic(a, b, '*'), trait: isNumber },
  '_/_': { call: (a, b) => arithmetic(a, b, '/'), trait: isNumber },
  '_%_': { call: (a, b) => arithmetic(a, b, '%'), trait: isInteger },
  '_<_': { call: ordering((order) => order < 0), trait: isComparable },
  '_<=_': { call: ordering((order) => order <= 0), trait: isComparable },
  '_>_': { call: ordering((order) => order > 0), trait: isComparable },
  '_>=_': { call: ordering((order) => order >= 0), trait: isComparable },
  '@in': { call: (item, aggregate) => inAggregate(item, aggregate) },
  size: { call: (value) => BigInt(sizeOf(value)), trait: isSized },
  '@not_strictly_false': {
    nonStrict: true,
    overloads: [
      overload('not_strictly_false', [isAny], (value: CelValue) => (typeof value === 'boolean' ? value : true)),
    ],
  },
};
