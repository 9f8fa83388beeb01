import type { Toleration } from '../generated/core-v1.ts';
import { invalid, type FieldError, type FieldPath } from '../meta/field.ts';
import { labelValue, qualifiedName } from '../meta/names.ts';
import { notOneOf } from './checks.ts';

type Errors = Generator<FieldError, void, undefined>;
const EFFECTS = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];

/** Source: pkg/apis/core/validation ValidateTolerations. */
export function* validateTolerations(tolerations: readonly Toleration[], path: FieldPath): Errors {
  for (const [i, toleration] of tolerations.entries()) {
    const at = path(i);
    const { key = '', operator = '', value = '', effect = '', tolerationSeconds } = toleration;
    if (key !== '') for (const why of qualifiedName(key)) yield invalid(at('key'), key, why);
    else if (operator !== 'Exists')
      yield invalid(at('operator'), operator, 'operator must be Exists when `key` is empty, which means "match all values and all keys"');
    if (tolerationSeconds !== undefined && effect !== 'NoExecute')
      yield invalid(at('effect'), effect, "effect must be 'NoExecute' when `tolerationSeconds` is set");
    if (operator === 'Equal' || operator === '') {
      const problems = labelValue(value);
      if (problems.length > 0) yield invalid(at('operator'), value, problems.join(';'));
    } else if (operator === 'Exists') {
      if (value !== '') yield invalid(at('operator'), value, "value must be empty when `operator` is 'Exists'");
    } else yield notOneOf(operator, operator === 'Lt' || operator === 'Gt' ? ['Equal', 'Exists', 'Lt', 'Gt'] : ['Equal', 'Exists'], at('operator'));
    if (effect !== '' && !EFFECTS.includes(effect)) yield notOneOf(effect, EFFECTS, at('effect'));
  }
} // prettier-ignore
