import type { PersistentVolume, PersistentVolumeClaim, Pod } from '../../../schemas/generated/core-v1.ts';
import type { StorageClass } from '../../../schemas/generated/storage-v1.ts';
import { claimClass, delaysBinding } from '../../../schemas/helpers/volume-binding.ts';
import { keyOf, type KubeObject } from '../../../schemas/meta/object.ts';
import { ApiError } from '../../../schemas/meta/status.ts';
import { startController, type Controller, type SyncContext } from '../../runtime/controller.ts';
import { source } from '../../runtime/source.ts';
import type { ControllerDeps } from '../../runtime/controller-deps.ts';
import type { SyncOutput } from '../../runtime/controller-machine.ts';
import { isNotFound } from '../../runtime/errors.ts';
import { BY_CLAIM, byClaim, isPodDone } from '../../runtime/pod-volumes.ts';
import {
  persistentVolumeClaims,
  persistentVolumes,
  pods as podsResource,
  storageClasses,
} from '../../runtime/resources.ts';
import { nextBinding } from './binding.ts';
import { judgeClaim } from './claim.ts';
import { defaultClassOf, isDefaultClass } from './default-class.ts';
import { volumeMetrics } from './metrics.ts';
import { recycle, recycledBy, recyclerOf, RECYCLER_NAMESPACE } from './recycling.ts';
import { VolumeIndex } from './volume-index.ts';
import { judgeVolume, reclaim } from './volume.ts';
import { WaitingClaims } from './waiting.ts';

/** How often what waits is looked at though nothing changed. Source: PVClaimBinderSyncPeriod. */
const RESYNC_MS = 15_000;
/** What thousands of waiting claims cost together is bounded: each adds so much to that. */
const RESYNC_MS_PER_CLAIM = 50;
const WORKERS = 48;
const BY_VOLUME = 'volumeName';

/**
 * Gives claims volumes and tells both; says who is to make a volume where there is none; decides what becomes of volumes
 * whose claim is gone. A key is a claim's `namespace/name` or a volume's name.
 */
