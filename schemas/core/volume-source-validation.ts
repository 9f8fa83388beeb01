import type { Errors } from '../define.ts';
import type { Volume } from '../generated/core-v1.ts';
import { dnsLabelField } from '../meta/field-checks.ts';
import { invalid, notSupported, required, tooLong, type FieldPath } from '../meta/field.ts';
import { byteLength, dnsSubdomain, inclusiveRange } from '../meta/names.ts';
import { validateDescending, validateNoBacksteps } from './path-validation.ts';

const HOST_PATH_TYPES = ['', 'BlockDevice', 'CharDevice', 'Directory', 'DirectoryOrCreate', 'File', 'FileOrCreate', 'Socket']; // prettier-ignore
const MAX_DRIVER_BYTES = 63;

export function* validateHostPath({ path, type }: NonNullable<Volume['hostPath']>, at: FieldPath): Errors {
  if (!path) {
    yield required(at('path'));
    return;
  }
  yield* validateNoBacksteps(path, at('path'));
  if (type !== undefined && !HOST_PATH_TYPES.includes(type)) yield notSupported(at('type'), type, HOST_PATH_TYPES);
}
function* validateNfs({ server, path }: NonNullable<Volume['nfs']>, at: FieldPath): Errors {
  if (!server) yield required(at('server'));
  if (!path) yield required(at('path'));
  if (!path?.startsWith('/')) yield invalid(at('path'), path, 'must be an absolute path');
}
const IQN = /iqn\.\d{4}-\d{2}\.[A-Za-z0-9.-]+:[^,;*&$|\s]+$/;
const INITIATORS: readonly (readonly [string, RegExp])[] = [
  ['iqn', IQN],
  ['eui', /^eui.[A-Za-z0-9]{16}$/],
  ['naa', /^naa.[A-Za-z0-9]{32}$/],
];
function* validateInitiator(name: string, at: FieldPath): Errors {
  const known = INITIATORS.find(([prefix]) => name.startsWith(prefix));
  if (!known) yield invalid(at, name, 'must be valid format starting with iqn, eui, or naa');
  else if (!known[1].test(name)) yield invalid(at, name, 'must be valid format');
}
const MAX_LUN = 255;
function* validateIscsi(iscsi: NonNullable<Volume['iscsi']>, at: FieldPath): Errors {
  if (!iscsi.targetPortal) yield required(at('targetPortal'));
  if (!iscsi.iqn) yield required(at('iqn'));
  else yield* validateInitiator(iscsi.iqn, at('iqn'));
  if (iscsi.lun < 0 || iscsi.lun > MAX_LUN) yield invalid(at('lun'), iscsi.lun, inclusiveRange(0, MAX_LUN));
  if ((iscsi.chapAuthDiscovery || iscsi.chapAuthSession) && !iscsi.secretRef) yield required(at('secretRef'));
  if (iscsi.initiatorName !== undefined) yield* validateInitiator(iscsi.initiatorName, at('initiatorname'));
}
function* validateFc({ targetWWNs, wwids, lun }: NonNullable<Volume['fc']>, at: FieldPath): Errors {
  const [targets, ids] = [(targetWWNs ?? []).length > 0, (wwids ?? []).length > 0];
  if (!targets && !ids) yield required(at('targetWWNs'), 'must specify either targetWWNs or wwids, but not both');
  if (!targets) return;
  if (ids) yield invalid(at('targetWWNs'), targetWWNs, 'targetWWNs and wwids can not be specified simultaneously');
  if (lun === undefined) yield required(at('lun'), 'lun is required if targetWWNs is specified');
  else if (lun < 0 || lun > MAX_LUN) yield invalid(at('lun'), lun, inclusiveRange(0, MAX_LUN));
}
function* validateDisk(id: string, field: string, partition: number | undefined, at: FieldPath): Errors {
  if (!id) yield required(at(field));
  if (partition !== undefined && (partition < 0 || partition > 255))
    yield invalid(at('partition'), partition, inclusiveRange(1, 255));
}
const PAIRS = 'must be a host:port pair or multiple pairs separated by commas';
const isHostPort = (text: string): boolean => /^(?:\[[^[\]]*\]|[^:[\]]*):[^:[\]]*$/.test(text);
function* validateQuobyte({ registry, tenant, volume }: NonNullable<Volume['quobyte']>, at: FieldPath): Errors {
  if (!registry) yield required(at('registry'), PAIRS);
  else if (byteLength(tenant ?? '') >= 65)
    yield required(at('tenant'), 'must be a UUID and may not exceed a length of 64 characters');
  else for (const pair of registry.split(',')) if (!isHostPort(pair)) yield invalid(at('registry'), registry, PAIRS);
  if (!volume) yield required(at('volume'));
}
function* validateFlocker({ datasetName, datasetUUID }: NonNullable<Volume['flocker']>, at: FieldPath): Errors {
  if (!datasetName && !datasetUUID) yield required(at, 'one of datasetName and datasetUUID is required');
  if (datasetName && datasetUUID)
    yield invalid(at, 'resource', 'datasetName and datasetUUID can not be specified simultaneously');
  if (datasetName?.includes('/')) yield invalid(at('datasetName'), datasetName, "must not contain '/'");
}
function* validateFlex({ driver, options }: NonNullable<Volume['flexVolume']>, at: FieldPath): Errors {
  if (!driver) yield required(at('driver'));
  for (const key of Object.keys(options ?? {}))
    if (/(?:^|\.)(?:kubernetes|k8s)\.io$/.test(key.split('/')[0]!.toLowerCase()))
      yield invalid(at('options').key(key), key, 'kubernetes.io and k8s.io namespaces are reserved');
}
const CACHING = ['None', 'ReadOnly', 'ReadWrite'];
const DISK_KINDS = ['Dedicated', 'Managed', 'Shared'];
const MANAGED = '/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}';
const BLOB = 'https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd';
function* validateAzureDisk(disk: NonNullable<Volume['azureDisk']>, at: FieldPath): Errors {
  const { diskName, diskURI, cachingMode, kind } = disk;
  if (!diskName) yield required(at('diskName'));
  if (!diskURI) yield required(at('diskURI'));
  if (cachingMode !== undefined && !CACHING.includes(cachingMode))
    yield notSupported(at('cachingMode'), cachingMode, CACHING);
  if (kind === undefined) return;
  if (!DISK_KINDS.includes(kind)) yield notSupported(at('kind'), kind, DISK_KINDS);
  const [start, form] = kind === 'Managed' ? ['/subscriptions/', MANAGED] : ['https://', BLOB];
  if (!diskURI.startsWith(start)) yield notSupported(at('diskURI'), diskURI, [form]);
}
function* validateStorageOs(source: NonNullable<Volume['storageos']>, at: FieldPath): Errors {
  if (!source.volumeName) yield required(at('volumeName'));
  else yield* dnsLabelField(source.volumeName, at('volumeName'));
  if (source.volumeNamespace) yield* dnsLabelField(source.volumeNamespace, at('volumeNamespace'));
  yield* validateSecretName(source.secretRef, at('secretRef'));
}
function* validateSecretName(secret: { name?: string | undefined } | undefined, at: FieldPath): Errors {
  if (secret && !secret.name) yield required(at('name'));
}
/** Source: ValidateCSIDriverName. */
export function* validateDriverName(name: string, at: FieldPath): Errors {
  if (!name) {
    yield required(at);
    return;
  }
  if (byteLength(name) > MAX_DRIVER_BYTES) yield tooLong(at, MAX_DRIVER_BYTES);
  for (const why of dnsSubdomain(name.toLowerCase())) yield invalid(at, name, why);
}
function* validateCsi({ driver, nodePublishSecretRef: secret }: NonNullable<Volume['csi']>, at: FieldPath): Errors {
  yield* validateDriverName(driver, at('driver'));
  if (!secret) return;
  if (!secret.name) yield required(at('nodePublishSecretRef')('name'));
  // The path without the reference is the real one.
  else for (const why of dnsSubdomain(secret.name)) yield invalid(at('name'), secret.name, why);
}
function* needs(value: object, fields: readonly string[], at: FieldPath): Errors {
  for (const field of fields) {
    const given = (value as Readonly<Record<string, unknown>>)[field];
    if (!given || (Array.isArray(given) && given.length === 0)) yield required(at(field));
  }
}
/** Of the sources that need no more: what they cannot be without. */
const NEEDS: Readonly<Record<string, readonly string[]>> = {
  persistentVolumeClaim: ['claimName'], glusterfs: ['endpoints', 'path'], rbd: ['monitors', 'image'], cephfs: ['monitors'],
  azureFile: ['secretName', 'shareName'], vsphereVolume: ['volumePath'], photonPersistentDisk: ['pdID'], portworxVolume: ['volumeID'],
  scaleIO: ['gateway', 'system', 'volumeName'],
}; // prettier-ignore

