import type { PersistentVolume, PersistentVolumeClaim } from '../../../schemas/generated/core-v1.ts';
import type { StorageClass } from '../../../schemas/generated/storage-v1.ts';
import {
  BIND_COMPLETED,
  BOUND_BY_CONTROLLER,
  claimClass,
  delaysBinding,
  hasAccessModes,
  hasAnnotation,
  isFor,
  namesClass,
  requestedSize,
  sameAttributes,
  sameMode,
  SELECTED_NODE,
  sizeOf,
  volumeClass,
} from '../../../schemas/helpers/volume-binding.ts';
import { driverOfPlugin, lacksByName } from '../../../schemas/helpers/volume-plugins.ts';
import { quantityValue } from '../../../schemas/meta/quantity.ts';
import type { Intent } from '../../runtime/intent.ts';
import { claimStatus, updateClaim } from './binding.ts';
import { BETA_PROVISIONER, migratedClaim, PROVISIONER, withDriver } from './migration.ts';

/** A claim and what surrounds it. */
export interface ClaimView {
  readonly claim: PersistentVolumeClaim;
  /** The one that its spec names. */
  readonly volume: PersistentVolume | undefined;
  /** The best of those that are free. */
  readonly find: (isDelayed: boolean) => PersistentVolume | undefined;
  /** Of the claim's class, if there is such a class. */
  readonly storageClass: StorageClass | undefined;
  /** Name of the class for claims that name none. */
  readonly defaultClass: string | undefined;
  /** Names of the pods with the claim that have no node yet. */
  readonly unplacedPods: () => readonly string[];
}
export type ClaimVerdict =
  /** Claim and volume are to be made each other's. */
  | { readonly bind: PersistentVolume }
  /** `waits`: for a volume, or for a class; to be looked at again now and then. */
  | { readonly intents: readonly Intent[]; readonly waits: 'volume' | 'others' | undefined };

/** What becomes of a claim. Pure. Source: pv_controller.go syncClaim. */
export function judgeClaim(view: ClaimView): ClaimVerdict {
  const migrated = migratedClaim(view.claim);
  if (migrated !== undefined) return { intents: [updateClaim(migrated)], waits: undefined };
  if (hasAnnotation(view.claim, BIND_COMPLETED)) return judgeBound(view);
  return view.claim.spec?.volumeName ? judgeNamed(view) : judgeUnbound(view);
}

const HAS_LOST = 'Data on the volume is lost!';
function judgeBound({ claim, volume }: ClaimView): ClaimVerdict {
  if (!claim.spec?.volumeName)
    return lost(claim, 'ClaimLost', `Bound claim has lost reference to PersistentVolume. ${HAS_LOST}`);
  if (volume === undefined) return lost(claim, 'ClaimLost', `Bound claim has lost its PersistentVolume. ${HAS_LOST}`);
  const to = volume.spec?.claimRef;
  if (to === undefined || to.uid === claim.metadata.uid) return { bind: volume };
  return lost(claim, 'ClaimMisbound', 'Two claims are bound to the same volume, this one is bound incorrectly');
}
function lost(claim: PersistentVolumeClaim, reason: string, message: string): ClaimVerdict {
  if (claim.status?.phase === 'Lost') return { intents: [], waits: undefined };
  const status = claimStatus(claim, 'Lost');
  return { intents: [...(status ? [status] : []), warning(claim, reason, message)], waits: undefined };
}

function judgeNamed({ claim, volume }: ClaimView): ClaimVerdict {
  // Its arrival will tell.
  if (volume === undefined) return { intents: pending(claim), waits: undefined };
  if (isFor(volume, claim)) return { bind: volume };
  if (volume.spec?.claimRef === undefined) {
    const why = mismatch(volume, claim);
    if (why === undefined) return { bind: volume };
    const message = `Cannot bind to requested volume "${volume.metadata.name}": ${why}`;
    return { intents: [warning(claim, 'VolumeMismatch', message), ...pending(claim)], waits: 'others' };
  }
  const message = `volume "${volume.metadata.name}" already bound to a different claim.`;
  // Who wrote the volume's name may have meant it to become free; if it was us, there is nothing to write.
  const status = hasAnnotation(claim, BOUND_BY_CONTROLLER) ? [] : pending(claim);
  return { intents: [warning(claim, 'FailedBinding', message), ...status], waits: 'others' };
}
/** Why the volume that the claim asks for by name will not do. Source: checkVolumeSatisfyClaim. */
function mismatch(volume: PersistentVolume, claim: PersistentVolumeClaim): string | undefined {
  if (volume.metadata.deletionTimestamp !== undefined)
    return `the volume is marked for deletion "${volume.metadata.name}"`;
  if (quantityValue(sizeOf(volume)) < quantityValue(requestedSize(claim))) return 'requested PV is too small';
  if (volumeClass(volume) !== claimClass(claim)) return 'storageClassName does not match';
  if (!sameAttributes(claim, volume)) return 'volumeAttributesClassName does not match';
  if (!sameMode(claim, volume)) return 'incompatible volumeMode';
  return hasAccessModes(claim, volume) ? undefined : 'incompatible accessMode';
}

