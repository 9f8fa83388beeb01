import { delay, type World } from '../../bus/world.ts';
import type { Node, PersistentVolume, PersistentVolumeClaim, Pod } from '../../schemas/generated/core-v1.ts';
import type { CSIDriver } from '../../schemas/generated/storage-v1.ts';
import { attachable, uniqueNameOf } from '../../schemas/helpers/attachable-volume.ts';
import { claimsOfPod, isFullyBound, notForPod, type PodClaim } from '../../schemas/helpers/volume-binding.ts';
import { reasonOf } from '../../schemas/meta/status.ts';
import type { ApiClient } from '../../actors/runtime/api-client.ts';
import type { EventRecorder } from '../../actors/runtime/events.ts';
import { csiDrivers, nodes, persistentVolumeClaims, persistentVolumes } from '../../actors/runtime/resources.ts';

/** How long a pod's volumes may take before that is told. Source: kubelet volumemanager podAttachAndMountTimeout. */
const TIMEOUT_MS = 123_000;
const FIRST_LOOK_MS = 200;
const LONGEST_LOOK_MS = 5_000;

/** Volumes as a node with a disk has them; claims are bound and attached before it is asked. */
export interface PodDisk {
  /** Resolves when all of the pod's volumes are there; rejects with the signal's reason alone: what fails is tried again. */
  mount(pod: Pod, signal: AbortSignal): Promise<void>;
  /** The pod runs: its volumes are there already. */
  adopt(pod: Pod): void;
  /** The pod's object is newer. */
  see(pod: Pod): void;
  /** Nothing of the pod runs any more. */
  unmount(uid: string): void;
  /** Resolves when none of the pod's volumes is on the node; undefined: it has none. */
  whenUnmounted(uid: string): Promise<void> | undefined;
  /** The API does not have the pod any more: whatever is left of it goes. */
  forget(uid: string): void;
  /** All pods are known that are the node's: what is left of others goes. */
  open(isKnown: (uid: string) => boolean): Promise<void>;
  stop(): void;
}
/** The claims behind pods' volumes, as far as a node without disks has to do with them: it waits for them and says which it uses. */
export interface NodeVolumes {
  /** Resolves when all of the pod's claims are bound, and attached to this node where a driver has to; undefined: it has none. */
  mount(pod: Pod, signal: AbortSignal): Promise<void> | undefined;
  /** The pod was running when this kubelet came; called before open. */
  adopt(pod: Pod): void;
  /** The node's pods are known: from now on what its status says of its volumes is this kubelet's. */
  open(node: Node | undefined, isKnown: (uid: string) => boolean): void;
  /** The pod's object is newer; only nodes with disks have to know. */
  readonly see: ((pod: Pod) => void) | undefined;
  /** The pod needs them no more. */
  unmount(uid: string): void;
  /** Resolves when they are off the node; undefined: they are. */
  whenUnmounted(uid: string): Promise<void> | undefined;
  /** The API does not have the pod any more. */
  forget(uid: string): void;
  stop(): void;
}
export function nodeVolumes(o: {
  readonly world: World;
  readonly client: ApiClient;
  readonly recorder: EventRecorder;
  readonly nodeName: string;
  /** Of a real node. */
  readonly disk?: PodDisk | undefined;
}): NodeVolumes {
  const { world, client, nodeName, disk } = o;
  /** Uids of the pods that use each attachable volume, by the name that nodes have for it. */
  const users = new Map<string, Set<string>>();
  const abort = new AbortController();
  let reported = '';
  const opened = Promise.withResolvers<void>();
  const adoptions: Promise<void>[] = [];
  let reporting: Promise<void> | undefined;

  /** A controller detaches nothing that is in this list, so it is written before a volume counts as mounted. */
  async function report(): Promise<void> {
    await opened.promise;
    await (reporting ??= write().finally(() => (reporting = undefined)));
  }
  async function write(): Promise<void> {
    for (let wait = FIRST_LOOK_MS; !abort.signal.aborted; wait = Math.min(2 * wait, LONGEST_LOOK_MS)) {
      const volumesInUse = [...users.keys()].sort();
      const text = volumesInUse.join();
      if (text === reported) return;
      try {
        await client.patch(nodes, nodeName, undefined, 'merge', { status: { volumesInUse } }, { subresource: 'status', signal: abort.signal });
        reported = text;
        wait = FIRST_LOOK_MS;
      } catch (error) {
        world.log.debug('volumes in use not written', { node: nodeName, err: error });
        await delay(world.clock, wait, abort.signal).catch(() => undefined);
      }
    }
  }
  function use(name: string, uid: string): void {
    const known = users.get(name);
    if (known === undefined) users.set(name, new Set([uid]));
    else known.add(uid);
  }
  const found = async <T>(asked: Promise<T>): Promise<T | undefined> => {
    try {
      return await asked;
    } catch (error) {
      if (reasonOf(error) === 'NotFound') return undefined;
      throw error;
    }
  };
  /** The name of the volume behind a claim if it has to be attached, '' if not; undefined: the claim is not bound yet. */
  async function nameOf(pod: Pod, { name, isEphemeral }: PodClaim, signal: AbortSignal): Promise<string | undefined> {
    const claim = await found(client.get<PersistentVolumeClaim>(persistentVolumeClaims, name, pod.metadata.namespace, { signal }));
    if (claim === undefined || !isFullyBound(claim) || claim.status?.phase !== 'Bound') return undefined;
    if (isEphemeral && notForPod(claim, pod) !== undefined) return undefined;
    const volume = await found(client.get<PersistentVolume>(persistentVolumes, claim.spec!.volumeName!, undefined, { signal }));
    if (volume === undefined) return undefined;
    const csi = volume.spec?.csi;
    const driver = csi && (await found(client.get<CSIDriver>(csiDrivers, csi.driver, undefined, { signal })));
    const what = attachable(volume, () => driver);
    return what === undefined ? '' : uniqueNameOf(what);
  }
  /** The pod's volumes that have to be attached, noted as used, and those whose claim is not bound. */
  async function note(pod: Pod, signal: AbortSignal): Promise<{ readonly unbound: string[]; readonly names: ReadonlyMap<string, string> }> {
    const unbound: string[] = [];
    const names = new Map<string, string>();
    for (const each of claimsOfPod(pod)) {
      const name = await nameOf(pod, each, signal);
      if (name === undefined) unbound.push(each.volume);
      else if (name !== '') names.set(each.volume, name);
    }
    signal.throwIfAborted();
    for (const name of names.values()) use(name, pod.metadata.uid!);
    return { unbound, names };
  }
  async function missing(pod: Pod, signal: AbortSignal): Promise<{ readonly unbound: string[]; readonly unattached: string[] }> {
    const { unbound, names } = await note(pod, signal);
    if (names.size === 0) return { unbound, unattached: [] };
    await report();
    const { status } = await client.get<Node>(nodes, nodeName, undefined, { signal });
    const attached = new Set(status?.volumesAttached?.map(({ name }) => name));
    return { unbound, unattached: [...names].filter(([, name]) => !attached.has(name)).map(([volume]) => volume) };
  }
  async function takeUp(pod: Pod): Promise<void> {
    for (let wait = FIRST_LOOK_MS; !abort.signal.aborted; wait = Math.min(2 * wait, LONGEST_LOOK_MS)) {
      try {
        return void (await note(pod, abort.signal));
      } catch {
        await delay(world.clock, wait, abort.signal).catch(() => undefined);
      }
    }
  }
  async function mount(pod: Pod, signal: AbortSignal): Promise<void> {
    let tellAt = world.clock.now() + TIMEOUT_MS;
    for (let wait = FIRST_LOOK_MS; ; wait = Math.min(2 * wait, LONGEST_LOOK_MS)) {
      let lacking: Awaited<ReturnType<typeof missing>> | undefined;
      try {
        lacking = await missing(pod, signal);
      } catch (error) {
        signal.throwIfAborted();
        world.log.debug('volumes not looked up', { pod: pod.metadata.name, err: error });
      }
      signal.throwIfAborted();
      if (lacking?.unbound.length === 0 && lacking.unattached.length === 0) return;
      if (world.clock.now() >= tellAt) {
        tellAt += TIMEOUT_MS;
        const { unbound = [], unattached = [] } = lacking ?? {};
        const lists = [[...unattached, ...unbound], unattached, unbound].map((list) => `[${list.join(' ')}]`);
        o.recorder.event(pod, 'Warning', 'FailedMount', `Unable to attach or mount volumes: unmounted volumes=${lists[0]}, unattached volumes=${lists[1]}, failed to process volumes=${lists[2]}: context deadline exceeded`);
      }
      await delay(world.clock, wait, signal);
    }
  }
  const bound = (pod: Pod, signal: AbortSignal): Promise<void> | undefined => (claimsOfPod(pod).length === 0 ? undefined : mount(pod, signal));
  return {
    mount: disk === undefined ? bound : async (pod, signal) => {
      await bound(pod, signal);
      await disk.mount(pod, signal);
    },
    see: disk && ((pod) => disk.see(pod)),
    whenUnmounted: (uid) => disk?.whenUnmounted(uid),
    forget: (uid) => disk?.forget(uid),
    adopt(pod) {
      disk?.adopt(pod);
      if (claimsOfPod(pod).length > 0) adoptions.push(takeUp(pod));
    },
    open(node, isKnown) {
      disk?.open(isKnown).catch((error: unknown) => world.log.warn('folders of former pods not looked at', { err: error }));
      reported = (node?.status?.volumesInUse ?? []).toSorted().join();
      void Promise.all(adoptions).then(() => opened.resolve());
      if (reported !== '') void report();
    },
    unmount(uid) {
      if (disk === undefined) return unused(uid);
      disk.unmount(uid);
      // A driver may take it from the node once it is off it.
      const gone = disk.whenUnmounted(uid);
      if (gone === undefined) unused(uid);
      else void gone.then(() => unused(uid));
    },
    stop() {
      abort.abort();
      disk?.stop();
    },
  };
  function unused(uid: string): void {
      let changed = false;
      for (const [name, uids] of users) {
        if (!uids.delete(uid) || uids.size > 0) continue;
        users.delete(name);
        changed = true;
      }
      if (changed) void report();
  }
} // prettier-ignore
