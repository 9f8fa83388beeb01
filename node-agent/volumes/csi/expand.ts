import { grpcCode } from '../../grpc/client.ts';
import { ExpansionError, growWithVolume } from '../expansion.ts';
import type { PodVolume, VolumeHost } from '../plugin.ts';
import { quantityValue } from '../../../schemas/meta/quantity.ts';
import { credentials } from './objects.ts';
import { CAN, NODE } from './protocol.ts';
import { capability, type Source } from './source.ts';

interface Place {
  /** '' where the driver does not stage. */
  readonly staging: string;
  /** Where it is mounted, or the device. */
  readonly path: string;
}
/** It does not grow while pods use it. */
const IN_USE = 'FailedPrecondition';
/** Whatever is tried again. Source: isInfeasibleError. */
const INFEASIBLE: readonly (string | undefined)[] = ['InvalidArgument', 'OutOfRange', 'NotFound'];

/** Has the driver make the file system as large as the volume has become. Rejects: VolumeError. Source: pkg/volume/csi expander.go. */
export function expandWithVolume(volume: PodVolume, source: Source, { staging, path }: Place, host: VolumeHost, signal: AbortSignal): Promise<void> {
  const grow = async (size: string): Promise<void> => {
    let driver;
    try {
      driver = host.csi.drivers.of(source.driver);
    } catch (error) {
      throw new ExpansionError('transient', (error as Error).message, { cause: error });
    }
    if (!driver.can(CAN.expand)) throw new ExpansionError('unsupported', `NodeExpand is not supported by the CSI driver ${source.driver}`);
    const ref = volume.persistent!.spec!.csi!.nodeExpandSecretRef;
    const secrets = await credentials(host, ref, (name, why) => `expander.NodeExpand failed to get NodeExpandSecretRef ${name}: ${why}`, signal);
    const stagingTargetPath = driver.can(CAN.stage) ? staging : '';
    await driver
      .call(NODE.expand, {
        volumeId: source.handle, volumePath: path, stagingTargetPath,
        capacityRange: { requiredBytes: quantityValue(size) }, volumeCapability: capability(source, driver, volume.pod),
        secrets,
      })
      .catch((error: Error) => {
        const code = grpcCode(error);
        if (code === IN_USE) throw new ExpansionError('inUse', `Expander.NodeExpand failed to expand the volume : ${error.message}`, { cause: error });
        if (INFEASIBLE.includes(code)) throw new ExpansionError('infeasible', `Expander.NodeExpand failed to expand the volume ${error.message}`, { cause: error });
        throw new Error(`Expander.NodeExpand failed to expand the volume : ${error.message}`, { cause: error });
      });
  };
  return growWithVolume(volume, grow, host, signal);
} // prettier-ignore
