import { existsSync, readdirSync, readFileSync, statSync, openSync, readSync, closeSync, watch } from 'node:fs';
import { join } from 'node:path';
import { requireCluster } from '../../cluster/config.ts';
import { dim, print, UserError } from '../output.ts';

interface LogOptions {
  readonly name: string;
  readonly follow?: boolean;
  readonly tail?: number;
  readonly raw?: boolean;
}
const LEVELS: Readonly<Record<number, string>> = {
  10: 'TRACE',
  20: 'DEBUG',
  30: 'INFO',
  40: 'WARN',
  50: 'ERROR',
  60: 'FATAL',
};

/** Prints the log files of a cluster, one or all merged in order of time; `--follow` goes on. */
export async function logs(component: string | undefined, options: LogOptions): Promise<void> {
  const { paths } = requireCluster(options.name);
  const names = existsSync(paths.logs)
    ? readdirSync(paths.logs)
        .filter((f) => f.endsWith('.log'))
        .map((f) => f.slice(0, -4))
        .sort()
    : [];
  if (component !== undefined && !names.includes(component))
    throw new UserError(`there is no log of "${component}": choose from ${names.join(', ') || '(none yet)'}`);
  const chosen = component === undefined ? names : [component];
  const ends = new Map<string, number>();
  let lines: { time: number; text: string }[] = [];
  for (const name of chosen) {
    const file = join(paths.logs, `${name}.log`);
    const bytes = readFileSync(file);
    ends.set(file, bytes.length);
    let last = 0;
    for (const line of bytes.toString('utf8').split('\n')) {
      if (line === '') continue;
      last = timeOf(line) ?? last;
      lines.push({ time: last, text: show(line, chosen.length > 1 ? name : undefined, options.raw) });
    }
  }
  lines.sort((a, b) => a.time - b.time);
  if (options.tail !== undefined) lines = lines.slice(-options.tail || lines.length);
  for (const { text } of lines) print(text);
  if (!options.follow) return;
  for (const name of chosen) {
    const file = join(paths.logs, `${name}.log`);
    let rest = '';
    watch(file, () => {
      const from = ends.get(file)!;
      const size = statSync(file).size;
      if (size <= from) return;
      const buffer = Buffer.alloc(size - from);
      const fd = openSync(file, 'r');
      readSync(fd, buffer, 0, buffer.length, from);
      closeSync(fd);
      ends.set(file, size);
      const parts = (rest + buffer.toString('utf8')).split('\n');
      rest = parts.pop()!;
      for (const line of parts) if (line !== '') print(show(line, chosen.length > 1 ? name : undefined, options.raw));
    });
  }
  await new Promise(() => undefined);
}
function timeOf(line: string): number | undefined {
  const pino = /"time":(\d+)/.exec(line);
  if (pino) return Number(pino[1]);
  const nats = /^\[\d+\] (\d{4})\/(\d\d)\/(\d\d) (\d\d:\d\d:\d\d\.\d+)/.exec(line);
  return nats ? new Date(`${nats[1]}-${nats[2]}-${nats[3]}T${nats[4]}`).getTime() : undefined;
}
function show(line: string, prefix: string | undefined, raw: boolean | undefined): string {
  const head = prefix === undefined ? '' : `${dim(prefix.padEnd(12))} `;
  if (raw || !line.startsWith('{')) return head + line;
  try {
    const { time, level, msg, pid: _pid, hostname: _host, ...rest } = JSON.parse(line) as Record<string, unknown>;
    const keys = Object.entries(rest)
      .map(([k, v]) => `${k}=${typeof v === 'string' ? v : JSON.stringify(v)}`)
      .join(' ');
    return `${head}${new Date(Number(time)).toISOString().slice(11, 23)} ${(LEVELS[Number(level)] ?? String(level)).padEnd(5)} ${String(msg)} ${dim(keys)}`;
  } catch {
    return head + line;
  }
}
