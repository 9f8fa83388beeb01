import { existsSync, mkdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { startedAt } from '../cluster/lock.ts';
import { isBridge } from './names.ts';

/** What has to be ended on the machine, kept while it has to. */
export interface Left {
  /** First processes of nodes. */
  readonly processes: Readonly<Record<string, { readonly pid: number; readonly started: string }>>;
}
const read = <T>(file: string, otherwise: T): T => {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as T;
  } catch {
    return otherwise;
  }
};
export const readRecord = (file: string): Left => read(file, { processes: {} });
/** From now on there is something to undo. */
export function keepRecord(file: string): { process(node: string, pid: number | undefined): void } {
  let left = readRecord(file);
  const keep = (change: Partial<Left>): void => {
    left = { ...left, ...change };
    writeFileSync(file, JSON.stringify(left), { mode: 0o600 });
  };
  keep({});
  return {
    process: (node, pid) => {
      const { [node]: _, ...others } = left.processes;
      const started = pid === undefined ? undefined : startedAt(pid);
      keep({
        processes: pid === undefined || started === undefined ? others : { ...others, [node]: { pid, started } },
      });
    },
  };
}
export const forgetRecord = (file: string): void => rmSync(file, { force: true });

/** What is of the whole machine: the first cluster with real nodes changes it, the last one changes it back. */
interface Changes {
  /** Files of /proc/sys, and what they held before. */
  readonly sysctls: Readonly<Record<string, string>>;
  /** Folders that were made. */
  readonly folders: readonly string[];
}
/** Places on the machine. */
interface Places {
  /** Gone when the machine starts, as are its settings. */
  readonly notes: string;
  readonly ipForward: string;
  /** Where CNI keeps what it did: each node's own is laid over it. */
  readonly cniState: string;
  /** Names of interfaces, each before a colon. */
  readonly links: string;
}
const MACHINE: Places = {
  notes: '/run/kubus-undo.json',
  ipForward: '/proc/sys/net/ipv4/ip_forward',
  cniState: '/var/lib/cni',
  links: '/proc/self/net/dev',
};
const NONE: Changes = { sysctls: {}, folders: [] };

/** Changes what nodes need changed, each noted before it is done. */
export function changeMachine({ notes, ipForward, cniState }: Places = MACHINE): void {
  let changes = read(notes, NONE);
  const note = (more: Partial<Changes>): void => {
    changes = { ...changes, ...more };
    writeFileSync(notes, JSON.stringify(changes), { mode: 0o600 });
  };
  const before = readFileSync(ipForward, 'utf8').trim();
  if (before !== '1') {
    note({ sysctls: { ...changes.sysctls, [ipForward]: before } });
    writeFileSync(ipForward, '1');
  }
  if (existsSync(cniState)) return;
  note({ folders: [...changes.folders, cniState] });
  mkdirSync(cniState, { recursive: true });
}
/** Unless another cluster has real nodes here. */
export function changeMachineBack({ notes, links }: Places = MACHINE): void {
  if (!existsSync(notes)) return;
  const names = readFileSync(links, 'utf8').split('\n').map((line) => line.split(':')[0]!.trim()); // prettier-ignore
  if (names.some(isBridge)) return;
  const { sysctls, folders } = read(notes, NONE);
  for (const [file, before] of Object.entries(sysctls)) writeFileSync(file, before);
  for (const folder of folders) {
    try {
      rmdirSync(folder);
    } catch {
      // Somebody else has put something there meanwhile.
    }
  }
  rmSync(notes);
}
