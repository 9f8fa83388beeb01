import type { Errors } from '../define.ts';
import type { PersistentVolumeClaimTemplate, Volume } from '../generated/core-v1.ts';
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
import { byteLength, dnsSubdomain } from '../meta/names.ts';
import { parseQuantity } from '../meta/quantity.ts';
import type { PodContext } from './pod-context.ts';
import { validateDownward, validateKeyed, validateProjected } from './projected-volume-validation.ts';
import { validateTemplateMetadata } from './template-metadata.ts';
import { validateClaimSpec } from './volume-claim.ts';
import { validateVolumeSource } from './volume-source-validation.ts';

/** In the order in which the real server looks at them. */
const SOURCES = [
  'emptyDir', 'hostPath', 'gitRepo', 'gcePersistentDisk', 'awsElasticBlockStore', 'secret', 'nfs', 'iscsi', 'glusterfs', 'flocker',
  'persistentVolumeClaim', 'rbd', 'cinder', 'cephfs', 'quobyte', 'downwardAPI', 'fc', 'flexVolume', 'configMap', 'azureFile', 'vsphereVolume',
  'photonPersistentDisk', 'portworxVolume', 'azureDisk', 'storageos', 'projected', 'scaleIO', 'csi', 'ephemeral', 'image',
] as const; // prettier-ignore
/** Sources that are spelled otherwise where there is one too many. */
const SPELLED: Readonly<Record<string, string>> = { cephfs: 'cephFS', downwardAPI: 'downwarAPI' };

/** Yields errors; returns the volumes that had none, which mounts may name. Source: ValidateVolumes. */
export function* validateVolumes(
  volumes: readonly Volume[],
  context: PodContext,
  at: FieldPath,
): Generator<FieldError, ReadonlyMap<string, Volume>, undefined> {
  const good = new Map<string, Volume>();
  const podName = context.isPod ? context.metadata.name : undefined;
  const created = new Set(podName ? volumes.filter((v) => v.ephemeral).map((v) => `${podName}-${v.name}`) : []);
  for (const [i, volume] of volumes.entries()) {
    const here = at(i);
    const errors = [...validateVolume(volume, context, here)];
    if (!volume.name) errors.push(required(here('name')));
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
    if (found++ > 0) yield forbidden(at(SPELLED[source] ?? source), 'may not specify more than 1 volume type');
    else yield* validateSource(volume, source, context, at);
    if (source === 'iscsi') yield* validateInitiatorLength(volume, at);
  }
  if (found === 0) yield required(at, 'must specify a volume type');
}
function* validateInitiatorLength({ name, iscsi }: Volume, at: FieldPath): Errors {
  if (iscsi!.initiatorName !== undefined && byteLength(`${name}:${iscsi!.targetPortal}`) > 64)
    yield invalid(
      at('name'),
      name,
      'Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.',
    );
}
function* validateSource(volume: Volume, source: (typeof SOURCES)[number], context: PodContext, at: FieldPath): Errors {
  const here = at(source);
  switch (source) {
    case 'emptyDir': {
      const limit = volume.emptyDir!.sizeLimit;
      if (limit !== undefined && parseQuantity(limit).nano < 0n)
        yield forbidden(here('sizeLimit'), 'SizeLimit field must be a valid resource quantity');
      return;
    }
    case 'secret':
      return yield* validateKeyed(volume.secret!.secretName, 'secretName', volume.secret!, here);
    case 'configMap':
      return yield* validateKeyed(volume.configMap!.name, 'name', volume.configMap!, here);
    case 'downwardAPI':
      return yield* validateDownward(volume.downwardAPI!, here);
    case 'projected':
      return yield* validateProjected(volume.projected!, here);
    case 'ephemeral':
      return yield* validateEphemeral(volume, context, at);
    case 'image': {
      const { reference, pullPolicy = '' } = volume.image!;
      if (!reference && context.isPod) yield required(here('reference'));
      return yield* validatePullPolicy(pullPolicy, here('pullPolicy'));
    }
    default:
      yield* validateVolumeSource(volume, source, at);
  }
}
const PULL_POLICIES = ['Always', 'IfNotPresent', 'Never'];
export function* validatePullPolicy(policy: string, at: FieldPath): Errors {
  if (policy === '') yield required(at);
  else if (!PULL_POLICIES.includes(policy)) yield notSupported(at, policy, PULL_POLICIES);
}
function* validateEphemeral(volume: Volume, { isPod, metadata }: PodContext, at: FieldPath): Errors {
  const template = volume.ephemeral!.volumeClaimTemplate;
  const here = at('ephemeral')('volumeClaimTemplate');
  if (!template) yield required(here);
  else yield* validateClaimTemplate(template, here);
  if (!isPod || !metadata.name || !volume.name) return;
  const claim = `${metadata.name}-${volume.name}`;
  for (const why of dnsSubdomain(claim))
    yield invalid(at('name'), volume.name, `PVC name ${JSON.stringify(claim)}: ${why}`);
}
/** Source: ValidatePersistentVolumeClaimTemplate. */
function* validateClaimTemplate({ metadata = {}, spec }: PersistentVolumeClaimTemplate, at: FieldPath): Errors {
  yield* validateTemplateMetadata(metadata, at('metadata'));
  yield* validateClaimSpec(spec ?? {}, at('spec'));
}
