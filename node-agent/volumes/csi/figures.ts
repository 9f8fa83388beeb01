import { NO_FIGURES, type VolumeFigures } from '../figures.ts';
import type { VolumeHost } from '../plugin.ts';
import { CAN, NODE } from './protocol.ts';
import type { Source } from './source.ts';

/** Source: csi.proto VolumeUsage.Unit. */
const BYTES = 1;
const INODES = 2;
interface Answer {
  readonly usage: readonly { readonly available: number; readonly total: number; readonly used: number; readonly unit: number }[];
  readonly volumeCondition?: { readonly abnormal: boolean; readonly message: string };
} // prettier-ignore

/**
 * What a driver says of a volume at `volumePath`; undefined: it cannot say. Rejects with GrpcError, and while it is not there.
 * Source: pkg/volume/csi csi_metrics.go, csi_client.go NodeGetVolumeStats.
 */
export async function driverFigures({ csi }: Pick<VolumeHost, 'csi'>, { driver: name, handle }: Source, volumePath: string): Promise<VolumeFigures | undefined> {
  const driver = csi.drivers.of(name);
  if (!driver.can(CAN.stats)) return undefined;
  const { usage, volumeCondition } = (await driver.call(NODE.stats, { volumeId: handle, volumePath })) as unknown as Answer;
  const tellsCondition = driver.can(CAN.condition);
  if (!tellsCondition && usage.length === 0) throw new Error('failed to get usage from response. usage is nil');
  let figures = NO_FIGURES;
  for (const { unit, available, total, used } of usage)
    if (unit === BYTES) figures = { ...figures, availableBytes: available, capacityBytes: total, usedBytes: used };
    else if (unit === INODES) figures = { ...figures, inodesFree: available, inodes: total, inodesUsed: used };
  return tellsCondition ? { ...figures, condition: volumeCondition ?? { abnormal: false, message: '' } } : figures;
} // prettier-ignore
