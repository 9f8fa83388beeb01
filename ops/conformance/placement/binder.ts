import type { PersistentVolume, PersistentVolumeClaim } from '../../../schemas/generated/core-v1.ts';
import { BIND_COMPLETED, SELECTED_NODE } from '../../../schemas/helpers/volume-binding.ts';
import { PLACES } from './cluster.ts';
import type { StandIn, Written } from './stand-in.ts';

/** Does what the scheduler waits for: a claim gets the volume that was set aside for it, or one that is made for it. */
export function bindVolumes(standIn: StandIn, { resource, body }: Written): void {
  const bind = (claim: PersistentVolumeClaim, volumeName: string): void =>
    standIn.put(PLACES.claims, {
      ...claim,
      metadata: { ...claim.metadata, annotations: { ...claim.metadata.annotations, [BIND_COMPLETED]: 'yes' } },
      spec: { ...claim.spec, volumeName },
      status: { phase: 'Bound' },
    } as PersistentVolumeClaim);
  if (resource === PLACES.volumes) {
    const { metadata, spec } = body as PersistentVolume;
    const claim = standIn.get(PLACES.claims, `${spec?.claimRef?.namespace}/${spec?.claimRef?.name}`);
    if (claim !== undefined) bind(claim, metadata.name!);
  }
  if (resource !== PLACES.claims) return;
  const claim = body as PersistentVolumeClaim;
  const { name, namespace, uid, annotations } = claim.metadata;
  if (annotations?.[SELECTED_NODE] === undefined) return;
  const made = `${uid}-made`;
  standIn.put(PLACES.volumes, {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: made, uid: made },
    spec: { capacity: { storage: '5Gi' }, accessModes: ['ReadWriteOnce'], storageClassName: claim.spec?.storageClassName, claimRef: { kind: 'PersistentVolumeClaim', namespace, name, uid } },
    status: { phase: 'Bound' },
  } as PersistentVolume); // prettier-ignore
  bind(claim, made);
}
