import type { PersistentVolume, PersistentVolumeClaim } from '../../../schemas/generated/core-v1.ts';
import { keyOf } from '../../../schemas/meta/object.ts';
import { reconciling, startController, type Controller } from '../../runtime/controller.ts';
import { source } from '../../runtime/source.ts';
import type { ControllerDeps } from '../../runtime/controller-deps.ts';
import { persistentVolumeClaims, persistentVolumes } from '../../runtime/resources.ts';
import { expand, hasGrown } from './reconcile.ts';

/** Notices claims that want to grow, and says who is to see to it. */
export function startPersistentVolumeExpander(deps: ControllerDeps): Controller {
  const client = deps.client('controller:persistentvolume-expander');
  const claims = deps.informers.for<PersistentVolumeClaim>(persistentVolumeClaims);
  const volumes = deps.informers.for<PersistentVolume>(persistentVolumes);
  return startController({
    name: 'persistentvolume-expander',
    ...deps,
    client,
    recorder: deps.recorderFor(client, 'volume_expand'),
    sources: [
      source(claims, (claim, old) =>
        claim.status?.phase === 'Bound' && (old === undefined || hasGrown(claim, old)) ? [keyOf(claim)] : [],
      ),
    ],
    reads: [volumes],
    sync: reconciling(
      (key) => {
        const claim = claims.get(key);
        const volume = claim && volumes.get(claim.spec?.volumeName ?? '');
        return volume && { claim, volume };
      },
      ({ claim, volume }) => ({ intents: expand(claim, volume) }),
    ),
  });
}
