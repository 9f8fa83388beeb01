import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readSync, statSync, watch } from 'node:fs';
import { join } from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import { requireCluster } from '../../cluster/config.ts';
import { dim, print, UserError } from '../output.ts';

interface LogOptions {
  readonly name: string;
  readonly follow?: boolean;
  readonly tail?: number;
  readonly raw?: boolean;
}
/** Columns that the longest level takes. */
const LEVEL_WIDTH = 5;

/** Prints the log files of a cluster, one or all merged in order of time; `--follow` goes on. */
export async function logs(component: string | undefined, options: LogOptions): Promise<void> {
  const { paths } = requireCluster(options.name);
  const all = (): string[] =>
    statSync(paths.logs, { throwIfNoEntry: false })?.isDirectory()
      ? readdirSync(paths.logs)
          .filter((f) => f.endsWith('.log'))
          .map((f) => f.slice(0, -'.log'.length))
          .sort()
      : [];
  const names = all();
  if (component !== undefined && !names.includes(component))
    throw new UserError(`there is no log of "${component}": choose from ${names.join(', ') || '(none yet)'}`);
  const readers = new Map<string, Reader>();
  const readerOf = (name: string): Reader => {
    let reader = readers.get(name);
    if (reader === undefined) readers.set(name, (reader = new Reader(join(paths.logs, `${name}.log`))));
    return reader;
  };
  const lines: { time: number; text: string }[] = [];
  for (const name of component === undefined ? names : [component]) {
    let last = 0;
    for (const line of readerOf(name).more()) {
      last = timeOf(line) ?? last;
      lines.push({ time: last, text: show(line, component === undefined ? name : undefined, options.raw) });
    }
  }
  lines.sort((a, b) => a.time - b.time);
  const from = options.tail === undefined ? 0 : Math.max(0, lines.length - options.tail);
  for (const { text } of lines.slice(from)) print(text);
  if (!options.follow) return;
  // The folder and not the files: components that are started later write files of their own.
  mkdirSync(paths.logs, { recursive: true, mode: 0o700 });
  watch(paths.logs, () => {
    for (const name of component === undefined ? all() : [component])
      for (const line of readerOf(name).more())
        print(show(line, component === undefined ? name : undefined, options.raw));
  });
  await new Promise(() => undefined);
}
/** The lines of a file that is being written, each once and only when it is whole. */
class Reader {
  readonly #file: string;
  #at = 0;
  #rest = '';
  #decoder = new StringDecoder('utf8');
  constructor(file: string) {
    this.#file = file;
  }
  more(): string[] {
    const size = existsSync(this.#file) ? statSync(this.#file).size : 0;
    if (size < this.#at) {
      // Somebody emptied it.
      this.#at = 0;
      this.#rest = '';
      this.#decoder = new StringDecoder('utf8');
    }
    if (size === this.#at) return [];
    const buffer = Buffer.alloc(size - this.#at);
    const fd = openSync(this.#file, 'r');
    const read = readSync(fd, buffer, 0, buffer.length, this.#at);
    closeSync(fd);
    this.#at += read;
    const parts = (this.#rest + this.#decoder.write(buffer.subarray(0, read))).split('\n');
    this.#rest = parts.pop()!;
    return parts.filter((line) => line !== '');
  }
}
function timeOf(line: string): number | undefined {
  const ours = /"time":"([^"]+)"/.exec(line);
  if (ours) return Date.parse(ours[1]!);
  const nats = /^\[\d+\] (\d{4})\/(\d\d)\/(\d\d) (\d\d:\d\d:\d\d\.\d+)/.exec(line);
  return nats ? Date.parse(`${nats[1]}-${nats[2]}-${nats[3]}T${nats[4]}`) : undefined;
}
function show(line: string, prefix: string | undefined, raw: boolean | undefined): string {
  if (raw) return line;
  const head = prefix === undefined ? '' : `${dim(prefix.padEnd(12))} `;
  if (!line.startsWith('{')) return head + line;
  let fields: Record<string, unknown>;
  try {
    fields = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return head + line;
  }
  const { time, level, msg, err, ...rest } = fields;
  const keys = Object.entries(rest).map(([k, v]) => `${k}=${typeof v === 'string' ? v : JSON.stringify(v)}`);
  // Stacks are for --raw.
  if (err !== undefined) keys.push(`err=${JSON.stringify((err as { message?: string }).message ?? err)}`);
  const clock = typeof time === 'string' ? time.slice(11, 23) : String(time);
  return `${head}${clock} ${String(level).toUpperCase().padEnd(LEVEL_WIDTH)} ${String(msg)} ${dim(keys.join(' '))}`;
}
