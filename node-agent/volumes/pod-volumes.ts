import { fromPromise } from 'xstate';
import { delay } from '../../bus/world.ts';
import type { PersistentVolume, PersistentVolumeClaim, Pod, Volume } from '../../schemas/generated/core-v1.ts';
import { goQuote } from '../../schemas/meta/go-quote.ts';
import { claimsOfPod } from '../../schemas/helpers/volume-binding.ts';
import type { Inspection } from '../../actors/runtime/inspection.ts';
import { persistentVolumeClaims, persistentVolumes } from '../../actors/runtime/resources.ts';
import { sharing } from '../../actors/runtime/sharing.ts';
import { startActor } from '../../actors/runtime/start-actor.ts';
import type { PodDisk } from '../kubelet/volumes.ts';
import { volumeMachine } from './machine.ts';
import { UnfitVolume, type Mounted, type VolumeHost } from './plugin.ts';
import { shownBy } from './payload.ts';
import { podsOnDisk, removePodFolder, removePodVolumes } from './tear-down.ts';
import { containersOf, usedVolumes } from './used.ts';
import { VolumeWorker } from './worker.ts';

/** How long a pod's volumes may take before that is told. Source: kubelet volumemanager podAttachAndMountTimeout. */
const TIMEOUT_MS = 123_000;
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 122_000;

