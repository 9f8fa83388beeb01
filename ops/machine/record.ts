import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CONTAINER_LOGS_ROOT, KUBELET_ROOT, LOGS_ROOT } from '../../node-agent/host/paths.ts';
import { startedAt } from '../cluster/lock.ts';

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

/** What is of the whole machine: the first that has real nodes here changes it, the last one changes it back. */
interface Changes {
  /** Files of /proc/sys, and what they held before. */
  readonly sysctls: Readonly<Record<string, string>>;
  /** Who needs it so. */
  readonly holders: readonly string[];
}
/** Places on the machine. */
interface Places {
  /** Gone when the machine starts, as are its settings. */
  readonly notes: string;
  readonly ipForward: string;
  /** Where CNI keeps what it did, kubelets what they have, and pods' logs are: each node's own is laid over them. */
  readonly covered: readonly string[];
}
const MACHINE: Places = {
  notes: '/run/kubus-undo.json',
  ipForward: '/proc/sys/net/ipv4/ip_forward',
  covered: ['/var/lib/cni', KUBELET_ROOT, LOGS_ROOT, CONTAINER_LOGS_ROOT],
};
const changesIn = (notes: string): Changes => ({ sysctls: {}, holders: [], ...read<Partial<Changes>>(notes, {}) });

/** Changes what nodes need changed, each noted before it is done. `holder`: name of the cluster, in names of files. */
export function changeMachine(holder: string, { notes, ipForward, covered }: Places = MACHINE): void {
  let changes = changesIn(notes);
  const note = (more: Partial<Changes>): void => {
    changes = { ...changes, ...more };
    writeFileSync(notes, JSON.stringify(changes), { mode: 0o600 });
  };
  note({ holders: [...changes.holders.filter((one) => one !== holder), holder] });
  const before = readFileSync(ipForward, 'utf8').trim();
  if (before !== '1') {
    note({ sysctls: { ...changes.sysctls, [ipForward]: before } });
    writeFileSync(ipForward, '1');
  }
  for (const folder of covered) hold(folder, holder);
}
/** Unless others need it as it is. */
export function changeMachineBack(holder: string, { notes, covered }: Places = MACHINE): void {
  for (const folder of covered) release(folder, holder);
  if (!existsSync(notes)) return;
  const changes = changesIn(notes);
  const holders = changes.holders.filter((one) => one !== holder);
  if (holders.length > 0) return writeFileSync(notes, JSON.stringify({ ...changes, holders }), { mode: 0o600 });
  for (const [file, before] of Object.entries(changes.sysctls)) writeFileSync(file, before);
  rmSync(notes);
}
/**
 * A folder that was made for nodes is told by an empty file of each who needs it. While one is there nobody can remove it,
 * which would take along what is mounted on it in all namespaces, those too that the remover cannot see.
 */
const MARK = '.held-by-';
function hold(folder: string, holder: string): void {
  // One that is there without is the machine's own.
  if (existsSync(folder) && !readdirSync(folder).some((name) => name.startsWith(MARK))) return;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, MARK + holder), '');
}
function release(folder: string, holder: string): void {
  const mark = join(folder, MARK + holder);
  if (!existsSync(mark)) return;
  rmSync(mark);
  try {
    rmdirSync(folder);
  } catch {
    // Somebody else needs it, or has put something there meanwhile.
  }
}