/**
 * A volume's source, of those that have nothing to do with the pod around them; the paths of some are not their names.
 * Source: pkg/apis/core/validation validateVolumeSource and its parts.
 */
export function* validateVolumeSource(volume: Partial<Volume>, source: string, at: FieldPath): Errors {
  const here = at(source);
  switch (source) {
    case 'hostPath':
      return yield* validateHostPath(volume.hostPath!, here);
    case 'gitRepo':
      if (!volume.gitRepo!.repository) yield required(here('repository'));
      return yield* validateDescending(volume.gitRepo!.directory ?? '', here('directory'));
    case 'gcePersistentDisk': {
      const { pdName, partition } = volume.gcePersistentDisk!;
      return yield* validateDisk(pdName, 'pdName', partition, at('persistentDisk'));
    }
    case 'awsElasticBlockStore': {
      const { volumeID, partition } = volume.awsElasticBlockStore!;
      return yield* validateDisk(volumeID, 'volumeID', partition, here);
    }
    case 'nfs':
      return yield* validateNfs(volume.nfs!, here);
    case 'iscsi':
      return yield* validateIscsi(volume.iscsi!, here);
    case 'flocker':
      return yield* validateFlocker(volume.flocker!, here);
    case 'cinder':
      if (!volume.cinder!.volumeID) yield required(here('volumeID'));
      return yield* validateSecretName(volume.cinder!.secretRef, here('secretRef'));
    case 'quobyte':
      return yield* validateQuobyte(volume.quobyte!, here);
    case 'fc':
      return yield* validateFc(volume.fc!, here);
    case 'flexVolume':
      return yield* validateFlex(volume.flexVolume!, here);
    case 'azureDisk':
      return yield* validateAzureDisk(volume.azureDisk!, here);
    case 'storageos':
      return yield* validateStorageOs(volume.storageos!, here);
    case 'csi':
      return yield* validateCsi(volume.csi!, here);
    default:
      return yield* needs((volume as Record<string, object>)[source]!, NEEDS[source] ?? [], here);
  }
}
