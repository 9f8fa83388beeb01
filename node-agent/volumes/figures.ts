import { readFile, stat } from 'node:fs/promises';
import type { Commands } from '../host/commands.ts';
import { deviceNumber } from '../host/device-number.ts';

/** How full a volume is; what nobody knows is 0, as with upstream. Source: pkg/volume Metrics. */
export interface VolumeFigures {
  readonly availableBytes: number;
  readonly capacityBytes: number;
  readonly usedBytes: number;
  readonly inodesFree: number;
  readonly inodes: number;
  readonly inodesUsed: number;
  /** What its driver says of how it is, where it says anything. */
  readonly condition?: { readonly abnormal: boolean; readonly message: string };
}
/**
 * How that is found out: what is in its folder, the whole file system that it is on, whoever knows (undefined: nobody does), or
 * not at all.
 */
export type VolumeCount = 'folder' | 'fileSystem' | 'nothing' | (() => Promise<VolumeFigures | undefined>);

export const NO_FIGURES: VolumeFigures = {
  availableBytes: 0,
  capacityBytes: 0,
  usedBytes: 0,
  inodesFree: 0,
  inodes: 0,
  inodesUsed: 0,
};
const SECTOR_BYTES = 512;

/** Of a device only its size is known. Rejects where it is none. Source: pkg/volume metrics_block.go. */
export async function deviceFigures(path: string): Promise<VolumeFigures> {
  const { rdev } = await stat(path, { bigint: true });
  const sectors = Number(await readFile(`/sys/dev/block/${deviceNumber(rdev)}/size`, 'utf8'));
  return { ...NO_FIGURES, capacityBytes: sectors * SECTOR_BYTES };
}
/** Of a server that may not answer: whoever waits for it then is a program, and nobody here. Rejects with CommandError. */
export async function serverFigures(commands: Commands, path: string): Promise<VolumeFigures> {
  const text = await commands.must('stat', ['--file-system', '--format=%S %b %f %a %c %d', path]);
  const [size = 0, blocks = 0, free = 0, available = 0, inodes = 0, inodesFree = 0] = text.split(' ').map(Number);
  return {
    availableBytes: available * size,
    capacityBytes: blocks * size,
    usedBytes: (blocks - free) * size,
    inodesFree,
    inodes,
    inodesUsed: inodes - inodesFree,
  };
}
