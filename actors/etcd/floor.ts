import { decode, encode } from '../../bus/codec.ts';
import { FORMAT_VERSION } from '../../bus/log.ts';
import { ApiError } from '../../schemas/meta/status.ts';

/** The floor is a key like any other, so every facade learns of it in order, and it survives restarts. */
export const FLOOR_KEY = '/kubus/floor';

export interface Floor {
  readonly format: number;
  /** Reads below it answer Expired. */
  readonly floor: number;
  /** Tombstones up to here are purged whole. */
  readonly forgotten: number;
  /** Checksum of all entries from the floor to revision `at`, as the floor's writer has seen them: others compare. */
  readonly at: number;
  readonly digest?: number | undefined;
}

export const encodeFloor = (floor: Omit<Floor, 'format'>): Uint8Array => encode({ format: FORMAT_VERSION, ...floor });

/** Thrown: Invalid for data of a newer version, or for what is no floor. */
export function decodeFloor(value: Uint8Array): Floor {
  const floor = decode(value) as Partial<Floor> | undefined;
  if (typeof floor?.format !== 'number' || typeof floor.floor !== 'number')
    throw new ApiError('Invalid', `the key ${FLOOR_KEY} of the store is damaged: restore a snapshot`);
  assertFormat(floor.format, 'the store');
  return { forgotten: 0, at: 0, ...floor } as Floor;
}

export function assertFormat(format: number, what: string): void {
  if (format <= FORMAT_VERSION) return;
  throw new ApiError(
    'Invalid',
    `${what} was written by a newer version (format ${format}, this one reads ${FORMAT_VERSION}): use that version`,
  );
}
