import { aggregate } from './aggregate.ts';
import type { FieldError } from './field.ts';
import { goQuote } from './go-quote.ts';
import { ApiError } from './status.ts';

/**
 * The Status of field errors: `Pod "x" is invalid: [a, b]`. The message names a repeated error once, the causes each time.
 * Source: apimachinery pkg/api/errors NewInvalid.
 */
export function invalidError(group: string, kind: string, name: string, errors: readonly FieldError[]): ApiError {
  const list = aggregate(errors.map((e) => `${e.field}: ${e.message}`));
  const qualified = group === '' ? kind : `${kind}.${group}`;
  return new ApiError('Invalid', `${qualified} ${goQuote(name)} is invalid${errors.length === 0 ? '' : `: ${list}`}`, {
    details: {
      ...(name !== '' && { name }),
      ...(group !== '' && { group }),
      ...(kind !== '' && { kind }),
      causes: errors.map((e) => ({ reason: e.reason, message: e.message, field: e.field })),
    },
  });
}
