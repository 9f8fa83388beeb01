import { open, readFile } from 'node:fs/promises';
import { constants } from 'node:fs';
import { join } from 'node:path';

/** A process that the kernel ended because the machine as a whole had no memory left. */
export interface Victim {
  readonly process: string;
  readonly pid: number;
}
interface Line {
  /** Seconds since the machine started. */
  readonly at: number;
  readonly text: string;
}
/** One record of /dev/kmsg: `6,1234,5678901,-;text`, times in µs. */
function lineOf(record: string): Line | undefined {
  const [head = '', ...rest] = record.split(';');
  const at = Number(head.split(',')[2]);
  return Number.isNaN(at) || rest.length === 0 ? undefined : { at: at / 1e6, text: rest.join(';').split('\n')[0]! };
}
/** Who was ended since then for want of memory of the machine, and not of a group's own limit. Pure. Source: cadvisor oomparser, kubelet oomwatcher. */
export const victimsIn = (records: readonly string[], since: number): readonly Victim[] =>
  records.flatMap((record) => {
    const line = lineOf(record);
    const found = line === undefined || line.at <= since ? null : /^oom-kill:constraint=CONSTRAINT_(?:NONE|CPUSET|MEMORY_POLICY),.*,task=(.*),pid=(\d+),uid=\d+/.exec(line.text);
    return found === null ? [] : [{ process: found[1]!, pid: Number(found[2]) }];
  }); // prettier-ignore

const RECORD_BYTES = 8_192;
/** All that the kernel's log holds; none where it may not be read. */
async function kernelLog(path: string): Promise<string[]> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch(() => undefined);
  if (file === undefined) return [];
  const records: string[] = [];
  const buffer = Buffer.alloc(RECORD_BYTES);
  try {
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, RECORD_BYTES, null);
      if (bytesRead === 0) return records;
      records.push(buffer.toString('utf8', 0, bytesRead));
    }
  } catch (error) {
    // EPIPE: it was overwritten while it was read. EAGAIN: that was all.
    if ((error as NodeJS.ErrnoException).code === 'EPIPE') return [...records, ...(await kernelLog(path))];
    return records;
  } finally {
    await file.close();
  }
}
/** Says who was ended since the last question; reads the log only when the kernel counts more ends than before. */
export function systemOoms(root = '/'): () => Promise<readonly Victim[]> {
  let counted: number | undefined;
  let since = 0;
  const text = (path: string): Promise<string> => readFile(join(root, path), 'utf8').catch(() => '');
  return async () => {
    const count = Number(/^oom_kill (\d+)$/m.exec(await text('proc/vmstat'))?.[1] ?? 0);
    if (count === counted) return [];
    const isFirst = counted === undefined;
    counted = count;
    const uptime = Number((await text('proc/uptime')).split(' ')[0] ?? 0);
    const victims = isFirst ? [] : victimsIn(await kernelLog(join(root, 'dev/kmsg')), since);
    since = uptime;
    return victims;
  };
}
