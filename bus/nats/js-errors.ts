import { ApiError } from '../../schemas/meta/status.ts';
import { conflictDetails, noSpaceDetails } from '../log.ts';

export interface JsError {
  readonly code: number;
  readonly err_code?: number;
  readonly description?: string;
}

/** nats-server's own numbers. Source: nats-server server/errors.json. */
const WRONG_LAST_SEQUENCE = new Set([10071, 10164]);
const TOO_LARGE = new Set([10054]);
const NO_SPACE = new Set([10023, 10028, 10047, 10077]);
const STORED_BEFORE = new Set([10201]);
const NOT_FOUND = new Set([10037, 10059]);

/** An error that JetStream answered, as a Status. It answered, so nothing was stored. */
export function jsError(error: JsError, what: string): ApiError {
  const number = error.err_code ?? 0;
  const text = error.description ?? `error ${error.code}`;
  if (WRONG_LAST_SEQUENCE.has(number)) {
    const actual = /sequence: (\d+)/.exec(text)?.[1];
    return new ApiError('Conflict', `${what}: ${text}`, {
      details: conflictDetails(actual === undefined ? undefined : Number(actual)),
    });
  }
  if (TOO_LARGE.has(number)) return new ApiError('RequestEntityTooLarge', `${what}: ${text}`);
  if (NO_SPACE.has(number))
    return new ApiError('ServiceUnavailable', `${what}: the store has no space left (${text}): free disk space`, {
      details: noSpaceDetails,
    });
  if (STORED_BEFORE.has(number)) return new ApiError('AlreadyExists', `${what}: ${text}`);
  if (NOT_FOUND.has(number)) return new ApiError('NotFound', `${what}: ${text}`);
  return new ApiError('ServiceUnavailable', `${what}: ${text}`);
}
