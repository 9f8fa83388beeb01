import { defineResource } from '../define.ts';
import type { PersistentVolume } from '../generated/core-v1.ts';
import { age } from '../meta/time.ts';
import {
  validateMountOptions,
  validateVolumeSpec,
  validateVolumeUpdate,
  volumeWarnings,
} from './persistent-volume-validation.ts';
import { roundUpList } from './pod-spec-defaults.ts';
import { BETA_CLASS, shortAccessModes } from './volume-claim.ts';

export const persistentVolume = defineResource<PersistentVolume>({
  group: '', version: 'v1', resource: 'persistentvolumes',
  deleteReturnsObject: true,
  tracksGeneration: false,

  defaults(draft) {
    const spec = draft.spec!;
    (draft.status ??= {}).phase ||= 'Pending';
    spec.persistentVolumeReclaimPolicy ||= 'Retain';
    spec.volumeMode ??= 'Filesystem';
    if (spec.hostPath) spec.hostPath.type ??= '';
    if (spec.capacity) roundUpList(spec.capacity);
    return draft;
  },
  /** creationTimestamp is set by then: the first phase begins with the object. */
  prepareForCreate(draft) {
    const since = draft.metadata.creationTimestamp;
    draft.status = { phase: 'Pending', ...(since && { lastPhaseTransitionTime: since }) };
    return draft;
  },
  prepareForUpdate(draft, old) {
    draft.status = old.status ?? {};
    return draft;
  },
  /** When a phase began is noted, unless the writer says it. Source: pkg/registry/core/persistentvolume statusStrategy. */
  prepareForStatusUpdate(draft, old, now) {
    const status = (draft.status ??= {});
    const before = old.status?.lastPhaseTransitionTime;
    const given = status.lastPhaseTransitionTime;
    if (status.phase === old.status?.phase) {
      if (given === undefined && before !== undefined) status.lastPhaseTransitionTime = before;
    } else if (given === undefined || given === before) status.lastPhaseTransitionTime = now;
    return draft;
  },

  metadataChecks: ['whole', 'whole'],
  *validate(object, at, old) {
    const spec = object.spec ?? {};
    const name = object.metadata.name ?? '';
    yield* validateVolumeSpec(spec, name, at('spec'));
    yield* validateMountOptions(object, at);
    // The real server looks twice at what is updated.
    if (old) yield* validateVolumeSpec(spec, name, at('spec'));
  },
  validateUpdate: validateVolumeUpdate,
  warnings: (object) => [...volumeWarnings(object)],

  cells({ metadata, spec, status }, now) {
    const claim = spec?.claimRef;
    return [
      metadata.name ?? '', String(spec?.capacity?.['storage'] ?? '0'), shortAccessModes(spec?.accessModes), spec?.persistentVolumeReclaimPolicy ?? '',
      metadata.deletionTimestamp ? 'Terminating' : (status?.phase ?? ''), claim ? `${claim.namespace ?? ''}/${claim.name ?? ''}` : '',
      metadata.annotations?.[BETA_CLASS] ?? spec?.storageClassName ?? '', spec?.volumeAttributesClassName ?? '<unset>', status?.reason ?? '',
      age(metadata.creationTimestamp, now), spec?.volumeMode ?? '<unset>',
    ];
  },
}); // prettier-ignore
