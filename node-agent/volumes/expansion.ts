import type { PersistentVolumeClaim } from '../../schemas/generated/core-v1.ts';
import { goQuote } from '../../schemas/meta/go-quote.ts';
import { compareQuantities } from '../../schemas/meta/quantity.ts';
import { persistentVolumeClaims } from '../../actors/runtime/resources.ts';
import { isBlock, nameOf, VolumeError, type PodVolume, type VolumeHost } from './plugin.ts';

/** How often a volume that pods have is looked at for whether it has grown, ms. Source: kubelet syncFrequency. */
export const LOOK_MS = 60_000;
/** On the claim: whoever made the volume larger did all of it. Source: pkg/volume/util/types. */
const NOT_REQUIRED = 'volume.kubernetes.io/node-expansion-not-required';
const PENDING: readonly (string | undefined)[] = ['NodeResizePending', 'NodeResizeInProgress'];
const FAILED = 'NodeResizeError';
/** Conditions that end with it. Source: pkg/volume/util resize_util.go knownResizeConditions. */
const OF_RESIZING: readonly string[] = ['FileSystemResizePending', 'Resizing', 'ControllerResizeError', FAILED];

/**
 * Why something on the node did not grow, where that changes what comes next: nobody can (`unsupported`), it never will
 * (`infeasible`), not as long as pods use it (`inUse`), it was not tried (`transient`). Source: pkg/volume/util/types.
 */
