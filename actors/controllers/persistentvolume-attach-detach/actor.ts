import { createHash } from 'node:crypto';
import type { Node, PersistentVolume, PersistentVolumeClaim, Pod } from '../../../schemas/generated/core-v1.ts';
import type { CSIDriver, VolumeAttachment } from '../../../schemas/generated/storage-v1.ts';
import {
  attachable,
  attachableOf,
  isShareable,
  uniqueNameOf,
  type AttachableVolume,
} from '../../../schemas/helpers/attachable-volume.ts';
import { claimsOfPod, notForPod } from '../../../schemas/helpers/volume-binding.ts';
import { equal } from '../../../schemas/meta/equal.ts';
import { keyOf } from '../../../schemas/meta/object.ts';
import { startController, type Controller, type SyncContext } from '../../runtime/controller.ts';
import { source } from '../../runtime/source.ts';
import type { ControllerDeps } from '../../runtime/controller-deps.ts';
import { isNotFound } from '../../runtime/errors.ts';
import { BY_CLAIM, byClaim, isPodDone } from '../../runtime/pod-volumes.ts';
import * as resources from '../../runtime/resources.ts';
import { BY_NODE, byNode } from '../../runtime/store.ts';
import { reconcileNode, type AttachPlan, type Held, type Memory, type Wanted } from './reconcile.ts';

const MANAGED = 'volumes.kubernetes.io/controller-managed-attach-detach';
const BY_VOLUME = 'persistentVolumeName';

/**
 * Has volumes attached to the nodes whose pods use them, and detached when these are done with them: by VolumeAttachments,
 * which CSI drivers carry out, and by what each node's status says it has. A key is a node's name.
 */
