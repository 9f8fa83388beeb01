import { readFile } from 'node:fs/promises';
import type { InterfaceStats, NetworkStats } from '../../../bus/protocol/node.ts';

const DEFAULT = 'eth0';

/** What passed through the interfaces of a network namespace but its loopback, by the text of /proc/<pid>/net/dev. Pure. */
export function networkStats(text: string, time: string): NetworkStats | undefined {
  const interfaces = text.split('\n').flatMap((line): InterfaceStats[] => {
    const [name = '', rest] = line.split(':');
    if (rest === undefined || name.trim() === 'lo') return [];
    const n = rest.trim().split(/\s+/).map(Number);
    return [{ name: name.trim(), rxBytes: n[0] ?? 0, rxErrors: n[2] ?? 0, txBytes: n[8] ?? 0, txErrors: n[10] ?? 0 }];
  });
  const first = interfaces.find(({ name }) => name === DEFAULT) ?? interfaces[0];
  return first === undefined ? undefined : { time, ...first, interfaces };
}
/** Of the network that a process is in; undefined: it has gone, or has none. */
export const networkOf = async (pid: number | 'self', time: string): Promise<NetworkStats | undefined> =>
  networkStats(await readFile(`/proc/${pid}/net/dev`, 'utf8').catch(() => ''), time);
