import { readdir, readFile, statfs } from 'node:fs/promises';
import { cpus, release } from 'node:os';
import { join } from 'node:path';
import { addQuantities, formatQuantity } from '../../../schemas/meta/quantity.ts';
import type { KubeletConfiguration } from './configuration.ts';
import { machineIDOf, uuidOf, type Machine } from './machine-facts.ts';

export interface ReadMachineOptions {
  /** Name of the node: several may be on one machine, and are told apart by their ids. */
  readonly node: string;
  /** A folder on the disk that pods and images are on. */
  readonly disk: string;
  readonly configuration: KubeletConfiguration;
  /** Part of the machine's processors, memory and disk that the node says it has; default all of them. */
  readonly share?: number | undefined;
  /** Where the machine's files are; default `/`. */
  readonly root?: string | undefined;
}
export interface MachineReading extends Machine {
  /** Bytes of the machine, of which the node may say that it has less. */
  readonly memoryBytes: number;
}
const NANO = 1_000_000_000n;
const KI = 1024;
const binary = (bytes: number): string =>
  formatQuantity({ nano: BigInt(Math.floor(bytes)) * NANO, format: 'BinarySI' });

/** What the kernel and the files of this machine say of it. Source: cadvisor machine.Info, kubelet cm getCapacity. */
export async function readMachine(o: ReadMachineOptions): Promise<MachineReading> {
  const { node, configuration, share = 1 } = o;
  const at = (...path: string[]): string => join(o.root ?? '/', ...path);
  const text = (path: string): Promise<string> => readFile(path, 'utf8').then((all) => all.trim(), () => ''); // prettier-ignore
  const [meminfo, osRelease, machineID, boot, first, disk, hugepages] = await Promise.all([
    text(at('proc/meminfo')),
    text(at('etc/os-release')),
    text(at('etc/machine-id')),
    text(at('proc/sys/kernel/random/boot_id')),
    text(at('proc/1/stat')),
    statfs(o.disk),
    readHugepages(at('sys/kernel/mm/hugepages'), text),
  ]);
  const memoryBytes = kibibytes(meminfo, 'MemTotal');
  const milli = Math.floor(cpus().length * 1000 * share);
  const capacity = {
    cpu: formatQuantity({ nano: BigInt(milli) * 1_000_000n, format: 'DecimalSI' }),
    // As the kernel has them: in units of 1024 bytes.
    'ephemeral-storage': kibi(disk.blocks * disk.bsize * share),
    ...hugepages,
    memory: kibi(memoryBytes * share),
    pods: String(configuration.maxPods),
  };
  const id = machineIDOf(`${machineID}/${node}`);
  return {
    memoryBytes,
    capacity,
    reserved: reservedOf(configuration, { memory: memoryBytes * share, disk: disk.blocks * disk.bsize * share }),
    kernelVersion: release(),
    osImage: /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(osRelease)?.[1] ?? 'Linux',
    machineID: id,
    systemUUID: uuidOf(id),
    // The first process of the node's own namespaces lives as long as the node does.
    bootID: uuidOf(
      machineIDOf(`${boot}/${node}/${first.slice(first.lastIndexOf(')') + 2).split(' ')[START_TIME] ?? ''}`),
    ),
    architecture: ARCHITECTURES[process.arch] ?? process.arch,
    swapBytes: kibibytes(meminfo, 'SwapTotal'),
    kubeletPort: configuration.port,
    // Source: kubelet nodeLogDir.
    logs: at('var', 'log'),
  };
}
/** Field 22 of proc(5) stat, counted from what follows the name. */
const START_TIME = 19;
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386' };
const kibi = (bytes: number): string => `${Math.floor(bytes / KI)}Ki`;
/** Bytes. */
const kibibytes = (meminfo: string, name: string): number =>
  Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(meminfo)?.[1] ?? 0) * KI;
/** Amounts by size, `hugepages-2Mi`. */
async function readHugepages(folder: string, text: (path: string) => Promise<string>): Promise<Record<string, string>> {
  const out: Record<string, string> = {};
  for (const name of (await readdir(folder).catch(() => [])).toSorted()) {
    const kilobytes = Number(/^hugepages-(\d+)kB$/.exec(name)?.[1]);
    if (!(kilobytes > 0)) continue;
    const count = Number(await text(join(folder, name, 'nr_hugepages')));
    out[`hugepages-${binary(kilobytes * KI)}`] = binary(count * kilobytes * KI);
  }
  return out;
}
/** Signals whose hard thresholds are kept from pods. Source: kubelet cm hardEvictionReservation. */
const RESERVING = { memory: 'memory.available', 'ephemeral-storage': 'nodefs.available' } as const;

function reservedOf(configuration: KubeletConfiguration, total: { readonly memory: number; readonly disk: number }): Record<string, string> {
  const out: Record<string, string> = {};
  const add = (name: string, amount: string): void => void (out[name] = addQuantities(out[name] ?? '0', amount));
  for (const list of [configuration.systemReserved, configuration.kubeReserved])
    for (const [name, amount] of Object.entries(list)) add(name, amount);
  for (const [name, signal] of Object.entries(RESERVING)) {
    const threshold = configuration.evictionHard[signal];
    if (threshold === undefined || threshold === '0%' || threshold === '100%') continue;
    const of = name === 'memory' ? total.memory : total.disk;
    add(name, threshold.endsWith('%') ? binary((of * Number.parseFloat(threshold)) / 100) : threshold);
  }
  return out;
} // prettier-ignore
