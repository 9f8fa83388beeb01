import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Hierarchy } from './hierarchy.ts';

/** What a group has used and uses, with all below it. */
export interface GroupUsage {
  /** Processor time in ns. */
  readonly cpuNanos: number;
  /** Bytes, also those of files that could be dropped. */
  readonly memoryBytes: number;
  /** Bytes without files that nobody has looked at for long: what counts against a limit. */
  readonly workingSetBytes: number;
  readonly rssBytes: number;
  readonly pageFaults: number;
  readonly majorPageFaults: number;
  /** Threads. */
  readonly pids: number;
}
/** Reads the groups of a hierarchy by path; undefined: there is no such group. Source: cadvisor container/libcontainer setMemoryStats, setCPUStats. */
export function usageReader(hierarchy: Hierarchy): (path: string) => Promise<GroupUsage | undefined> {
  const text = (...parts: string[]): Promise<string> => readFile(join(...parts), 'utf8');
  const number = async (...parts: string[]): Promise<number> => Number(await text(...parts).catch(() => '0'));
  if (hierarchy.version === 2)
    return async (path) => {
      const group = join(hierarchy.mount, path);
      const stat = await text(group, 'cpu.stat').catch(() => undefined);
      if (stat === undefined) return undefined;
      const [memory, current, pids] = await Promise.all([
        text(group, 'memory.stat').catch(() => ''),
        number(group, 'memory.current'),
        number(group, 'pids.current'),
      ]);
      const of = table(memory);
      // The group of all says nothing of what it uses at the moment, but what that consists of.
      const used = current > 0 ? current : of('anon') + of('file') + of('kernel');
      return {
        cpuNanos: table(stat)('usage_usec') * 1_000,
        memoryBytes: used,
        workingSetBytes: Math.max(0, used - of('inactive_file')),
        rssBytes: of('anon'),
        pageFaults: of('pgfault'),
        majorPageFaults: of('pgmajfault'),
        pids,
      };
    };
  const folder = (controller: string): string => hierarchy.controllers.get(controller) ?? '';
  return async (path) => {
    const memory = await text(folder('memory'), path, 'memory.stat').catch(() => undefined);
    if (memory === undefined) return undefined;
    const [cpuNanos, used, pids] = await Promise.all([
      number(folder('cpuacct'), path, 'cpuacct.usage'),
      number(folder('memory'), path, 'memory.usage_in_bytes'),
      number(folder('pids'), path, 'pids.current'),
    ]);
    const of = table(memory);
    return {
      cpuNanos,
      memoryBytes: used,
      workingSetBytes: Math.max(0, used - of('total_inactive_file')),
      rssBytes: of('total_rss'),
      pageFaults: of('total_pgfault'),
      majorPageFaults: of('total_pgmajfault'),
      pids,
    };
  };
}
/** Lines of a name and a number; what is not there is 0. */
function table(text: string): (name: string) => number {
  const found = new Map(text.split('\n').map((line) => line.split(' ') as [string, string]));
  return (name) => Number(found.get(name) ?? 0);
}
