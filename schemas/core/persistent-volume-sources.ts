import type { Errors } from '../define.ts';
import type {
  CSIPersistentVolumeSource,
  ISCSIPersistentVolumeSource,
  PersistentVolumeSpec,
  SecretReference,
} from '../generated/core-v1.ts';
import { dnsLabelField } from '../meta/field-checks.ts';
import { forbidden, invalid, required, type FieldPath } from '../meta/field.ts';
import { byteLength, dnsLabel, dnsSubdomain, inclusiveRange } from '../meta/names.ts';
import { validateNoBacksteps } from './path-validation.ts';
import { validateDriverName, validateVolumeSource } from './volume-source-validation.ts';

/** In the order in which the real server looks at them. */
const SOURCES = [
  'hostPath', 'gcePersistentDisk', 'awsElasticBlockStore', 'glusterfs', 'flocker', 'nfs', 'rbd', 'quobyte', 'cephfs', 'iscsi', 'cinder',
  'fc', 'flexVolume', 'azureFile', 'vsphereVolume', 'photonPersistentDisk', 'portworxVolume', 'azureDisk', 'scaleIO', 'local', 'storageos', 'csi',
] as const; // prettier-ignore

/**
 * Where a volume's data is: one place, not several. A Flex volume is not counted against those before it, only against
 * those after. Source: pkg/apis/core/validation ValidatePersistentVolumeSpec.
 */
export function* validateSources(spec: PersistentVolumeSpec, name: string, at: FieldPath): Errors {
  let found = 0;
  for (const source of SOURCES) {
    if (!spec[source]) continue;
    if (found++ > 0 && source !== 'flexVolume')
      yield forbidden(at(source === 'cephfs' ? 'cephFS' : source), 'may not specify more than 1 volume type');
    else yield* validateSource(spec, source, name, at);
  }
  if (found === 0) yield required(at, 'must specify a volume type');
}
/** What differs from the same source of a pod; the rest is the same. */
function* validateSource(spec: PersistentVolumeSpec, source: (typeof SOURCES)[number], name: string, at: FieldPath): Errors {
  const here = at(source);
  switch (source) {
    case 'glusterfs': {
      yield* requiredParts(spec.glusterfs!, ['endpoints', 'path'], here);
      const namespace = spec.glusterfs!.endpointsNamespace;
      if (namespace === '') yield invalid(here('endpointsNamespace'), '', 'if the endpointnamespace is set, it must be a valid namespace name');
      else if (namespace !== undefined) for (const why of dnsLabel(namespace)) yield invalid(here('endpointsNamespace'), namespace, why);
      return;
    }
    case 'iscsi':
      return yield* validateIscsi(spec.iscsi!, name, here);
    case 'cinder':
      yield* requiredParts(spec.cinder!, ['volumeID'], here);
      if (spec.cinder!.secretRef) yield* requiredParts(spec.cinder!.secretRef, ['name', 'namespace'], here('secretRef'));
      return;
    case 'azureFile':
      yield* requiredParts(spec.azureFile!, ['secretName', 'shareName'], here);
      if (spec.azureFile!.secretNamespace === '') yield required(here('secretNamespace'));
      return;
    case 'local':
      if (!spec.local!.path) yield required(here('path'));
      else yield* validateNoBacksteps(spec.local!.path, here('path'));
      if (!spec.nodeAffinity) yield required(at('nodeAffinity'), 'Local volume requires node affinity');
      return;
    case 'storageos': {
      const { volumeName, volumeNamespace, secretRef } = spec.storageos!;
      if (!volumeName) yield required(here('volumeName'));
      else yield* dnsLabelField(volumeName, here('volumeName'));
      if (volumeNamespace) yield* dnsLabelField(volumeNamespace, here('volumeNamespace'));
      if (secretRef) yield* requiredParts(secretRef, ['name', 'namespace'], here('secretRef'));
      return;
    }
    case 'csi':
      return yield* validateCsi(spec.csi!, here);
    default:
      // The parts that these two have in common with a pod's volume are the same; what they have beyond is not checked.
      return yield* validateVolumeSource(spec, source, at);
  }
} // prettier-ignore
function* requiredParts(value: object, fields: readonly string[], at: FieldPath): Errors {
  for (const field of fields) if (!(value as Readonly<Record<string, unknown>>)[field]) yield required(at(field));
}
const MAX_LUN = 255;
const MAX_INITIATOR = 64;
const INITIATOR_FORMS: readonly (readonly [string, RegExp])[] = [
  ['iqn', /iqn\.\d{4}-\d{2}\.[A-Za-z0-9.-]+:[^,;*&$|\s]+$/],
  ['eui', /^eui.[A-Za-z0-9]{16}$/],
  ['naa', /^naa.[A-Za-z0-9]{32}$/],
];
function* validateInitiator(name: string, at: FieldPath): Errors {
  const form = INITIATOR_FORMS.find(([prefix]) => name.startsWith(prefix));
  if (!form?.[1].test(name)) yield invalid(at, name, 'must be valid format');
}
function* validateIscsi(iscsi: ISCSIPersistentVolumeSource, name: string, at: FieldPath): Errors {
  const { targetPortal, iqn, lun, secretRef, initiatorName } = iscsi;
  if (!targetPortal) yield required(at('targetPortal'));
  if (initiatorName !== undefined && byteLength(`${name}:${targetPortal}`) > MAX_INITIATOR)
    yield invalid(at('targetportal'), targetPortal, 'Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.'); // prettier-ignore
  if (!iqn) yield required(at('iqn'));
  else yield* validateInitiator(iqn, at('iqn'));
  if (lun < 0 || lun > MAX_LUN) yield invalid(at('lun'), lun, inclusiveRange(0, MAX_LUN));
  if ((iscsi.chapAuthDiscovery || iscsi.chapAuthSession) && !secretRef) yield required(at('secretRef'));
  if (secretRef && !secretRef.name) yield required(at('secretRef')('name'));
  if (initiatorName !== undefined) yield* validateInitiator(initiatorName, at('initiatorname'));
}
function* validateCsi(csi: CSIPersistentVolumeSource, at: FieldPath): Errors {
  yield* validateDriverName(csi.driver, at('driver'));
  if (!csi.volumeHandle) yield required(at('volumeHandle'));
  for (const field of ['controllerPublishSecretRef', 'controllerExpandSecretRef', 'nodePublishSecretRef', 'nodeExpandSecretRef'] as const) {
    const secret = csi[field];
    if (secret) yield* validateSecretReference(secret, at(field));
  }
} // prettier-ignore
function* validateSecretReference({ name, namespace }: SecretReference, at: FieldPath): Errors {
  if (!name) yield required(at('name'));
  else for (const why of dnsSubdomain(name)) yield invalid(at('name'), name, why);
  if (!namespace) yield required(at('namespace'));
  else yield* dnsLabelField(namespace, at('namespace'));
}
