import { parseDuration } from '../../../schemas/meta/duration.ts';

const NANOS_OF_MS = 1_000_000n;
/** ms of a duration that was looked at when its file was read. */
export function durationMs(text: string): number {
  const nanos = parseDuration(text);
  return typeof nanos === 'string' ? 0 : Number(nanos / NANOS_OF_MS);
}
