import type { Errors } from '../define.ts';
import type {
  DownwardAPIVolumeFile,
  KeyToPath,
  ProjectedVolumeSource,
  Volume,
  VolumeProjection,
} from '../generated/core-v1.ts';
import { dnsLabelField } from '../meta/field-checks.ts';
import {
  duplicate,
  forbidden,
  invalid,
  notSupported,
  required,
  type FieldError,
  type FieldPath,
} from '../meta/field.ts';
import { parseQuantity } from '../meta/quantity.ts';
import { validateFieldRef, validateResourceFieldRef, VOLUME_FIELDS } from './env-validation.ts';
import { validateLocalPath, validateMode, validateNoBacksteps } from './path-validation.ts';
import type { PodContext } from './pod-context.ts';
import { validateClaimSpec } from './volume-claim.ts';

const HOST_PATH_TYPES = [
  '',
  'BlockDevice',
  'CharDevice',
  'Directory',
  'DirectoryOrCreate',
  'File',
  'FileOrCreate',
  'Socket',
];
/** In the order in which the real server looks at them. */
const SOURCES = [
  'emptyDir', 'hostPath', 'gitRepo', 'gcePersistentDisk', 'awsElasticBlockStore', 'secret', 'nfs', 'iscsi', 'glusterfs', 'flocker',
  'persistentVolumeClaim', 'rbd', 'cinder', 'cephfs', 'quobyte', 'downwardAPI', 'fc', 'flexVolume', 'configMap', 'azureFile', 'vsphereVolume',
  'photonPersistentDisk', 'portworxVolume', 'azureDisk', 'storageos', 'projected', 'scaleIO', 'csi', 'ephemeral', 'image',
] as const; // prettier-ignore