interface Entry {
  pod: Pod;
  /** By the volume's name: those that its containers use. */
  readonly workers: Map<string, VolumeWorker>;
  /** How many of them are not gone yet. */
  left: number;
  /** Resolves when nothing of its volumes is on the node any more. */
  gone: PromiseWithResolvers<void>;
  isEnding: boolean;
}
/** The volumes of a node's pods, mounted. */
export interface PodVolumesOnDisk extends PodDisk {
  /** Where a volume of the pod is, once it is there. Rejects with the signal's reason, or where the pod has none of that name. */
  mounted(pod: Pod, volume: string, signal: AbortSignal): Promise<Mounted>;
  /** What volumes wait for may be there now. */
  retry(): void;
  /** Volumes that are there now, by name. */
  mountedOf(uid: string): ReadonlyMap<string, Mounted>;
}
export function podVolumes(o: {
  readonly host: VolumeHost;
  readonly inspection?: Inspection | undefined;
}): PodVolumesOnDisk {
  const { host } = o;
  const { world, references, recorder } = host;
  const pods = new Map<string, Entry>();
  const workers = new Map<string, VolumeWorker>();
  const end = new AbortController();

  const worker = (id: string): VolumeWorker => {
    const found = workers.get(id);
    if (found === undefined) throw new Error(`volume '${id}' is not known`);
    return found;
  };
  const logic = sharing(volumeMachine).provide({
    actors: {
      setUp: fromPromise(({ input, signal }) => worker(input.id).setUp(signal)),
      tearDown: fromPromise(({ input }) => worker(input.id).tearDown()),
    },
    actions: {
      tellMounted: (_, { id }) => worker(id).tellMounted(),
      tellFailure: (_, { id, error }) => worker(id).tellFailure(error),
      logTearDownFailure: (_, { id, error }) => world.log.warn('volume not torn down', { volume: id, err: error }),
      tellGone: (_, { id }) => worker(id).tellGone(),
    },
  });
  const stopListening = references.onChange((uids) => {
    for (const uid of uids) for (const one of pods.get(uid)?.workers.values() ?? []) one.sourceChanged();
  });

  async function persistentOf(pod: Pod, volume: Volume, signal: AbortSignal): Promise<{ persistent?: PersistentVolume; readOnly: boolean }> {
    const claimed = claimsOfPod(pod).find((one) => one.volume === volume.name);
    if (claimed === undefined) return { readOnly: false };
    const claim = await host.client.get<PersistentVolumeClaim>(persistentVolumeClaims, claimed.name, pod.metadata.namespace, { signal });
    const name = claim.spec?.volumeName;
    if (!name) throw new Error(`PVC ${pod.metadata.namespace}/${claimed.name} is not bound`);
    const persistent = await host.client.get<PersistentVolume>(persistentVolumes, name, undefined, { signal });
    return { persistent, readOnly: volume.persistentVolumeClaim?.readOnly ?? false };
  }
  /** The pod's volumes begin; again: it is the same pod, newer. */
  function take(pod: Pod): Entry {
    const uid = pod.metadata.uid!;
    const known = pods.get(uid);
    if (known !== undefined && !known.isEnding) return known;
    references.register(pod);
    const entry: Entry = { pod, workers: new Map(), left: 0, gone: Promise.withResolvers<void>(), isEnding: false };
    entry.gone.resolve();
    pods.set(uid, entry);
    const used = usedVolumes(pod);
    for (const volume of pod.spec?.volumes ?? []) if (used.has(volume.name)) begin(entry, volume, known?.gone.promise);
    return entry;
  }
  /** `after`: what is left of one that is about to go has to be gone first. */
  function begin(entry: Entry, volume: Volume, after: Promise<void> | undefined): VolumeWorker {
    const { uid, namespace, name } = entry.pod.metadata;
    const id = `${uid}/${volume.name}`;
    const made = new VolumeWorker({
      id,
      host,
      after,
      find: async (signal) => {
        const { persistent, readOnly } = await persistentOf(entry.pod, volume, signal);
        if (persistent !== undefined) checkMode(entry.pod, volume, persistent);
        return { pod: entry.pod, volume, persistent, readOnly };
      },
      tell: (reason, message) => recorder.event(entry.pod, 'Warning', reason, message),
      onGone: () => {
        if (workers.get(id) === made) workers.delete(id);
        if (--entry.left === 0) entry.gone.resolve();
      },
    });
    if (entry.left++ === 0) entry.gone = Promise.withResolvers<void>();
    workers.set(id, made);
    entry.workers.set(volume.name, made);
    made.start(startActor(logic, { world, id: `volume/${namespace}/${name}/${volume.name}`, machine: 'volume', input: { id }, inspection: o.inspection, onDone: () => undefined }));
    return made;
  }
  async function mount(pod: Pod, signal: AbortSignal): Promise<void> {
    const { workers: own } = take(pod);
    const all = Promise.all([...own.values()].map((one) => one.whenMounted(signal)));
    const timer = (): object | number =>
      world.clock.setTimeout(() => {
        const missing = [...own].filter(([, one]) => one.mounted === undefined).map(([name]) => name);
        recorder.event(pod, 'Warning', 'FailedMount', `Unable to attach or mount volumes: unmounted volumes=[${missing.join(' ')}], unattached volumes=[], failed to process volumes=[]: context deadline exceeded`);
        late = timer();
      }, TIMEOUT_MS);
    let late = timer();
    try {
      await all;
    } finally {
      world.clock.clearTimeout(late);
    }
  }
  function unmount(uid: string): void {
    const entry = pods.get(uid);
    // It ended before this kubelet came.
    if (entry === undefined) return void clear(uid, removePodVolumes);
    if (entry.isEnding) return;
    entry.isEnding = true;
    for (const one of entry.workers.values()) one.podEnded();
    references.forget(uid);
    host.tokens.forget(uid);
    void entry.gone.promise.then(() => {
      if (pods.get(uid) === entry) pods.delete(uid);
    });
  }
  async function clear(uid: string, remove: typeof removePodFolder): Promise<void> {
    for (let wait = FIRST_RETRY_MS; !end.signal.aborted; wait = Math.min(2 * wait, LONGEST_RETRY_MS)) {
      await pods.get(uid)?.gone.promise;
      try {
        return await remove(host, uid);
      } catch (error) {
        world.log.warn('folder of a pod not removed', { uid, err: error });
        await delay(world.clock, wait, end.signal).catch(() => undefined);
      }
    }
  }
  return {
    mount,
    adopt: (pod) => void take(pod),
    see(pod) {
      const entry = pods.get(pod.metadata.uid!);
      if (entry === undefined) return;
      const before = entry.pod;
      entry.pod = pod;
      if (!entry.isEnding && shownBy(before) !== shownBy(pod)) for (const one of entry.workers.values()) one.sourceChanged();
    },
    unmount,
    whenUnmounted: (uid) => pods.get(uid)?.gone.promise,
    forget: (uid) => void clear(uid, removePodFolder),
    async open(isKnown) {
      for (const uid of await podsOnDisk(host.pods)) if (!isKnown(uid) && !pods.has(uid)) void clear(uid, removePodFolder);
    },
    async mounted(pod, volume, signal) {
      const entry = pods.get(pod.metadata.uid!);
      const said = pod.spec?.volumes?.find(({ name }) => name === volume);
      // That it is used may be new: by a container that was added to a pod that runs.
      const one = entry?.workers.get(volume) ?? (entry === undefined || entry.isEnding || said === undefined ? undefined : begin(entry, said, undefined));
      if (one === undefined) throw new Error(`cannot find volume ${goQuote(volume)}`);
      await one.whenMounted(signal);
      return one.mounted!;
    },
    retry() {
      for (const one of workers.values()) if (one.mounted === undefined) one.sourceChanged();
    },
    mountedOf(uid) {
      const found = new Map<string, Mounted>();
      for (const [name, { mounted }] of pods.get(uid)?.workers ?? []) if (mounted !== undefined) found.set(name, mounted);
      return found;
    },
    stop() {
      end.abort();
      stopListening();
      for (const one of workers.values()) one.stop();
      for (const device of host.held.values()) void device.close();
      host.held.clear();
      references.stop();
    },
  };
} // prettier-ignore
/** Throws UnfitVolume. Source: desiredStateOfWorldPopulator createVolumeSpec. */
function checkMode(pod: Pod, { name }: Volume, persistent: PersistentVolume): void {
  const { volumeMode = 'Filesystem' } = persistent.spec ?? {};
  const field = volumeMode === 'Block' ? 'volumeMounts' : 'volumeDevices';
  if (containersOf(pod).some((container) => container[field]?.some((one) => one.name === name)))
    throw new UnfitVolume(`volume ${name} has volumeMode ${volumeMode}, but is specified in ${field}`);
}
