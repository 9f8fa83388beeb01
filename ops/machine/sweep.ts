import { existsSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { realWorld } from '../../bus/real-world.ts';
import { machineCommands, type Commands } from '../../node-agent/host/commands.ts';
import { detachLoops } from '../../node-agent/host/loop-devices.ts';
import { UserError } from '../cli/output.ts';
import { startedAt } from '../cluster/lock.ts';
import { closeFirewall } from './firewall.ts';
import { machineNames, machinePaths, type MachineNames } from './names.ts';
import { changeMachineBack, forgetRecord, readRecord } from './record.ts';

/**
 * Takes away whatever a cluster's real nodes have left on the machine: processes, interfaces with their routes, tables,
 * cgroups, loop devices, changed settings. Found by name, so it does not matter how the cluster ended; nothing there is no error.
 */
export async function sweep(clusterDir: string, commands: Commands): Promise<void> {
  const names = machineNames(clusterDir);
  const { record, dir } = machinePaths(clusterDir);
  for (const { pid, started } of Object.values(readRecord(record).processes)) await endProcess(pid, started);
  await Promise.all([removeLinks(names, commands), removeTable(names, commands), closeFirewall(commands, names)]);
  await removeCgroups(names);
  await detachLoops(dir, commands);
  changeMachineBack(names.comment);
  forgetRecord(record);
}
/** The same where an earlier run has ended without it. Thrown: UserError for who may not. */
export async function sweepLeftover(clusterDir: string): Promise<void> {
  if (!existsSync(machinePaths(clusterDir).record)) return;
  if (process.getuid?.() !== 0)
    throw new UserError(
      `real nodes of ${clusterDir} have left something on this machine, which only root can remove: sudo ./kubus down`,
    );
  await sweep(clusterDir, machineCommands(realWorld({ component: 'machine', level: 'silent' })));
}
/** The kernel ends with it all that ran in its namespaces. */
async function endProcess(pid: number, started: string): Promise<void> {
  for (let i = 0; startedAt(pid) === started && i < 1000; i++) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      return;
    }
    await pause();
  }
}
const pause = (ms = 10): Promise<void> => new Promise((r) => setTimeout(r, ms));

async function removeLinks({ bridge, cables }: MachineNames, commands: Commands): Promise<void> {
  const links = JSON.parse((await commands.must('ip', ['-json', 'link'])) || '[]') as readonly {
    readonly ifname: string;
  }[];
  const own = links.map(({ ifname }) => ifname).filter((name) => name === bridge || name.startsWith(cables));
  // The other end may be taking it away at this moment.
  for (const name of own) await commands.run('ip', ['link', 'delete', 'dev', name]);
}
const removeTable = ({ table }: MachineNames, commands: Commands): Promise<unknown> =>
  commands.run('nft', ['delete', 'table', 'ip', table]);

/** Those that have the cluster's name, with all below, in every hierarchy. */
export async function removeCgroups({ cgroup }: MachineNames): Promise<void> {
  for (const hierarchy of hierarchies()) await removeCgroup(join(hierarchy, cgroup));
}
/** Roots of the cgroup hierarchies: one of v2, one a controller of v1, or both. */
function hierarchies(): string[] {
  return readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [, place = '', type = ''] = line.split(' ');
      return type === 'cgroup' || type === 'cgroup2' ? [place] : [];
    });
}
async function removeCgroup(folder: string): Promise<void> {
  // Processes that were killed leave when they are collected.
  for (let i = 0; i < 200; i++) {
    if (removeFolders(folder)) return;
    await pause();
  }
}
/** False: something is still in use. */
function removeFolders(folder: string): boolean {
  let below: string[];
  try {
    below = readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
  } catch {
    return true;
  }
  const all = below.map((name) => removeFolders(join(folder, name)));
  return all.every(Boolean) && removeEmpty(folder);
}
function removeEmpty(folder: string): boolean {
  try {
    rmdirSync(folder);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT';
  }
}
