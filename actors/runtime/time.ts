import { parseTime } from '../../schemas/meta/time.ts';

/** Milliseconds since the epoch of a Time or MicroTime; undefined for none and for what is not a time. */
export const timeOf = (text: string | null | undefined): number | undefined => (text ? parseTime(text) : undefined);