export function startAttachDetachController(deps: ControllerDeps): Controller {
  const client = deps.client('controller:persistentvolume-attach-detach');
  const pods = deps.informers.for<Pod>(resources.pods);
  const nodes = deps.informers.for<Node>(resources.nodes);
  const claims = deps.informers.for<PersistentVolumeClaim>(resources.persistentVolumeClaims);
  const volumes = deps.informers.for<PersistentVolume>(resources.persistentVolumes);
  const drivers = deps.informers.for<CSIDriver>(resources.csiDrivers);
  const attachments = deps.informers.for<VolumeAttachment>(resources.volumeAttachments);
  pods.addIndex(BY_CLAIM, byClaim);
  pods.addIndex(BY_NODE, byNode);
  attachments.addIndex(BY_NODE, byNode);
  attachments.addIndex(BY_VOLUME, ({ spec }) => (spec.source.persistentVolumeName ? [spec.source.persistentVolumeName] : []));
  /** Attachments of our own that the cache has not shown yet, so that no volume is given to two nodes. */
  const fresh = new Map<string, VolumeAttachment>();
  /** Of each node's attachments, by name. */
  const memories = new Map<string, ReadonlyMap<string, Memory>>();
  /** What nodes that are deleted had in use. */
  const departed = new Map<string, readonly string[]>();

  /** The volume behind a pod's claim, once they are each other's. */
  function volumeOf(pod: Pod, claimName: string, isEphemeral: boolean): PersistentVolume | undefined {
    const claim = claims.get(`${pod.metadata.namespace}/${claimName}`);
    if (claim?.status?.phase !== 'Bound' || (isEphemeral && notForPod(claim, pod) !== undefined)) return undefined;
    const volume = volumes.get(claim.spec?.volumeName ?? '');
    return volume?.spec?.claimRef?.uid === claim.metadata.uid ? volume : undefined;
  }
  const usersOf = ({ spec }: PersistentVolume): Pod[] => {
    const to = spec?.claimRef;
    return to === undefined ? [] : [...pods.byIndex(BY_CLAIM, `${to.namespace}/${to.name}`)].filter((pod) => pod.spec?.nodeName && !isPodDone(pod));
  };
  const freshOf = (volume: string): VolumeAttachment[] =>
    [...fresh.values()].filter(({ spec }) => spec.source.persistentVolumeName === volume);
  function wantedOn(node: Node | undefined, nodeName: string): Wanted[] {
    if (node?.metadata.annotations?.[MANAGED] === undefined) return [];
    const wanted = new Map<string, Wanted & { pods: Pod[] }>();
    for (const pod of pods.byIndex(BY_NODE, nodeName)) {
      const names = claimsOfPod(pod);
      if (names.length === 0 || isPodDone(pod)) continue;
      for (const { name: claimName, isEphemeral } of names) {
        const volume = volumeOf(pod, claimName, isEphemeral);
        const what = volume && attachable(volume, (name) => drivers.get(name));
        if (what === undefined) continue;
        const name = uniqueNameOf(what);
        const known = wanted.get(name);
        if (known !== undefined) {
          if (!known.pods.includes(pod)) known.pods.push(pod);
          continue;
        }
        const elsewhere = [...attachments.byIndex(BY_VOLUME, volume!.metadata.name!), ...freshOf(volume!.metadata.name!)].filter(
          ({ metadata, spec }) => spec.nodeName !== nodeName && metadata.name === attachmentName(what, spec.nodeName),
        );
        const others = new Set(elsewhere.map(({ spec }) => spec.nodeName));
        const rivals = usersOf(volume!).filter((user) => others.has(user.spec!.nodeName!));
        wanted.set(name, {
          ...what, name, attachment: attachmentName(what, nodeName), volume: volume!.metadata.name!, isShareable: isShareable(volume!),
          pods: [pod], elsewhere, rivals,
        });
      }
    }
    return [...wanted.values()];
  }
  /** What the node says it has, and the attachments that are of our making: those of other names are somebody else's. */
  function heldOn(node: Node | undefined, nodeName: string): Held[] {
    const held = new Map<string, Held>();
    for (const { name } of node?.status?.volumesAttached ?? []) {
      const what = attachableOf(name);
      if (what !== undefined) held.set(name, { name, attachment: attachments.get(attachmentName(what, nodeName)) });
    }
    for (const attachment of attachments.byIndex(BY_NODE, nodeName)) {
      const csi = volumes.get(attachment.spec.source.persistentVolumeName ?? '')?.spec?.csi;
      if (csi === undefined) continue;
      const what = { driver: csi.driver, handle: csi.volumeHandle };
      if (attachmentName(what, nodeName) === attachment.metadata.name) held.set(uniqueNameOf(what), { name: uniqueNameOf(what), attachment });
    }
    return [...held.values()];
  }
  const nodesOf = (users: Iterable<Pod>): string[] => [...new Set([...users].flatMap((pod) => pod.spec?.nodeName ?? []))];
  const departure = (node: Node): void => {
    const inUse = node.status?.volumesInUse ?? [];
    if (inUse.length > 0) departed.set(node.metadata.name!, inUse);
  };
  attachments.on({ add: ({ metadata }) => void fresh.delete(metadata.name!) });
  nodes.on({ add: ({ metadata }) => void departed.delete(metadata.name!), delete: departure });

  return startController({
    name: 'persistentvolume-attach-detach',
    ...deps,
    client,
    recorder: deps.recorderFor(client, 'attachdetach-controller'),
    sources: [
      source(pods, (pod, old) => (claimsOfPod(pod).length > 0 && (old === undefined || changes(pod, old)) ? nodesOf([pod]) : [])),
      source(claims, (claim, old) => (old === undefined || old.status?.phase !== claim.status?.phase ? nodesOf(pods.byIndex(BY_CLAIM, keyOf(claim))) : [])),
      source(volumes, (volume, old) => (old === undefined || old.spec?.claimRef?.uid !== volume.spec?.claimRef?.uid ? nodesOf(usersOf(volume)) : [])),
      source(attachments, ({ spec }) => {
        const volume = volumes.get(spec.source.persistentVolumeName ?? '');
        return [spec.nodeName, ...(volume ? nodesOf(usersOf(volume)) : [])];
      }),
      source(nodes, (node, old) => (old === undefined || matters(node, old) ? [node.metadata.name!] : [])),
    ],
    reads: [drivers],
    // Since when is known only of one's own time as leader.
    onActive: () => memories.clear(),
    sync: async ({ key, now, execute, signal }) => {
      const node = nodes.get(key);
      const inUse = node ? (node.status?.volumesInUse ?? []) : (departed.get(key) ?? []);
      const [wanted, held] = [wantedOn(node, key), heldOn(node, key)];
      if (wanted.length === 0 && held.length === 0) return void memories.delete(key);
      const plan = reconcileNode({ name: key, node, inUse, wanted, held, memory: memories.get(key) ?? new Map() }, now);
      for (const each of plan.attach) fresh.set(each.metadata.name!, each);
      const made = new Set<string>();
      try {
        await execute([...(plan.status ? [plan.status] : []), ...plan.events]);
        memories.set(key, plan.memory);
        await execute(plan.attach.map((object) => ({ op: 'create', gvr: resources.volumeAttachments, object, tolerate: ['AlreadyExists'] })), {
          onCreated: ({ metadata }) => void made.add(metadata.name!),
        });
        await detach(key, plan.detach, execute, signal);
      } finally {
        for (const { metadata } of plan.attach) if (!made.has(metadata.name!)) fresh.delete(metadata.name!);
      }
      return { requeueAfterMs: plan.requeueAfterMs };
    },
  });
  async function detach(key: string, plan: AttachPlan['detach'], execute: SyncContext['execute'], signal: AbortSignal): Promise<void> {
    const used = plan.some(({ verify }) => verify) ? await usedNow(key, signal) : [];
    const isStuck = ({ verify, name }: AttachPlan['detach'][number]): boolean => verify && used.includes(name);
    await execute(plan.filter((each) => !isStuck(each)).map(({ intent }) => intent));
    const stuck = plan.filter(isStuck).map(({ name }) => name);
    if (stuck.length > 0) throw new Error(`volumes are still in use by node ${key}, according to Node status: ${stuck.join(', ')}`);
  }
  /** As the API knows it: the cache may be behind a kubelet that has just begun to mount. */
  async function usedNow(name: string, signal: AbortSignal): Promise<readonly string[]> {
    try {
      return (await client.get<Node>(resources.nodes, name, undefined, { signal })).status?.volumesInUse ?? [];
    } catch (error) {
      if (isNotFound(error)) return [];
      throw error;
    }
  }
} // prettier-ignore
const changes = (pod: Pod, old: Pod): boolean =>
  pod.spec?.nodeName !== old.spec?.nodeName || isPodDone(pod) !== isPodDone(old);
const isReady = ({ status }: Node): boolean =>
  status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') ?? false;
const matters = (node: Node, old: Node): boolean =>
  isReady(node) !== isReady(old) ||
  !equal(node.status?.volumesInUse, old.status?.volumesInUse) ||
  !equal(node.status?.volumesAttached, old.status?.volumesAttached) ||
  !equal(node.spec?.taints, old.spec?.taints);

/** Source: pkg/volume/csi getAttachmentName. */
function attachmentName({ driver, handle }: AttachableVolume, node: string): string {
  return `csi-${createHash('sha256').update(`${handle}${driver}${node}`).digest('hex')}`;
}