export function startPersistentVolumeBinder(deps: ControllerDeps): Controller {
  const client = deps.client('controller:persistentvolume-binder');
  const recorder = deps.recorderFor(client, 'persistentvolume-controller');
  const claims = deps.informers.for<PersistentVolumeClaim>(persistentVolumeClaims);
  const volumes = deps.informers.for<PersistentVolume>(persistentVolumes);
  const classes = deps.informers.for<StorageClass>(storageClasses);
  const pods = deps.informers.for<Pod>(podsResource);
  pods.addIndex(BY_CLAIM, byClaim);
  claims.addIndex(BY_VOLUME, ({ spec }) => (spec?.volumeName ? [spec.volumeName] : []));
  /** What is there is told of by who keeps it. */
  const kept = <T>(all: () => Iterable<T>): Iterable<T> => (deps.fence?.() === undefined ? [] : all());
  if (deps.metrics)
    volumeMetrics(
      deps.metrics,
      () => kept(() => volumes.all()),
      () => kept(() => claims.all()),
    );
  const waiting = new WaitingClaims();
  /** The volume that a waiting claim is to look at, by the claim. */
  const offers = new Map<string, string>();
  const index = new VolumeIndex(offer);
  function offer(volume: PersistentVolume): void {
    const key = waiting.takeFor(volume);
    if (key === undefined) return;
    offers.set(key, volume.metadata.name!);
    controller.enqueue(key);
  }
  /** Uids of the pods that empty volumes, by volume. */
  const recyclers = new Map<string, string>();

  async function syncClaim(context: SyncContext): Promise<SyncOutput> {
    const { key } = context;
    const offered = offers.get(key);
    offers.delete(key);
    waiting.delete(key);
    try {
      return await settleClaim(context);
    } finally {
      // It took another, or is gone: the next one's turn.
      const volume = offered === undefined ? undefined : index.free(offered);
      if (volume !== undefined) offer(volume);
    }
  }
  async function settleClaim({ key, execute, signal }: SyncContext): Promise<SyncOutput> {
    const claim = claims.get(key);
    if (claim === undefined) return {};
    const storageClass = classes.get(claimClass(claim));
    const volume = claim.spec?.volumeName ? await named(claim, signal) : undefined;
    const verdict = judgeClaim({
      claim,
      volume,
      find: (isDelayed) => index.find(claim, isDelayed),
      storageClass,
      defaultClass: defaultClassOf(classes.all()),
      unplacedPods: () => usersOf(key).filter((pod) => !pod.spec?.nodeName).map((pod) => pod.metadata.name!),
    });
    if ('bind' in verdict) {
      await bind(claim, verdict.bind, execute);
      return {};
    }
    if (verdict.waits === 'volume' && !delaysBinding(storageClass)) waiting.add(claim);
    await execute(verdict.intents);
    const every = Math.max(RESYNC_MS, waiting.size * RESYNC_MS_PER_CLAIM);
    return verdict.waits === undefined ? {} : { requeueAfterMs: every };
  }
  /** The volume that a claim names. Of a bound one it is believed only of the API that it is gone: its data would count as lost. */
  async function named({ spec, status }: PersistentVolumeClaim, signal: AbortSignal): Promise<PersistentVolume | undefined> {
    const name = spec!.volumeName!;
    const known = index.get(name);
    return known !== undefined || status?.phase === 'Lost' ? known : absent(client.get<PersistentVolume>(persistentVolumes, name, undefined, { signal }));
  }
  async function bind(claim: PersistentVolumeClaim, volume: PersistentVolume, execute: SyncContext['execute']): Promise<void> {
    const name = volume.metadata.name!;
    if (nextBinding(claim, volume) === undefined) return;
    if (!index.reserve(name)) throw new ApiError('Conflict', `volume ${name} is being bound to another claim`);
    try {
      for (let step = nextBinding(claim, volume); step !== undefined; step = nextBinding(claim, volume))
        await execute([step], {
          onUpdated: (made: KubeObject) => {
            if (made.metadata.namespace !== undefined) claim = made;
            else index.written((volume = made));
          },
        });
    } finally {
      index.release(name);
    }
  }

  async function syncVolume({ key, execute, signal }: SyncContext): Promise<SyncOutput> {
    const volume = index.get(key);
    if (volume === undefined) return forgetRecycler(key);
    const verdict = judgeVolume(volume, await claimOf(volume, signal));
    const listen = { onUpdated: (made: KubeObject) => index.written(made) };
    if ('intents' in verdict) {
      await execute(verdict.intents, listen);
      const to = volume.spec?.claimRef;
      if (verdict.press === true) controller.enqueue(`${to!.namespace}/${to!.name}`);
      return {};
    }
    if (verdict.released) await execute([verdict.released], listen);
    const now = index.get(key);
    if (now === undefined) return {};
    const action = reclaim(now);
    if (action === 'recycle') return recycleVolume(now, execute);
    await execute(action.intents, listen);
    return {};
  }
  /** The claim that a volume belongs to. That it is gone is believed only of the API, since what it kept may be deleted then. */
  async function claimOf({ spec, status }: PersistentVolume, signal: AbortSignal): Promise<PersistentVolumeClaim | undefined> {
    const to = spec?.claimRef;
    if (!to?.uid) return undefined;
    const known = claims.get(`${to.namespace}/${to.name}`);
    if (known?.metadata.uid === to.uid) return known;
    if (known === undefined && (status?.phase === 'Released' || status?.phase === 'Failed')) return undefined;
    const fresh = await absent(client.get<PersistentVolumeClaim>(persistentVolumeClaims, to.name!, to.namespace, { signal }));
    return fresh?.metadata.uid === to.uid ? fresh : undefined;
  }
  async function recycleVolume(volume: PersistentVolume, execute: SyncContext['execute']): Promise<SyncOutput> {
    const name = volume.metadata.name!;
    const to = volume.spec!.claimRef!;
    const key = `${to.namespace}/${to.name}`;
    const users = claims.get(key) === undefined ? usersOf(key).map(keyOf).sort() : [];
    const pod = pods.get(`${RECYCLER_NAMESPACE}/${recyclerOf(name)}`);
    const { intents, isDone, again } = recycle(volume, pod, recyclers.get(name), users);
    if (isDone) recyclers.delete(name);
    await execute(intents, {
      onCreated: (made) => void recyclers.set(name, made.metadata.uid!),
      onUpdated: (made) => index.written(made),
    });
    return again ? { requeueAfterMs: RESYNC_MS } : {};
  }
  function forgetRecycler(volume: string): SyncOutput {
    recyclers.delete(volume);
    return {};
  }
  const usersOf = (claimKey: string): Pod[] => [...pods.byIndex(BY_CLAIM, claimKey)].filter((pod) => !isPodDone(pod));

  function* concernedByVolume(volume: PersistentVolume, old: PersistentVolume | undefined): Iterable<string> {
    const name = volume.metadata.name!;
    yield name;
    const [to, before] = [volume.spec?.claimRef, old?.spec?.claimRef];
    if (old !== undefined && to?.uid === before?.uid && to?.name === before?.name && to?.namespace === before?.namespace) return;
    if (to !== undefined) yield `${to.namespace}/${to.name}`;
    for (const claim of claims.byIndex(BY_VOLUME, name)) yield keyOf(claim);
  }
  function* concernedByClaim(claim: PersistentVolumeClaim, old: PersistentVolumeClaim | undefined): Iterable<string> {
    const key = keyOf(claim);
    yield key;
    const name = claim.spec?.volumeName;
    if (old !== undefined && old.spec?.volumeName === name) return;
    if (name) yield name;
    for (const { metadata } of index.naming(key)) yield metadata.name!;
  }
  function concernedByClass(storageClass: StorageClass): Iterable<string> {
    const named = waiting.ofClass(storageClass.metadata.name!);
    return isDefaultClass(storageClass) ? [...named, ...waiting.ofClass('')] : named;
  }
  // Before the controller's own sources, so that a key finds the index as new as the caches.
  volumes.on({
    add: (volume) => index.put(volume),
    update: (volume) => index.put(volume),
    delete: (volume) => index.delete(volume.metadata.name!),
  });
  const controller: Controller = startController({
    name: 'persistentvolume-binder',
    ...deps,
    client,
    recorder,
    workers: WORKERS,
    onActive: () => {
      waiting.clear();
      offers.clear();
    },
    sources: [
      source(volumes, concernedByVolume),
      source(claims, concernedByClaim),
      source(classes, concernedByClass),
      source(pods, ({ metadata }) => {
        const volume = metadata.namespace === RECYCLER_NAMESPACE ? recycledBy(metadata.name!) : undefined;
        return volume === undefined ? [] : [volume];
      }),
    ],
    sync: (context) => (context.key.includes('/') ? syncClaim(context) : syncVolume(context)),
  });
  return controller;
} // prettier-ignore

async function absent<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