export class ExpansionError extends Error {
  override readonly name = 'ExpansionError';
  readonly kind: 'unsupported' | 'infeasible' | 'inUse' | 'transient';
  constructor(kind: ExpansionError['kind'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}
/** Makes what is on the node as large as this quantity says. Rejects: ExpansionError; with anything else for good. */
export type Grow = (size: string) => Promise<void>;

const keyOf = (volume: PodVolume): string => `${volume.pod.metadata.uid}/${nameOf(volume)}`;
/** Whether the kubelet has looked at it since it began to set it up. */
export const isSized = (volume: PodVolume, host: VolumeHost): boolean => host.sizes.has(keyOf(volume));
export const forgetSize = (volume: PodVolume, host: VolumeHost): void => void host.sizes.delete(keyOf(volume));

/**
 * Has what is on the node grow as large as its persistent volume has become, and says so in the claim: when a pod gets it,
 * and as long as a pod has it. Rejects: VolumeError. Source: pkg/volume/util/operationexecutor expandVolumeDuringMount,
 * GenerateExpandInUseVolumeFunc, node_expander.go.
 */
export async function growWithVolume(volume: PodVolume, grow: Grow, host: VolumeHost, signal: AbortSignal): Promise<void> {
  const { claimRef: to, capacity } = volume.persistent?.spec ?? {};
  const wanted = capacity?.['storage']?.toString();
  if (to?.name === undefined || wanted === undefined) return;
  const had = host.sizes.get(keyOf(volume));
  if (had !== undefined && compareQuantities(wanted, had) <= 0) return;
  try {
    const claim = await host.client.get<PersistentVolumeClaim>(persistentVolumeClaims, to.name, to.namespace, { signal }).catch((error: Error) => {
      throw new Error(`mountVolume.NodeExpandVolume get PVC failed : ${error.message}`, { cause: error });
    });
    const has = claim.status?.capacity?.['storage'] ?? '0';
    host.sizes.set(keyOf(volume), String((await isGrown()) ? wanted : (had ?? has)));

    async function isGrown(): Promise<boolean> {
      if (had === undefined && compareQuantities(has, wanted!) >= 0) return true;
      if (volume.readOnly) {
        tell(host, volume, claim, 'Warning', 'FileSystemResizeFailed', 'failed', 'requested read-only file system');
        return true;
      }
      const { allocatedResources, allocatedResourceStatuses } = claim.status ?? {};
      const isRecovering = allocatedResources !== undefined || allocatedResourceStatuses?.['storage'] !== undefined;
      return isRecovering
        ? growInSteps(volume, claim, String(allocatedResources?.['storage'] ?? wanted), grow, host, signal)
        : growAtOnce(volume, claim, wanted!, grow, host, signal);
    }
  } catch (error) {
    signal.throwIfAborted();
    const mounting = isBlock(volume) ? 'MapVolume.MarkVolumeAsMounted' : 'MountVolume.Setup';
    const step = had === undefined ? `${mounting} failed while expanding volume` : 'NodeExpandVolume.NodeExpandVolume failed';
    throw new VolumeError(step, (error as Error).message, { cause: error });
  }
} // prettier-ignore

/** As its resizer says, which knows of failures. Resolves with whether there is nothing more to do. Source: NodeExpander expandOnPlugin. */
async function growInSteps(volume: PodVolume, found: PersistentVolumeClaim, size: string, grow: Grow, host: VolumeHost, signal: AbortSignal): Promise<boolean> {
  let claim = found;
  const status = claim.status?.allocatedResourceStatuses?.['storage'];
  const isTold = compareQuantities(claim.status?.capacity?.['storage'] ?? '0', size) >= 0 && status === undefined;
  // What several nodes have grows on each of them, whoever was first.
  const isShared = claim.spec?.accessModes?.includes('ReadWriteMany') === true && claim.metadata.annotations?.[NOT_REQUIRED] === undefined;
  if (!(isTold && isShared) && !PENDING.includes(status)) return isTold;
  if (!isTold) claim = await write(host, claim, { allocatedResourceStatuses: { storage: 'NodeResizeInProgress' } }, signal);
  try {
    await grow(size);
  } catch (error) {
    signal.throwIfAborted();
    const kind = error instanceof ExpansionError ? error.kind : undefined;
    if (kind === 'unsupported' && isTold) return true;
    if (kind !== 'transient')
      await tellFailure(host, claim, size, error as Error, signal).catch((err: unknown) =>
        host.world.log.warn('a claim does not say that its volume has not grown', { claim: claim.metadata.name, err }),
      );
    if (kind === 'inUse') return true;
    throw error;
  }
  tellGrown(host, volume, claim);
  if (!isTold) await finish(host, claim, size, signal);
  return true;
} // prettier-ignore
/** Where no resizer has said anything. Source: legacyCallNodeExpandOnPlugin. */
async function growAtOnce(volume: PodVolume, claim: PersistentVolumeClaim, size: string, grow: Grow, host: VolumeHost, signal: AbortSignal): Promise<boolean> {
  try {
    await grow(size);
  } catch (error) {
    if (error instanceof ExpansionError && (error.kind === 'unsupported' || error.kind === 'inUse')) return true;
    throw error;
  }
  tellGrown(host, volume, claim);
  if (compareQuantities(claim.status?.capacity?.['storage'] ?? '0', size) < 0) await finish(host, claim, size, signal);
  return true;
} // prettier-ignore

function tell({ recorder }: VolumeHost, volume: PodVolume, claim: PersistentVolumeClaim, type: 'Normal' | 'Warning', reason: string, how: string, more: string): void {
  const message = `MountVolume.NodeExpandVolume ${how} for volume ${goQuote(nameOf(volume))} ${more}`;
  for (const object of [volume.pod, claim]) recorder.event(object, type, reason, message);
} // prettier-ignore
const tellGrown = (host: VolumeHost, volume: PodVolume, claim: PersistentVolumeClaim): void =>
  tell(host, volume, claim, 'Normal', 'FileSystemResizeSuccessful', 'succeeded', host.nodeName);
/** Source: MarkNodeExpansionInfeasible, MarkNodeExpansionFailedCondition. */
async function tellFailure(host: VolumeHost, claim: PersistentVolumeClaim, size: string, error: Error, signal: AbortSignal): Promise<void> {
  const { conditions = [] } = claim.status ?? {};
  const hasFailed = conditions.some(({ type, status }) => type === FAILED && status === 'True');
  // Who asks for something else by now may have it: whoever resizes is told that this will not be.
  const isElse = compareQuantities(String(claim.spec?.resources?.requests?.['storage'] ?? size), size) !== 0;
  const isInfeasible = (error instanceof ExpansionError && error.kind === 'infeasible') || (hasFailed && isElse);
  const lastTransitionTime = new Date(host.world.clock.now()).toISOString().replace(/\.\d+/, '');
  const failed = { type: FAILED, status: 'True', lastTransitionTime, message: `failed to expand pvc with ${error.message}` };
  await write(host, claim, {
    ...(isInfeasible && { allocatedResourceStatuses: { storage: 'NodeResizeInfeasible' } }),
    ...(!hasFailed && { conditions: [...conditions.filter(({ type }) => type !== FAILED), failed] }),
  }, signal);
} // prettier-ignore
/** Source: MarkFSResizeFinished, MarkNodeExpansionFinishedWithRecovery. */
async function finish(host: VolumeHost, claim: PersistentVolumeClaim, size: string, signal: AbortSignal): Promise<void> {
  const conditions = claim.status?.conditions?.filter(({ type }) => !OF_RESIZING.includes(type)) ?? [];
  const { allocatedResourceStatuses } = claim.status ?? {};
  const isSaid = allocatedResourceStatuses?.['storage'] !== undefined;
  await write(host, claim, { capacity: { storage: size }, ...(isSaid && { allocatedResourceStatuses: { storage: null } }), conditions }, signal);
} // prettier-ignore
/** Rejects with Conflict where somebody else has written meanwhile. */
const write = (host: VolumeHost, { metadata }: PersistentVolumeClaim, status: object, signal: AbortSignal): Promise<PersistentVolumeClaim> =>
  host.client.patch(persistentVolumeClaims, metadata.name!, metadata.namespace, 'merge', { metadata: { resourceVersion: metadata.resourceVersion }, status }, { subresource: 'status', signal }); // prettier-ignore
