import type { Errors } from '../define.ts';
import type { Toleration } from '../generated/core-v1.ts';
import { invalid, notSupported, type FieldPath } from '../meta/field.ts';
import { labelValue, qualifiedName } from '../meta/names.ts';

const EFFECTS = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];
/** Source: pkg/apis/core/validation ValidateTolerations. */
export function* validateTolerations(tolerations: readonly Toleration[], at: FieldPath): Errors {
  for (const [i, { key = '', operator: given, value = '', effect = '', tolerationSeconds }] of tolerations.entries()) {
    const here = at(i);
    const operator: string = given ?? '';
    if (key !== '') for (const why of qualifiedName(key)) yield invalid(here('key'), key, why);
    if (key === '' && operator !== 'Exists')
      yield invalid(
        here('operator'),
        operator,
        'operator must be Exists when `key` is empty, which means "match all values and all keys"',
      );
    if (tolerationSeconds !== undefined && effect !== 'NoExecute')
      yield invalid(here('effect'), effect, "effect must be 'NoExecute' when `tolerationSeconds` is set");
    switch (operator) {
      case '':
      case 'Equal': {
        const wrong = labelValue(value);
        if (wrong.length > 0) yield invalid(here('operator'), value, wrong.join(';'));
        break;
      }
      case 'Exists':
        if (value !== '') yield invalid(here('operator'), value, "value must be empty when `operator` is 'Exists'");
        break;
      case 'Lt':
      case 'Gt':
        yield notSupported(here('operator'), operator, ['Equal', 'Exists', 'Lt', 'Gt']);
        break;
      default:
        yield notSupported(here('operator'), operator, ['Equal', 'Exists']);
    }
    if (effect !== '' && !EFFECTS.includes(effect)) yield notSupported(here('effect'), effect, EFFECTS);
  }
}
