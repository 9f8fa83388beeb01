import { goTypeOf, isError, type Frame, type Step } from './eval-frame.ts';
import { contains } from './values-equal.ts';
import { showValue } from './values-text.ts';
import {
  CelError, CelList, CelMap, CelOptional, CelUint, noSuchOverload, typeTextOf, type CelValue,
} from './values.ts'; // prettier-ignore

/** One selection or index of an attribute: `.field`, `[key]`, `.?field`, `[?key]`, or the last one of `has(a.b)`. */
export interface Qualifier {
  /** A key that is known, or what finds it. */
  readonly key: CelValue | Attribute;
  readonly optional: boolean;
  readonly test: boolean;
}
/**
 * A variable, or any expression, with the selections that follow it: resolved as a whole, so that an optional one makes
 * optional what follows. Each selection costs one. Source: cel-go interpreter/attributes.go.
 */
export abstract class Attribute {
  abstract resolve(frame: Frame): CelValue;
  abstract qualify(qualifier: Qualifier): void;
}
abstract class Qualified extends Attribute {
  private readonly qualifiers: Qualifier[] = [];
  override qualify(qualifier: Qualifier): void {
    this.qualifiers.push(qualifier);
  }
  protected abstract start(frame: Frame): CelValue;
  override resolve(frame: Frame): CelValue {
    let value = this.start(frame);
    const { qualifiers } = this;
    if (isError(value) || qualifiers.length === 0) return value;
    let optional = false;
    if (value instanceof CelOptional) {
      if (value.value === undefined) return value;
      optional = true;
      value = value.value;
    }
    for (let i = 0; i < qualifiers.length; i++) {
      const qualifier = qualifiers[i]!;
      optional ||= qualifier.optional;
      let { key } = qualifier as { key: CelValue };
      if (qualifier.key instanceof Attribute) {
        key = resolveKey(qualifier.key, frame);
        if (isError(key)) {
          if (!optional) frame.charge(1);
          return key;
        }
      }
      if (optional) {
        const found = find(value, key);
        if (found !== undefined && isError(found)) return found;
        if (found === undefined) return CelOptional.none;
        frame.charge(1);
        value = qualifier.test ? null : found;
      } else if (qualifier.test) {
        const found = find(value, key);
        frame.charge(1);
        if (found !== undefined && isError(found)) return found;
        value = found !== undefined;
      } else {
        frame.charge(1);
        const found = find(value, key);
        if (found === undefined) return missing(value, key);
        if (isError(found)) return found;
        value = found;
      }
    }
    return optional ? new CelOptional(value) : value;
  }
}
/** A variable of the environment. */
export class VariableAttribute extends Qualified {
  private readonly name: string;
  constructor(name: string) {
    super();
    this.name = name;
  }
  protected start(frame: Frame): CelValue {
    const value = frame.activation.get(this.name);
    return value === undefined ? new CelError(`no such attribute(s): ${this.name}`) : value;
  }
}
/** Any expression; a comprehension's variable too. */
export class StepAttribute extends Qualified {
  private readonly step: Step;
  constructor(step: Step) {
    super();
    this.step = step;
  }
  protected start(frame: Frame): CelValue {
    return this.step(frame);
  }
}
/** `condition ? a : b`: what follows it is selected of either. It costs nothing itself. */
export class ConditionalAttribute extends Attribute {
  private readonly condition: Step;
  private readonly truthy: Attribute;
  private readonly falsy: Attribute;
  constructor(condition: Step, truthy: Attribute, falsy: Attribute) {
    super();
    this.condition = condition;
    this.truthy = truthy;
    this.falsy = falsy;
  }
  override qualify(qualifier: Qualifier): void {
    this.truthy.qualify(qualifier);
    this.falsy.qualify(qualifier);
  }
  override resolve(frame: Frame): CelValue {
    const condition = this.condition(frame);
    if (condition === true) return this.truthy.resolve(frame);
    if (condition === false) return this.falsy.resolve(frame);
    return isError(condition) ? condition : noSuchOverload();
  }
}

/** Whether a value may stand in brackets. */
export const isKey = (key: CelValue): boolean => typeof key !== 'object' || key instanceof CelUint;
function resolveKey(attribute: Attribute, frame: Frame): CelValue {
  const key = attribute.resolve(frame);
  if (isKey(key) || isError(key)) return key;
  return new CelError(`invalid qualifier type: ${goTypeOf(key)}`);
}
/** What is there under a key; undefined if nothing is, an error for keys that cannot be asked for. */
function find(value: CelValue, key: CelValue): CelValue | undefined {
  if (value instanceof CelMap) return value.find(key);
  if (value instanceof CelList) {
    const index = indexOf(key);
    if (isError(index)) return index;
    const at = Number(index);
    return at >= 0 && at < value.size ? value.at(at) : undefined;
  }
  return value instanceof CelError ? value : undefined;
}
const missing = (value: CelValue, key: CelValue): CelError =>
  new CelError(`${value instanceof CelList ? 'index out of bounds' : 'no such key'}: ${showValue(key)}`);

/** The index that a key is for a list. Source: cel-go common/types list.go IndexOrError. */
export function indexOf(key: CelValue): bigint | CelError {
  if (typeof key === 'bigint') return key;
  if (typeof key === 'number' && Number.isInteger(key) && Math.abs(key) < 2 ** 63) return BigInt(key);
  if (key instanceof CelUint && key.value < 1n << 63n) return key.value;
  if (typeof key === 'number' || key instanceof CelUint)
    return new CelError(`unsupported index value ${showValue(key)} in list`);
  return new CelError(`unsupported index type '${typeTextOf(key)}' in list`);
}
/** What `in` gives. */
export function inAggregate(item: CelValue, aggregate: CelValue): CelValue {
  if (aggregate instanceof CelList) return contains(aggregate, item);
  if (!(aggregate instanceof CelMap)) return isError(aggregate) ? aggregate : noSuchOverload();
  return aggregate.has(item);
}
