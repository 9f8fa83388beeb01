/** A time as Go prints it without being told how, `2026-11-21 23:37:01.5 +0000 UTC`; undefined: its zero. `ms`: since the epoch. */
export function formatGoTime(ms: number | undefined): string {
  const whole = ms === undefined ? '0001-01-01T00:00:00.000Z' : isoOf(ms);
  return `${whole
    .replace('T', ' ')
    .replace(/(\.\d*?)0*Z$/, '$1')
    .replace(/\.$/, '')} +0000 UTC`;
}
const MAX_MS = 8.64e15;
const isoOf = (ms: number): string => new Date(Math.max(-MAX_MS, Math.min(MAX_MS, ms))).toISOString();
