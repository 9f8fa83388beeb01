import { goTypeOf, isError, type Frame, type Step } from './eval-frame.ts';
import {
  CelArray, CelEntries, CelError, CelGrowingArray, CelGrowingEntries, CelList, CelMap, type CelValue,
} from './values.ts'; // prettier-ignore

/** A comprehension, its parts ready to run and its variables given slots. */
export interface Fold {
  readonly range: Step;
  readonly init: Step;
  readonly condition: Step;
  readonly step: Step;
  readonly result: Step;
  readonly accumulator: number;
  readonly first: number;
  /** Undefined of comprehensions of one variable. */
  readonly second: number | undefined;
}
/** Runs a comprehension. The accumulator is made when it is first asked for. Source: cel-go interpreter/interpretable.go evalFold. */
export function runFold(fold: Fold, frame: Frame): CelValue {
  const range = fold.range(frame);
  if (isError(range)) return range;
  const { slots } = frame;
  slots[fold.accumulator] = undefined;
  if (fold.second !== undefined) {
    if (range instanceof CelMap) foldEntries(fold, frame, range);
    else if (range instanceof CelList) foldList(fold, frame, range, true);
    else return new CelError(`unsupported comprehension range type: ${goTypeOf(range)}`);
  } else if (range instanceof CelList) foldList(fold, frame, range, false);
  else if (range instanceof CelMap) foldKeys(fold, frame, range);
  else return new CelError(`got '${goTypeOf(range)}', expected iterable type`);
  const result = fold.result(frame);
  slots[fold.accumulator] = undefined;
  return settled(result);
}
function foldList(fold: Fold, frame: Frame, range: CelList, indexed: boolean): void {
  const { slots } = frame;
  const { size } = range;
  for (let i = 0; i < size; i++) {
    if (indexed) slots[fold.first] = BigInt(i);
    slots[indexed ? fold.second! : fold.first] = range.at(i);
    if (fold.condition(frame) === false) return;
    slots[fold.accumulator] = fold.step(frame);
  }
}
function foldKeys(fold: Fold, frame: Frame, range: CelMap): void {
  for (const key of range.keys()) {
    frame.slots[fold.first] = key;
    if (fold.condition(frame) === false) return;
    frame.slots[fold.accumulator] = fold.step(frame);
  }
}
function foldEntries(fold: Fold, frame: Frame, range: CelMap): void {
  for (const key of range.keys()) {
    frame.slots[fold.first] = key;
    frame.slots[fold.second!] = range.find(key) ?? null;
    if (fold.condition(frame) === false) return;
    frame.slots[fold.accumulator] = fold.step(frame);
  }
}
/** The accumulator's value; empty lists and maps become such that grow in place. */
export function accumulator(slot: number, init: Step): Step {
  return (frame) => {
    const held = frame.slots[slot];
    if (held !== undefined) return held;
    const value = growing(init(frame));
    frame.slots[slot] = value;
    return value;
  };
}
function growing(value: CelValue): CelValue {
  if (value instanceof CelList && value.size === 0) return new CelGrowingArray([]);
  return value instanceof CelMap && value.size === 0 ? new CelGrowingEntries() : value;
}
function settled(value: CelValue): CelValue {
  if (value instanceof CelGrowingArray) return new CelArray(value.items);
  if (!(value instanceof CelGrowingEntries)) return value;
  const entries = new CelEntries();
  for (const [key, entry] of value.entries) entries.entries.set(key, entry);
  return entries;
}
