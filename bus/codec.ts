import { ApiError } from '../schemas/meta/status.ts';
import { decodeLean, decodeValue, decodeValues } from './decoder.ts';
import { encodeValue } from './encoder.ts';

/**
 * Bodies on the bus: plain MessagePack of JSON's types and bytes. No shared record tables, although they are faster:
 * every message must be readable by any process, of whatever version and however often restarted since.
 * Fields that are undefined are left out; Uint8Array stays Uint8Array (a view into the message, not a copy).
 */
const NOTHING = new Uint8Array(0);

/** A value encoded once, to be sent to many: wherever a body or a frame is expected this may stand in for it. */
export class Encoded {
  readonly bytes: Uint8Array;
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
}
export const encodeOnce = (value: unknown): Encoded => new Encoded(encode(value));

/** Thrown: ApiError InternalError if `value` holds what no message can (functions), BadRequest if it is nested too deep. */
export function encode(value: unknown): Uint8Array {
  if (value === undefined) return NOTHING;
  if (value instanceof Encoded) return value.bytes;
  try {
    return encodeValue(value);
  } catch (cause) {
    if (isOverflow(cause)) throw tooDeep(cause);
    throw new ApiError('InternalError', `cannot encode the message: ${(cause as Error).message}`, { cause });
  }
}

/** Thrown: ApiError BadRequest for anything but one well-formed value. */
export function decode(bytes: Uint8Array): unknown {
  return bytes.length === 0 ? undefined : orMalformed(decodeValue, bytes);
}

/** Of an object of the API, without its metadata.managedFields. Thrown: as by decode(). */
export function decodeObject(bytes: Uint8Array): unknown {
  return orMalformed(decodeLean, bytes);
}

/** All values of a concatenation of encoded values. Thrown: ApiError BadRequest. */
export function decodeAll(bytes: Uint8Array): unknown[] {
  return orMalformed(decodeValues, bytes);
}

function orMalformed<T>(read: (bytes: Uint8Array) => T, bytes: Uint8Array): T {
  try {
    return read(bytes);
  } catch (cause) {
    throw malformed(cause);
  }
}
const malformed = (cause: unknown): ApiError =>
  isOverflow(cause)
    ? tooDeep(cause)
    : new ApiError('BadRequest', 'the message is not well-formed MessagePack', { cause });
/**
 * Values are read and written by recursion. That there is an end to the stack is told by a RangeError, which leaves nothing
 * half done; how deep one may go depends on who calls, some 1,400 levels at the least.
 */
const isOverflow = (cause: unknown): boolean =>
  cause instanceof RangeError && cause.message === 'Maximum call stack size exceeded';
const tooDeep = (cause: unknown): ApiError => new ApiError('BadRequest', 'the message is nested too deep', { cause });
