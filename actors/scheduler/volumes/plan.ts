import type {
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  TopologySelectorTerm,
} from '../../../schemas/generated/core-v1.ts';
import type { StorageClass } from '../../../schemas/generated/storage-v1.ts';
import { compileSelector, type Labels } from '../../../schemas/helpers/label-match.ts';
import {
  canHold,
  claimClass,
  claimsOfPod,
  delaysBinding,
  hasAccessModes,
  isFor,
  isFullyBound,
  NO_PROVISIONER,
  notForPod,
  reachable,
  requestedSize,
  SELECTED_NODE,
  sizeOf,
} from '../../../schemas/helpers/volume-binding.ts';
import { compareQuantities } from '../../../schemas/meta/quantity.ts';
import type { DriverView } from './csi.ts';

/** What the cluster has, including what was promised to pods that are on their way. */
export interface VolumeView extends DriverView {
  claim(namespace: string, name: string): PersistentVolumeClaim | undefined;
  volume(name: string): PersistentVolume | undefined;
  storageClass(name: string): StorageClass | undefined;
  volumesOfClass(name: string): Iterable<PersistentVolume>;
  /** Key of the claim that a volume was promised to. */
  promisedTo(volume: string): string | undefined;
  /** The node that was promised to a claim whose volume is to be made there. */
  nodeOf(claimKey: string): string | undefined;
}
/** A pod's claims, sorted by what is left to do; what is the same for all nodes is done once. */
export interface Wanted {
  /** Of its bound claims; undefined: one that is not there. */
  readonly bound: readonly (PersistentVolume | undefined)[];
  /** Claims that wait for a node, the smallest first. */
  readonly open: readonly OpenClaim[];
}
interface OpenClaim {
  readonly claim: PersistentVolumeClaim;
  readonly storageClass: StorageClass;
  readonly node: string | undefined;
  /** Set aside for it. */
  readonly own: readonly PersistentVolume[];
  /** Others that would do, the smallest first. */
  readonly free: readonly PersistentVolume[];
}
/** What binding the pod to a node takes. */
export interface VolumePlan {
  readonly bindings: readonly { readonly claim: PersistentVolumeClaim; readonly volume: PersistentVolume }[];
  /** Claims whose volumes are to be made on the node. */
  readonly provisions: readonly PersistentVolumeClaim[];
}
export const NODE_CONFLICT = "node(s) didn't match PersistentVolume's node affinity";
export const BIND_CONFLICT = "node(s) didn't find available persistent volumes to bind";
export const NO_VOLUME = 'node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)';
const NO_SPACE = 'node(s) did not have enough free storage';
const UNBOUND = 'pod has unbound immediate PersistentVolumeClaims';

const keyOf = ({ metadata }: PersistentVolumeClaim): string => `${metadata.namespace}/${metadata.name}`;

/** Why no node will do, or what is wanted of one; undefined: the pod has no claims. Source: VolumeBinding PreFilter. */
export function wanted(pod: Pod, view: VolumeView): Wanted | { readonly reason: string } | undefined {
  const names = claimsOfPod(pod);
  if (names.length === 0) return undefined;
  const claims: PersistentVolumeClaim[] = [];
  for (const { name, isEphemeral } of names) {
    const claim = view.claim(pod.metadata.namespace ?? '', name);
    if (claim === undefined) return { reason: isEphemeral ? `waiting for ephemeral volume controller to create the persistentvolumeclaim "${name}"` : `persistentvolumeclaim "${name}" not found` };
    if (claim.status?.phase === 'Lost') return { reason: `persistentvolumeclaim "${name}" bound to non-existent persistentvolume "${claim.spec?.volumeName ?? ''}"` };
    if (claim.metadata.deletionTimestamp !== undefined) return { reason: `persistentvolumeclaim "${name}" is being deleted` };
    const foreign = isEphemeral ? notForPod(claim, pod) : undefined;
    if (foreign !== undefined) return { reason: foreign };
    claims.push(claim);
  }
  const bound: (PersistentVolume | undefined)[] = [];
  const open: OpenClaim[] = [];
  for (const claim of claims) {
    if (isFullyBound(claim)) {
      bound.push(view.volume(claim.spec!.volumeName!));
      continue;
    }
    const storageClass = view.storageClass(claimClass(claim));
    if (claim.spec?.volumeName || !delaysBinding(storageClass)) return { reason: UNBOUND };
    open.push(openClaim(claim, storageClass!, view));
  }
  return { bound, open: open.sort((a, b) => compareQuantities(requestedSize(a.claim), requestedSize(b.claim))) };
} // prettier-ignore
function openClaim(claim: PersistentVolumeClaim, storageClass: StorageClass, view: VolumeView): OpenClaim {
  const key = keyOf(claim);
  const node = claim.metadata.annotations?.[SELECTED_NODE] ?? view.nodeOf(key);
  const own: PersistentVolume[] = [];
  const free: PersistentVolume[] = [];
  if (node !== undefined) return { claim, storageClass, node, own, free };
  const selects = claim.spec?.selector === undefined ? () => true : compileSelector(claim.spec.selector);
  for (const volume of view.volumesOfClass(claimClass(claim))) {
    const promised = view.promisedTo(volume.metadata.name!);
    if (promised !== undefined && promised !== key) continue;
    if (!canHold(volume, claim)) continue;
    if (promised === key || isFor(volume, claim)) own.push(volume);
    else if (volume.spec?.claimRef === undefined && volume.status?.phase === 'Available' && hasAccessModes(claim, volume) && selects(volume.metadata.labels)) free.push(volume);
  }
  free.sort((a, b) => compareQuantities(sizeOf(a), sizeOf(b)));
  return { claim, storageClass, node, own, free };
} // prettier-ignore

