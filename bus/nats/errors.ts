import { errors } from '@nats-io/nats-core';
import { ApiError, statusOf } from '../../schemas/meta/status.ts';

/** What NATS throws, in the words of the API; nothing above `bus/nats/` sees another error of it. */
export function translate(cause: unknown): ApiError {
  if (statusOf(cause)) return cause as ApiError;
  const error = cause instanceof Error ? cause : new Error(String(cause));
  const as = (reason: ConstructorParameters<typeof ApiError>[0], message: string): ApiError =>
    new ApiError(reason, message, { cause: error });
  if (error instanceof errors.PermissionViolationError)
    return as('Forbidden', `the bus forbids ${error.operation} on ${error.subject}`);
  if (error instanceof errors.AuthorizationError || error instanceof errors.UserAuthenticationExpiredError)
    return as('Unauthorized', 'the bus does not accept these credentials');
  if (error instanceof errors.TimeoutError) return as('Timeout', 'no answer from the bus in time');
  if (error instanceof errors.NoRespondersError) return as('ServiceUnavailable', `nobody serves ${error.subject}`);
  if (error instanceof errors.InvalidArgumentError && error.message.includes('max_payload'))
    return as('RequestEntityTooLarge', 'the message is too large for the bus');
  if (error instanceof errors.InvalidSubjectError) return as('BadRequest', error.message);
  if (error instanceof errors.RequestError && error.cause !== undefined && error.cause !== error)
    return translate(error.cause);
  return as('ServiceUnavailable', `the bus is not available: ${error.message}`);
}
