import type { FieldError } from './field.ts';

/** What is told of one object at most, in characters of messages: who made so many mistakes has sent megabytes of them. */
export const MOST_TEXT = 1024 * 1024;
const MORE: FieldError = {
  reason: 'FieldValueInvalid',
  field: '<nil>',
  message: 'Invalid value: null: there are more errors than can be told; correct these to see the others',
};

/** Field errors of one object, up to a bound: kube-apiserver would answer with hundreds of megabytes of them. */
export class Told {
  readonly errors: FieldError[] = [];
  #size = 0;

  /** False: nothing more is to be looked for. The last one then says that there may be more. */
  add(error: FieldError): boolean {
    if (this.#size > MOST_TEXT) return false;
    this.errors.push(error);
    this.#size += error.message.length;
    if (this.#size <= MOST_TEXT) return true;
    this.errors.push(MORE);
    return false;
  }
  addAll(errors: Iterable<FieldError>): void {
    for (const error of errors) if (!this.add(error)) return;
  }
}
