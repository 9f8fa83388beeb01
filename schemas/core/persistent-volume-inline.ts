import type { Errors } from '../define.ts';
import type { PersistentVolumeSpec } from '../generated/core-v1.ts';
import { forbidden, required, type FieldPath } from '../meta/field.ts';
import { validateSources } from './persistent-volume-sources.ts';
import { isRoot } from './persistent-volume-validation.ts';
import { validateAccessModes } from './volume-claim.ts';

const INLINE = 'in the context of inline volumes';
const NOT_INLINE = `may not be specified ${INLINE}`;

/** A volume that an attachment has instead of naming one. Source: pkg/apis/core/validation ValidatePersistentVolumeSpec. */
export function* validateInlineSpec(spec: PersistentVolumeSpec, at: FieldPath): Errors {
  const { accessModes = [], persistentVolumeReclaimPolicy: reclaim, volumeMode } = spec;
  if (spec.claimRef) yield forbidden(at('claimRef'), NOT_INLINE);
  if (Object.keys(spec.capacity ?? {}).length > 0) yield forbidden(at('capacity'), NOT_INLINE);
  if (!spec.csi) yield required(at('csi'), `has to be specified ${INLINE}`);
  if (accessModes.length === 0) yield required(at('accessModes'));
  yield* validateAccessModes(accessModes, at('accessModes'));
  if (reclaim && reclaim !== 'Retain')
    yield forbidden(at('persistentVolumeReclaimPolicy'), `may only be Retain ${INLINE}`);
  if (spec.nodeAffinity) yield forbidden(at('nodeAffinity'), NOT_INLINE);
  const { nodeAffinity: _, ...others } = spec;
  yield* validateSources(others, '', at);
  if (spec.hostPath && isRoot(spec.hostPath.path) && reclaim === 'Recycle')
    yield forbidden(at('persistentVolumeReclaimPolicy'), "may not be 'recycle' for a hostPath mount of '/'");
  if (spec.storageClassName) yield forbidden(at('storageClassName'), NOT_INLINE);
  if (volumeMode !== undefined && volumeMode !== 'Filesystem')
    yield forbidden(at('volumeMode'), `may not specify volumeMode other than Filesystem ${INLINE}`);
}
