/** One entry of a log file in the format of the CRI: `2016-10-06T00:17:09.669794202Z stdout F text`. Source: cri-client pkg/logs parseCRILog. */
export interface LogEntry {
  /** As it is written, nanoseconds and all. */
  readonly time: Buffer;
  readonly isStdout: boolean;
  /** The line goes on in the next entry: its own end is none. */
  readonly isPartial: boolean;
  readonly text: Buffer;
}
const SPACE = 0x20;
const COLON = 0x3a;
const STDOUT = Buffer.from('stdout');
const STDERR = Buffer.from('stderr');
const PARTIAL = 0x50;
/** A time has no more than this. */
const MOST_TIME_BYTES = 64;

/** Reads an entry without the newline at its end; undefined: it is none. */
export function parseEntry(line: Buffer): LogEntry | undefined {
  const first = line.indexOf(SPACE);
  const second = first < 0 ? -1 : line.indexOf(SPACE, first + 1);
  if (first < 1 || first > MOST_TIME_BYTES || second < 0) return undefined;
  const stream = line.subarray(first + 1, second);
  const isStdout = stream.equals(STDOUT);
  if (!isStdout && !stream.equals(STDERR)) return undefined;
  let third = line.indexOf(SPACE, second + 1);
  if (third < 0) third = line.length;
  if (!isTime(line, first)) return undefined;
  // Of several tags, between colons, the first says whether it is whole.
  const colon = line.indexOf(COLON, second + 1);
  const tagEnd = colon >= 0 && colon < third ? colon : third;
  const isPartial = tagEnd === second + 2 && line[second + 1] === PARTIAL;
  return { time: line.subarray(0, first), isStdout, isPartial, text: line.subarray(third + 1) };
}
const DATE = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})$/;
const isTime = (line: Buffer, end: number): boolean => line[4] === 0x2d && DATE.test(line.toString('latin1', 0, end));

const MS = 1_000_000n;
/** Nanoseconds since the epoch. */
export function nanosOf(time: Buffer): bigint {
  const text = time.toString('latin1');
  const [, seconds = '', fraction = '', zone = 'Z'] = /^([^.Z+]+?)(?:\.(\d+))?(Z|[+-]\d{2}:\d{2})$/.exec(text) ?? [];
  return BigInt(Date.parse(`${seconds}${zone}`)) * MS + BigInt(fraction.slice(0, 9).padEnd(9, '0'));
}
/** As kubectl shows it: in UTC or the zone it has, always nine digits. Source: cri-client timeFormatOut RFC3339NanoFixed. */
export function shownTime(time: Buffer): Buffer {
  const text = time.toString('latin1');
  const [, seconds = '', fraction = '', zone = ''] = /^([^.Z+]+?)(?:\.(\d+))?(Z|[+-]\d{2}:\d{2})$/.exec(text) ?? [];
  return fraction.length === 9 ? time : Buffer.from(`${seconds}.${fraction.slice(0, 9).padEnd(9, '0')}${zone}`, 'latin1');
} // prettier-ignore
