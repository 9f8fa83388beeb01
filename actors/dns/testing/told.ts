import { read } from './packets.ts';

/** An answer as it is compared: serial numbers are times, and records come in any order. */
export function told(bytes: Buffer): string {
  const { rcode, flags, answers, authority, additional } = read(bytes);
  const text = (mark: string, lines: readonly string[]): string[] =>
    lines.map((line) => `${mark}${line.replace(/( SOA \S+ \S+) \d+ /, '$1 N ')}`).toSorted();
  // Whether others are asked is the installation's.
  const kept = [rcode, ...flags.filter((flag) => flag === 'aa')].join(' ');
  return [kept, ...text('', answers), ...text('authority ', authority), ...text('additional ', additional)].join('\n');
}