/** How the pod's volumes would be bound on a node, or why they cannot. Source: volumeBinder FindPodVolumes. */
export function planOn(
  want: Wanted,
  node: Place,
  view: VolumeView,
): VolumePlan | { readonly reasons: readonly string[] } {
  const bound = boundProblem(want, node);
  const open = planOpen(want, node, view);
  if (typeof open !== 'string') return bound === undefined ? open : { reasons: [bound] };
  if (bound === undefined) return { reasons: [open] };
  // A volume that is not there is told last.
  return { reasons: bound === NO_VOLUME ? [open, bound] : [bound, open] };
}
interface Place {
  readonly name: string;
  readonly labels: Labels;
}
function boundProblem({ bound }: Wanted, node: Place): string | undefined {
  for (const volume of bound) {
    if (volume === undefined) return NO_VOLUME;
    if (!reachable(volume, node.labels)) return NODE_CONFLICT;
  }
  return undefined;
}
function planOpen(want: Wanted, node: Place, view: VolumeView): VolumePlan | string {
  if (want.open.some((each) => each.node !== undefined && each.node !== node.name)) return BIND_CONFLICT;
  const bindings: { claim: PersistentVolumeClaim; volume: PersistentVolume }[] = [];
  const provided = want.open.filter((each) => each.node !== undefined);
  const taken = new Set<PersistentVolume>();
  for (const each of want.open) {
    if (each.node !== undefined) continue;
    const volume = choose(each, node.labels, taken);
    if (volume === undefined) {
      provided.push(each);
      continue;
    }
    taken.add(volume);
    bindings.push({ claim: each.claim, volume });
  }
  for (const each of provided) {
    if (!canProvision(each, node)) return BIND_CONFLICT;
    if (!hasSpace(each, node, view)) return NO_SPACE;
  }
  return { bindings, provisions: provided.map(({ claim }) => claim) };
}
/** What is set aside for the claim is its volume, and no other, even where the node cannot reach it. */
function choose({ own, free }: OpenClaim, labels: Labels, taken: ReadonlySet<PersistentVolume>): PersistentVolume | undefined {
  const [first] = own;
  if (first !== undefined) return reachable(first, labels) ? first : undefined;
  return free.find((volume) => !taken.has(volume) && reachable(volume, labels));
} // prettier-ignore
function canProvision(each: OpenClaim, node: Place): boolean {
  const { provisioner, allowedTopologies = [] } = each.storageClass;
  if (provisioner === '' || provisioner === NO_PROVISIONER) return false;
  return allowedTopologies.length === 0 || allowedTopologies.some((term) => isIn(term, node.labels));
}
/** Whether the driver, if it tells what is left, has so much where the node reaches it. Source: volumeBinder hasEnoughCapacity. */
function hasSpace({ claim, storageClass }: OpenClaim, node: Place, view: VolumeView): boolean {
  const size = claim.spec?.resources?.requests?.['storage'];
  if (size === undefined || view.csiDriver(storageClass.provisioner)?.spec.storageCapacity !== true) return true;
  for (const { storageClassName, maximumVolumeSize, capacity, nodeTopology } of view.capacities()) {
    if (storageClassName !== storageClass.metadata.name || nodeTopology === undefined) continue;
    const limit = maximumVolumeSize ?? capacity;
    if (limit === undefined || compareQuantities(String(limit), String(size)) < 0) continue;
    if (compileSelector(nodeTopology)(node.labels)) return true;
  }
  return false;
}
/** A term that says nothing is met by no node. */
const isIn = ({ matchLabelExpressions = [] }: TopologySelectorTerm, labels: Labels): boolean =>
  matchLabelExpressions.length > 0 &&
  matchLabelExpressions.every(({ key, values }) => labels?.[key] !== undefined && values.includes(labels[key]));
