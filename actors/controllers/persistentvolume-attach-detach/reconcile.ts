import type { AttachedVolume, Node, Pod } from '../../../schemas/generated/core-v1.ts';
import type { VolumeAttachment } from '../../../schemas/generated/storage-v1.ts';
import type { Intent } from '../../runtime/intent.ts';
import { nodes, volumeAttachments } from '../../runtime/resources.ts';

/** How long a node that is not well may keep what it does not need any more. Source: ReconcilerMaxWaitForUnmountDuration. */
export const MAX_UNMOUNT_MS = 6 * 60_000;
/** How long a driver may take before that is told. Source: pkg/volume/csi csiTimeout. */
export const ATTACH_MS = 2 * 60_000;

/** A volume that pods on the node want. */
export interface Wanted {
  /** As nodes call it. */
  readonly name: string;
  /** Of its VolumeAttachment. */
  readonly attachment: string;
  readonly volume: string;
  readonly driver: string;
  readonly handle: string;
  readonly isShareable: boolean;
  readonly pods: readonly Pod[];
  /** Attachments of the same volume to other nodes, and the pods that use it there. */
  readonly elsewhere: readonly VolumeAttachment[];
  readonly rivals: readonly Pod[];
}
/** A volume that is, or may be, attached to the node. */
export interface Held {
  readonly name: string;
  readonly attachment: VolumeAttachment | undefined;
}
/** What the controller remembers of one attachment between two looks at it. */
export interface Memory {
  /** Since when nobody on the node wants it, ms. */
  readonly unwantedSince?: number;
  /** Since when it is waited for, ms. */
  readonly attachingSince?: number;
  /** That another node has it was told. */
  readonly isTold?: boolean;
  /** The failure that was told. */
  readonly error?: string;
}
export interface NodeView {
  readonly name: string;
  /** undefined: deleted. */
  readonly node: Node | undefined;
  /** Names of the volumes that it says are mounted, also if it is deleted. */
  readonly inUse: readonly string[];
  readonly wanted: readonly Wanted[];
  readonly held: readonly Held[];
  readonly memory: ReadonlyMap<string, Memory>;
}
export interface AttachPlan {
  /** The node's status says first what it does not have any more, so that its kubelet mounts it no more. */
  readonly status: Intent | undefined;
  readonly attach: readonly VolumeAttachment[];
  /** `verify`: unless the node, asked anew, says that it is in use. */
  readonly detach: readonly { readonly name: string; readonly intent: Intent; readonly verify: boolean }[];
  readonly events: readonly Intent[];
  readonly memory: ReadonlyMap<string, Memory>;
  readonly requeueAfterMs: number | undefined;
}

/** What is attached to a node and what is taken away. Pure. Source: pkg/controller/volume/attachdetach/reconciler. */
export function reconcileNode(view: NodeView, now: number): AttachPlan {
  const memory = new Map<string, Memory>();
  const events: Intent[] = [];
  const attach: VolumeAttachment[] = [];
  const detach: { name: string; intent: Intent; verify: boolean }[] = [];
  let due = Infinity;
  const attached = new Set<string>();
  const before = new Set(view.node?.status?.volumesAttached?.map(({ name }) => name));
  const wanted = new Set(view.wanted.map(({ name }) => name));

  for (const each of view.wanted) {
    const known = view.held.find(({ name }) => name === each.name)?.attachment;
    const memo = view.memory.get(each.attachment) ?? {};
    if (known !== undefined && isAttached(known)) {
      attached.add(each.name);
      if (!before.has(each.name)) events.push(...tell(each, 'Normal', 'SuccessfulAttachVolume', 'AttachVolume.Attach succeeded', ''));
      continue;
    }
    if (known === undefined && !each.isShareable && each.elsewhere.length > 0) {
      // One that is on its way here or there will be settled soon; only one that is attached may stay.
      const isTold = memo.isTold === true || !each.elsewhere.some(isAttached);
      if (!isTold) events.push(...multiAttachErrors(each));
      memory.set(each.attachment, { isTold: isTold ? memo.isTold === true : true });
      continue;
    }
    if (known === undefined) attach.push(attachment(each, view.name));
    const fresh = failureOf(known);
    const since = memo.attachingSince ?? now;
    const isLate = fresh === undefined && now - since >= ATTACH_MS;
    if (fresh !== undefined && fresh.key !== memo.error) events.push(...failed(each, fresh.message));
    else if (isLate) events.push(...failed(each, `timed out waiting for external-attacher of ${each.driver} CSI driver to attach volume ${each.handle}`));
    const attachingSince = isLate ? now : since;
    memory.set(each.attachment, { attachingSince, ...(fresh && { error: fresh.key }) });
    due = Math.min(due, attachingSince + ATTACH_MS);
  }

  const isHealthy = view.node?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
  const isOutOfService = view.node?.spec?.taints?.some(({ key }) => key === 'node.kubernetes.io/out-of-service') ?? false;
  for (const { name, attachment: held } of view.held) {
    if (wanted.has(name) || held === undefined) continue;
    const id = held.metadata.name!;
    if (held.metadata.deletionTimestamp !== undefined) continue;
    const unwantedSince = view.memory.get(id)?.unwantedSince ?? now;
    const isOverdue = now - unwantedSince >= MAX_UNMOUNT_MS;
    memory.set(id, { unwantedSince });
    if (view.inUse.includes(name) && !isOutOfService && (isHealthy || !isOverdue)) {
      attached.add(name);
      if (!isOverdue) due = Math.min(due, unwantedSince + MAX_UNMOUNT_MS);
      continue;
    }
    const intent: Intent = { op: 'delete', gvr: volumeAttachments, namespace: undefined, name: id, uid: held.metadata.uid };
    detach.push({ name, intent, verify: !isOverdue && !isOutOfService });
  }
  return {
    status: view.node && statusOf(view.node, view.held, attached),
    attach, detach, events, memory,
    requeueAfterMs: due === Infinity ? undefined : Math.max(due - now, 0),
  };
} // prettier-ignore
const isAttached = ({ metadata, status }: VolumeAttachment): boolean =>
  status?.attached === true && metadata.deletionTimestamp === undefined;

