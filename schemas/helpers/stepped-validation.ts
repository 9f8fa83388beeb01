import type { FieldError } from '../meta/field.ts';
import { Told } from '../meta/told.ts';
import { atOnce, inSteps, type GiveWay, type Steps } from './steps.ts';

/** Field errors, and in between `undefined`, where others may have their turn. */
export type SteppedErrors = Generator<FieldError | undefined, void, undefined>;

/**
 * Validation of what may take long: done before it is asked for, where there is time to give way, and told then. Asked for
 * by itself it is done at once.
 */
export function steppedValidation<T extends object>(validate: (object: T, old: T | undefined) => SteppedErrors) {
  const found = new WeakMap<T, { readonly old: T | undefined; readonly errors: readonly FieldError[] }>();
  function* gathering(object: T, old: T | undefined): Steps<readonly FieldError[]> {
    const told = new Told();
    for (const error of validate(object, old)) {
      if (error === undefined) yield;
      else if (!told.add(error)) break;
    }
    return told.errors;
  }
  return {
    before(object: T, giveWay: GiveWay, old: T | undefined): Promise<void> | undefined {
      const keep = (errors: readonly FieldError[]): void => void found.set(object, { old, errors });
      const errors = inSteps(gathering(object, old), giveWay);
      if (errors instanceof Promise) return errors.then(keep);
      keep(errors);
      return undefined;
    },
    now(object: T, old: T | undefined): readonly FieldError[] {
      const before = found.get(object);
      found.delete(object);
      return before !== undefined && before.old === old ? before.errors : atOnce(gathering(object, old));
    },
  };
}
/** The errors as they come, gathered for whoever wants them sorted. */
export function* gathered(errors: SteppedErrors): Steps<FieldError[]> {
  const out: FieldError[] = [];
  for (const error of errors) {
    if (error === undefined) yield;
    else out.push(error);
  }
  return out;
}
