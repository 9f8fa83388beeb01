import type { Condition } from '../generated/meta-v1.ts';
import { duplicate, invalid, notSupported, required, tooLong, type FieldError, type FieldPath } from '../meta/field.ts';
import { byteLength, qualifiedName, regexProblem } from '../meta/names.ts';

type Errors = Generator<FieldError, void, undefined>;
const STATUSES = ['False', 'True', 'Unknown'];
const REASON = '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?';
const IS_REASON = new RegExp(`^${REASON}$`);
const MAX_REASON_BYTES = 1024;
const MAX_MESSAGE_BYTES = 32 * 1024;

/** metav1.Condition lists. Source: apimachinery pkg/apis/meta/v1/validation ValidateConditions. */
export function* validateConditions(conditions: readonly Condition[], path: FieldPath): Errors {
  const seen = new Map<string, number>();
  for (const [i, c] of conditions.entries()) {
    const at = path(i);
    if (seen.has(c.type)) yield duplicate(at('type'), c.type);
    seen.set(c.type, i);
    for (const why of qualifiedName(c.type)) yield invalid(at('type'), c.type, why);
    if (!STATUSES.includes(c.status)) yield notSupported(at('status'), c.status, STATUSES);
    if ((c.observedGeneration ?? 0) < 0)
      yield invalid(at('observedGeneration'), c.observedGeneration, 'must be greater than or equal to zero');
    if (!c.lastTransitionTime) yield required(at('lastTransitionTime'));
    if (!c.reason) yield required(at('reason'));
    else {
      if (!IS_REASON.test(c.reason))
        yield invalid(at('reason'), c.reason, regexProblem('a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or \'_,:\', and must end with an alphanumeric character or \'_\'', REASON, 'my_name', 'MY_NAME', 'MyName', 'ReasonA,ReasonB', 'ReasonA:ReasonB')); // prettier-ignore
      if (byteLength(c.reason) > MAX_REASON_BYTES) yield tooLong(at('reason'), MAX_REASON_BYTES);
    }
    if (byteLength(c.message ?? '') > MAX_MESSAGE_BYTES) yield tooLong(at('message'), MAX_MESSAGE_BYTES);
  }
}