/** Volumes of sorts that are not ours stay in the list. */
function statusOf(node: Node, held: readonly Held[], attached: ReadonlySet<string>): Intent | undefined {
  const before = node.status?.volumesAttached ?? [];
  const ours = new Set(held.map(({ name }) => name));
  const kept: AttachedVolume[] = before.filter(({ name }) => !ours.has(name) || attached.has(name));
  const known = new Set(kept.map(({ name }) => name));
  const added = [...attached].filter((name) => !known.has(name)).map((name) => ({ name, devicePath: '' }));
  if (added.length === 0 && kept.length === before.length) return undefined;
  const volumesAttached = [...kept, ...added];
  const patch = { metadata: { uid: node.metadata.uid }, status: { volumesAttached } };
  return { op: 'patch', gvr: nodes, namespace: undefined, name: node.metadata.name!, type: 'merge', patch, subresource: 'status', tolerate: ['NotFound'] };
} // prettier-ignore
const attachment = (each: Wanted, nodeName: string): VolumeAttachment => ({
  apiVersion: 'storage.k8s.io/v1',
  kind: 'VolumeAttachment',
  metadata: { name: each.attachment },
  spec: { attacher: each.driver, nodeName, source: { persistentVolumeName: each.volume } },
});

/** What a driver says went wrong, and what tells it from what it said before. */
function failureOf(known: VolumeAttachment | undefined): { readonly key: string; readonly message: string } | undefined {
  if (known === undefined) return undefined;
  if (known.metadata.deletionTimestamp !== undefined)
    return { key: known.metadata.deletionTimestamp, message: 'volume attachment is being deleted' };
  const error = known.status?.attachError;
  return error && { key: `${error.time} ${error.message}`, message: error.message ?? '' };
} // prettier-ignore
const failed = (each: Wanted, why: string): Intent[] =>
  tell(each, 'Warning', 'FailedAttachVolume', 'AttachVolume.Attach failed', `: ${why}`);
function multiAttachErrors(each: Wanted): Intent[] {
  if (each.rivals.length === 0)
    return tell(each, 'Warning', 'FailedAttachVolume', 'Multi-Attach error', "Volume is already exclusively attached to one node and can't be attached to another");
  return each.pods.flatMap((pod) => {
    const local = each.rivals.filter(({ metadata }) => metadata.namespace === pod.metadata.namespace).map(({ metadata }) => metadata.name);
    const others = each.rivals.length - local.length;
    const foreign = `${others} pod(s) in different namespaces`;
    const who = local.length === 0 ? foreign : `pod(s) ${local.join(', ')}${others > 0 ? ` and ${foreign}` : ''}`;
    return tell({ ...each, pods: [pod] }, 'Warning', 'FailedAttachVolume', 'Multi-Attach error', `Volume is already used by ${who}`);
  });
} // prettier-ignore
const tell = (each: Wanted, type: 'Normal' | 'Warning', reason: string, what: string, more: string): Intent[] =>
  each.pods.map((regarding) => ({
    op: 'event',
    type,
    regarding,
    reason,
    message: `${what} for volume "${each.volume}" ${more}`,
  }));