const NO_VOLUME = 'no persistent volumes available for this claim and no storage class is set';
function judgeUnbound(view: ClaimView): ClaimVerdict {
  const { claim, storageClass, defaultClass } = view;
  const isDelayed = delaysBinding(storageClass);
  const found = view.find(isDelayed);
  if (found !== undefined) return { bind: found };
  if (!namesClass(claim) && defaultClass !== undefined)
    return {
      intents: [updateClaim({ ...claim, spec: { ...claim.spec, storageClassName: defaultClass } })],
      waits: undefined,
    };
  if (isDelayed && !hasAnnotation(claim, SELECTED_NODE)) {
    const [reason, message] = whomItWaitsFor(view.unplacedPods());
    return { intents: [normal(claim, reason, message), ...pending(claim)], waits: 'others' };
  }
  if (claimClass(claim) !== '') return { intents: provision(claim, storageClass), waits: 'volume' };
  return { intents: [normal(claim, 'FailedBinding', NO_VOLUME), ...pending(claim)], waits: 'volume' };
}
function whomItWaitsFor(pods: readonly string[]): [reason: string, message: string] {
  if (pods.length === 0) return ['WaitForFirstConsumer', 'waiting for first consumer to be created before binding'];
  const names = pods.length > 1 ? `pods ${pods.join(',')}` : `pod ${pods[0]}`;
  return ['WaitForPodScheduled', `waiting for ${names} to be scheduled`];
}

/** Says who is to make a volume: somebody outside, since what Kubernetes itself could make is off. Source: provisionClaim. */
function provision(claim: PersistentVolumeClaim, storageClass: StorageClass | undefined): Intent[] {
  const failed = (why: string): Intent => warning(claim, 'ProvisioningFailed', why);
  if (storageClass === undefined) return [failed(`storageclass.storage.k8s.io "${claimClass(claim)}" not found`)];
  const { provisioner } = storageClass;
  const driver = driverOfPlugin(provisioner);
  if (driver === undefined && provisioner.startsWith('kubernetes.io/')) {
    const lacking = lacksByName(provisioner, 'provision');
    if (lacking !== undefined) return [failed(lacking)];
    return [...named(claim, provisioner), failed(ownProvisionerProblem(storageClass))];
  }
  const who = driver ?? provisioner;
  const message =
    `Waiting for a volume to be created either by the external provisioner '${who}' or manually by the system administrator. ` +
    'If volume creation is delayed, please verify that the provisioner is running and correctly registered.';
  return [...named(claim, who), normal(claim, 'ExternalProvisioning', message)];
}
/** Only host paths could be provisioned, for tests, and that is off by default: there is one flag for it upstream. */
function ownProvisionerProblem({ metadata, provisioner, mountOptions = [] }: StorageClass): string {
  return mountOptions.length > 0
    ? `Mount options are not supported by the provisioner but StorageClass "${metadata.name}" has mount options [${mountOptions.join(' ')}]`
    : `Failed to create provisioner: provisioning in volume plugin "${provisioner}" is disabled`;
}
function named(claim: PersistentVolumeClaim, provisioner: string): Intent[] {
  const { annotations = {} } = claim.metadata;
  if (annotations[PROVISIONER] === provisioner) return [];
  const told = { ...annotations, [BETA_PROVISIONER]: provisioner, [PROVISIONER]: provisioner };
  const all = withDriver(told, provisioner) ?? told;
  return [updateClaim({ ...claim, metadata: { ...claim.metadata, annotations: all } })];
}

function pending(claim: PersistentVolumeClaim): Intent[] {
  const status = claimStatus(claim, 'Pending');
  return status ? [status] : [];
}
const warning = (regarding: PersistentVolumeClaim, reason: string, message: string): Intent => ({
  op: 'event',
  type: 'Warning',
  regarding,
  reason,
  message,
});
const normal = (regarding: PersistentVolumeClaim, reason: string, message: string): Intent => ({
  op: 'event',
  type: 'Normal',
  regarding,
  reason,
  message,
});
