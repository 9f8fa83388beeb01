import type { Errors } from '../define.ts';
import type { Container, EphemeralContainer, Volume, VolumeDevice, VolumeMount } from '../generated/core-v1.ts';
import { forbidden, invalid, notFound, notSupported, required, type FieldPath } from '../meta/field.ts';
import { validateDescending } from './path-validation.ts';

const PROPAGATIONS = ['Bidirectional', 'HostToContainer', 'None'];
const RECURSIVE = ['Disabled', 'Enabled', 'IfPossible'];

/** Source: pkg/apis/core/validation ValidateVolumeMounts; some paths lack the index, as the real ones do. */
export function* validateMounts(
  { volumeMounts = [], securityContext }: Container | EphemeralContainer,
  devices: readonly VolumeDevice[],
  volumes: ReadonlyMap<string, Volume>,
  at: FieldPath,
): Errors {
  const points = new Set<string>();
  const devicePaths = new Map(devices.map((d) => [d.name, d.devicePath]));
  for (const [i, mount] of volumeMounts.entries()) {
    const { name, mountPath, subPath, subPathExpr, mountPropagation } = mount;
    const here = at(i);
    if (name === '') yield required(here('name'));
    if (!volumes.has(name)) yield notFound(here('name'), name);
    if (mountPath === '') yield required(here('mountPath'));
    if (points.has(mountPath)) yield invalid(here('mountPath'), mountPath, 'must be unique');
    points.add(mountPath);
    if (devicePaths.has(name)) yield invalid(here('name'), name, 'must not already exist in volumeDevices');
    if ([...devicePaths.values()].includes(mountPath))
      yield invalid(here('mountPath'), mountPath, 'must not already exist as a path in volumeDevices');
    if (subPath) yield* validateDescending(subPath, at('subPath'));
    if (subPathExpr) {
      if (subPath) yield invalid(here('subPathExpr'), subPathExpr, 'subPathExpr and subPath are mutually exclusive');
      yield* validateDescending(subPathExpr, at('subPathExpr'));
    }
    if (mountPropagation !== undefined) {
      if (!PROPAGATIONS.includes(mountPropagation))
        yield notSupported(at('mountPropagation'), mountPropagation, PROPAGATIONS);
      if (mountPropagation === 'Bidirectional' && securityContext?.privileged !== true)
        yield forbidden(
          at('mountPropagation'),
          'Bidirectional mount propagation is available only to privileged containers',
        );
    }
    yield* validateRecursive(mount, at('recursiveReadOnly'));
  }
}
function* validateRecursive(
  { recursiveReadOnly: value, readOnly, mountPropagation }: VolumeMount,
  at: FieldPath,
): Errors {
  if (value === undefined || value === 'Disabled') return;
  if (!RECURSIVE.includes(value)) {
    yield notSupported(at, value, RECURSIVE);
    return;
  }
  if (readOnly !== true) yield forbidden(at, 'may only be specified when readOnly is true');
  if (mountPropagation !== undefined && mountPropagation !== 'None')
    yield forbidden(at, 'may only be specified when mountPropagation is None or not specified');
}
/** Source: ValidateVolumeDevices. */
export function* validateDevices(
  devices: readonly VolumeDevice[],
  mounts: readonly VolumeMount[],
  volumes: ReadonlyMap<string, Volume>,
  at: FieldPath,
): Errors {
  const names = new Set<string>();
  const paths = new Set<string>();
  const mountPaths = new Map(mounts.map((m) => [m.name, m.mountPath]));
  for (const [i, { name, devicePath }] of devices.entries()) {
    const here = at(i);
    const volume = volumes.get(name);
    if (name === '') yield required(here('name'));
    if (names.has(name)) yield invalid(here('name'), name, 'must be unique');
    if (volume && !volume.persistentVolumeClaim && !volume.ephemeral)
      yield invalid(
        here('name'),
        name,
        'can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode',
      );
    if (!volume) yield notFound(here('name'), name);
    if (devicePath === '') yield required(here('devicePath'));
    if (paths.has(devicePath)) yield invalid(here('devicePath'), devicePath, 'must be unique');
    if (devicePath.split('/').includes('..'))
      yield invalid(here('devicePath'), devicePath, "can not contain backsteps ('..')");
    else paths.add(devicePath);
    if (mountPaths.has(name)) yield invalid(here('name'), name, 'must not already exist in volumeMounts');
    if ([...mountPaths.values()].includes(devicePath))
      yield invalid(here('devicePath'), devicePath, 'must not already exist as a path in volumeMounts');
    if (name !== '') names.add(name);
  }
}
