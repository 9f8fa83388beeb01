import type { PersistentVolume, PersistentVolumeClaim } from '../../../schemas/generated/core-v1.ts';
import type { VolumeAttributesClass } from '../../../schemas/generated/storage-v1.ts';
import { reconciling, startController, type Controller } from '../../runtime/controller.ts';
import { source } from '../../runtime/source.ts';
import type { ControllerDeps } from '../../runtime/controller-deps.ts';
import { protect } from '../../runtime/finalizers.ts';
import { persistentVolumeClaims, persistentVolumes, volumeAttributesClasses } from '../../runtime/resources.ts';

const FINALIZER = 'kubernetes.io/vac-protection';
const BY_ATTRIBUTES = 'volumeAttributesClassName';

/** Names of the classes that a claim wants, has, or is on the way to. */
const classesOfClaim = ({ spec, status }: PersistentVolumeClaim): string[] => [
  ...new Set(
    [spec?.volumeAttributesClassName, status?.currentVolumeAttributesClassName, status?.modifyVolumeStatus?.targetVolumeAttributesClassName].filter((name) => name !== undefined && name !== ''),
  ),
] as string[]; // prettier-ignore
const classesOfVolume = ({ spec }: PersistentVolume): string[] =>
  spec?.volumeAttributesClassName ? [spec.volumeAttributesClassName] : [];

/** Lets classes of volume attributes that are being deleted go once nothing names them. Source: pkg/controller/volume/vacprotection. */
export function startVolumeAttributesClassProtection(deps: ControllerDeps): Controller {
  const client = deps.client('controller:volumeattributesclass-protection');
  const classes = deps.informers.for<VolumeAttributesClass>(volumeAttributesClasses);
  const claims = deps.informers.for<PersistentVolumeClaim>(persistentVolumeClaims);
  const volumes = deps.informers.for<PersistentVolume>(persistentVolumes);
  claims.addIndex(BY_ATTRIBUTES, classesOfClaim);
  volumes.addIndex(BY_ATTRIBUTES, classesOfVolume);
  const isUsed = (name: string): boolean =>
    [claims, volumes].some((users) => [...users.byIndex(BY_ATTRIBUTES, name)].length > 0);
  return startController({
    name: 'volumeattributesclass-protection',
    ...deps,
    client,
    sources: [
      source(classes, ({ metadata }) => [metadata.name!]),
      source(claims, (claim, old) => (old ? left(classesOfClaim(old), classesOfClaim(claim)) : classesOfClaim(claim))),
      source(volumes, (volume, old) => (old ? left(classesOfVolume(old), classesOfVolume(volume)) : classesOfVolume(volume))),
    ],
    sync: reconciling(
      (key) => classes.get(key),
      (each) => ({ intents: protect(volumeAttributesClasses, each, FINALIZER, isUsed(each.metadata.name!)) }),
    ),
  });
} // prettier-ignore
const left = (before: readonly string[], now: readonly string[]): string[] =>
  before.filter((name) => !now.includes(name));
