import type { PersistentVolume } from '../../../schemas/generated/core-v1.ts';
import { reconciling, startController, type Controller } from '../../runtime/controller.ts';
import { source } from '../../runtime/source.ts';
import type { ControllerDeps } from '../../runtime/controller-deps.ts';
import { protect } from '../../runtime/finalizers.ts';
import { persistentVolumes } from '../../runtime/resources.ts';

const FINALIZER = 'kubernetes.io/pv-protection';

/** Lets volumes that are being deleted go once no claim is bound to them. Source: pkg/controller/volume/pvprotection. */
export function startPvProtection(deps: ControllerDeps): Controller {
  const client = deps.client('controller:pv-protection');
  const volumes = deps.informers.for<PersistentVolume>(persistentVolumes);
  return startController({
    name: 'pv-protection',
    ...deps,
    client,
    sources: [source(volumes, (volume) => [volume.metadata.name!])],
    sync: reconciling(
      (key) => volumes.get(key),
      (volume) => ({ intents: protect(persistentVolumes, volume, FINALIZER, volume.status?.phase === 'Bound') }),
    ),
  });
}
