import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** How many processes and threads may be, and how many are. Source: kubelet pkg/kubelet/stats/pidlimit. */
export async function processes(root = '/'): Promise<{ readonly maxpid: number; readonly curproc: number }> {
  const text = (path: string): Promise<string> => readFile(join(root, path), 'utf8').catch(() => '');
  const [pidMax, threadsMax, loadavg] = await Promise.all([
    text('proc/sys/kernel/pid_max'),
    text('proc/sys/kernel/threads-max'),
    text('proc/loadavg'),
  ]);
  const limits = [pidMax, threadsMax].map(Number).filter((n) => n > 0);
  return { maxpid: limits.length === 0 ? 0 : Math.min(...limits), curproc: Number(/\/(\d+) /.exec(loadavg)?.[1] ?? 0) };
}
