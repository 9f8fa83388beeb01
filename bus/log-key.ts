import { ApiError } from '../schemas/meta/status.ts';
import { keyToken } from './subjects.ts';

/** NATS reads a protocol line of at most 4096 bytes, and the line holds a reply subject and numbers too. */
const MAX_TOKEN_BYTES = 3000;

/** The key as the log's subjects spell it, or BadRequest. */
export function logToken(key: string): string {
  if (key === '') throw new ApiError('BadRequest', 'a key is missing');
  const token = keyToken(key);
  if (token.length > MAX_TOKEN_BYTES)
    throw new ApiError('BadRequest', `key "${key.slice(0, 100)}..." is longer than the store can hold`);
  return token;
}