/** Yields errors; returns the volumes that had none, which mounts may name. Source: ValidateVolumes. */
export function* validateVolumes(
  volumes: readonly Volume[],
  context: PodContext,
  at: FieldPath,
): Generator<FieldError, ReadonlyMap<string, Volume>, undefined> {
  const good = new Map<string, Volume>();
  const { name: podName } = context.metadata;
  const created = new Set(
    context.isPod && podName ? volumes.filter((v) => v.ephemeral).map((v) => `${podName}-${v.name}`) : [],
  );
  for (const [i, volume] of volumes.entries()) {
    const here = at(i);
    const errors = [...validateVolume(volume, context, here)];
    if (volume.name === '') errors.push(required(here('name')));
    else errors.push(...dnsLabelField(volume.name, here('name')));
    if (good.has(volume.name)) errors.push(duplicate(here('name'), volume.name));
    if (errors.length === 0) good.set(volume.name, volume);
    yield* errors;
    const claim = volume.persistentVolumeClaim?.claimName;
    if (claim !== undefined && created.has(claim))
      yield invalid(
        here('persistentVolumeClaim')('claimName'),
        claim,
        'must not reference a PVC that gets created for an ephemeral volume',
      );
  }
  return good;
}
function* validateVolume(volume: Volume, context: PodContext, at: FieldPath): Errors {
  let found = 0;
  for (const source of SOURCES) {
    if (!volume[source]) continue;
    if (found++ > 0) yield forbidden(at(source), 'may not specify more than 1 volume type');
    else yield* validateSource(volume, source, context, at(source));
  }
  if (found === 0) yield required(at, 'must specify a volume type');
}
function* validateSource(volume: Volume, source: (typeof SOURCES)[number], context: PodContext, at: FieldPath): Errors {
  switch (source) {
    case 'emptyDir': {
      const limit = volume.emptyDir!.sizeLimit;
      if (limit !== undefined && parseQuantity(limit).nano < 0n)
        yield forbidden(at('sizeLimit'), 'SizeLimit field must be a valid resource quantity');
      return;
    }
    case 'hostPath': {
      const { path, type } = volume.hostPath!;
      if (path === '') yield required(at('path'));
      else yield* validateNoBacksteps(path, at('path'));
      if (type !== undefined && !HOST_PATH_TYPES.includes(type)) yield notSupported(at('type'), type, HOST_PATH_TYPES);
      return;
    }
    case 'secret': {
      const { secretName, defaultMode, items = [] } = volume.secret!;
      if (!secretName) yield required(at('secretName'));
      yield* validateMode(defaultMode, at('defaultMode'));
      for (const [i, item] of items.entries()) yield* validateKeyToPath(item, at('items')(i));
      return;
    }
    case 'configMap': {
      const { name, defaultMode, items = [] } = volume.configMap!;
      if (!name) yield required(at('name'));
      yield* validateMode(defaultMode, at('defaultMode'));
      for (const [i, item] of items.entries()) yield* validateKeyToPath(item, at('items')(i));
      return;
    }
    case 'persistentVolumeClaim':
      if (volume.persistentVolumeClaim!.claimName === '') yield required(at('claimName'));
      return;
    case 'nfs': {
      const { server, path } = volume.nfs!;
      if (server === '') yield required(at('server'));
      if (path === '') yield required(at('path'));
      else if (!path.startsWith('/')) yield invalid(at('path'), path, 'must be an absolute path');
      return;
    }
    case 'downwardAPI':
      yield* validateMode(volume.downwardAPI!.defaultMode, at('defaultMode'));
      for (const item of volume.downwardAPI!.items ?? []) yield* validateDownwardFile(item, at);
      return;
    case 'projected':
      yield* validateProjected(volume.projected!, at);
      return;
    case 'csi':
      if (volume.csi!.driver === '') yield required(at('driver'));
      return;
    case 'ephemeral': {
      const template = volume.ephemeral!.volumeClaimTemplate;
      if (!template) yield required(at('volumeClaimTemplate'));
      else yield* validateClaimSpec(template.spec ?? {}, at('volumeClaimTemplate')('spec'));
      return;
    }
    case 'image':
      if (!volume.image!.reference && context.isPod) yield required(at('reference'));
      return;
    default:
      yield* validateRequiredParts(volume, source, at);
  }
}
/** Of the sources that only old clusters use: what they cannot be without. */
const REQUIRED: Readonly<Record<string, readonly string[]>> = {
  gitRepo: ['repository'], gcePersistentDisk: ['pdName'], awsElasticBlockStore: ['volumeID'], iscsi: ['targetPortal', 'iqn'],
  glusterfs: ['endpoints', 'path'], rbd: ['monitors', 'image'], cinder: ['volumeID'], cephfs: ['monitors'], quobyte: ['registry', 'volume'],
  flexVolume: ['driver'], azureFile: ['secretName', 'shareName'], vsphereVolume: ['volumePath'], photonPersistentDisk: ['pdID'],
  portworxVolume: ['volumeID'], azureDisk: ['diskName', 'diskURI'], storageos: ['volumeName'], scaleIO: ['gateway', 'system', 'volumeName'],
}; // prettier-ignore
function* validateRequiredParts(volume: Volume, source: string, at: FieldPath): Errors {
  const value = (volume as unknown as Record<string, Record<string, unknown>>)[source]!;
  for (const part of REQUIRED[source] ?? []) {
    const given = value[part];
    if (given === undefined || given === null || given === '' || (Array.isArray(given) && given.length === 0))
      yield required(at(part));
  }
}
function* validateKeyToPath({ key, path, mode }: KeyToPath, at: FieldPath): Errors {
  if (key === '') yield required(at('key'));
  if (path === '') yield required(at('path'));
  yield* validateLocalPath(path, at('path'));
  yield* validateMode(mode, at('mode'));
}
function* validateDownwardFile(
  { path, fieldRef, resourceFieldRef, mode }: DownwardAPIVolumeFile,
  at: FieldPath,
): Errors {
  if (path === '') yield required(at('path'));
  yield* validateLocalPath(path, at('path'));
  if (fieldRef) {
    yield* validateFieldRef(fieldRef, VOLUME_FIELDS, at('fieldRef'));
    if (resourceFieldRef)
      yield invalid(at, 'resource', 'fieldRef and resourceFieldRef can not be specified simultaneously');
  } else if (resourceFieldRef) yield* validateResourceFieldRef(resourceFieldRef, true, at('resourceFieldRef'));
  else yield required(at, 'one of fieldRef and resourceFieldRef is required');
  yield* validateMode(mode, at('mode'));
}
const MIN_TOKEN_SECONDS = 600;
function* validateProjected({ sources, defaultMode }: ProjectedVolumeSource, at: FieldPath): Errors {
  yield* validateMode(defaultMode, at('defaultMode'));
  const paths = new Set<string>();
  for (const [i, source] of (sources ?? []).entries()) yield* validateProjection(source, paths, at, at('sources')(i));
}
function* validateProjection(source: VolumeProjection, paths: Set<string>, volumeAt: FieldPath, at: FieldPath): Errors {
  const { secret, configMap, downwardAPI, serviceAccountToken: token } = source;
  const take = function* (path: string, name: string): Errors {
    if (path !== '' && paths.has(path)) yield invalid(volumeAt, name, 'conflicting duplicate paths');
    paths.add(path);
  };
  for (const [field, keyed] of [
    ['secret', secret],
    ['configMap', configMap],
  ] as const) {
    if (!keyed) continue;
    if (!keyed.name) yield required(at(field)('name'));
    for (const [n, item] of (keyed.items ?? []).entries()) {
      yield* validateKeyToPath(item, at(field)('items')(n));
      yield* take(item.path, keyed.name ?? '');
    }
  }
  for (const item of downwardAPI?.items ?? []) {
    yield* validateDownwardFile(item, at('downwardAPI'));
    yield* take(item.path, item.path);
  }
  if (token) {
    const seconds = token.expirationSeconds ?? 0;
    const here = at('serviceAccountToken')('expirationSeconds');
    if (seconds < MIN_TOKEN_SECONDS) yield invalid(here, seconds, 'may not specify a duration less than 10 minutes');
    if (seconds > 2 ** 32) yield invalid(here, seconds, 'may not specify a duration larger than 2^32 seconds');
    if (token.path === '') yield required(volumeAt('path'));
    else yield* validateLocalPath(token.path, volumeAt('path'));
  }
  const kinds = [secret, configMap, downwardAPI, token, source.clusterTrustBundle, source.podCertificate].filter(
    Boolean,
  );
  if (kinds.length > 1) yield forbidden(at, 'may not specify more than 1 volume type per source');
}
