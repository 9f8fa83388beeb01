import type { World } from '../../../bus/world.ts';
import type { Fence } from '../../../bus/protocol/api.ts';
import type { PersistentVolume, PersistentVolumeClaim } from '../../../schemas/generated/core-v1.ts';
import type { StorageClass } from '../../../schemas/generated/storage-v1.ts';
import {
  isFullyBound,
  reachable,
  SELECTED_NODE,
  volumeBoundTo,
  volumeClass,
  withAnnotations,
} from '../../../schemas/helpers/volume-binding.ts';
import { keyOf } from '../../../schemas/meta/object.ts';
import type { ApiClient } from '../../runtime/api-client.ts';
import type { Informer } from '../../runtime/informer.ts';
import { persistentVolumeClaims, persistentVolumes } from '../../runtime/resources.ts';
import type { Reserver } from '../reservation.ts';
import type { PodInfo } from '../snapshot/pod-info.ts';
import type { DriverView } from './csi.ts';
import { planOn, wanted, type VolumePlan, type VolumeView } from './plan.ts';

/** Source: VolumeBindingArgs bindTimeoutSeconds, its default. */
const BIND_TIMEOUT_MS = 600_000;
const BY_CLASS = 'storageClass';

/** Promises volumes to the claims of pods that go to a node. */
export interface Volumes extends VolumeView, Reserver {
  /** The caches have changed. */
  changed(): void;
}

export function createVolumes(o: {
  readonly world: World;
  readonly client: ApiClient;
  readonly claims: Informer<PersistentVolumeClaim>;
  readonly volumes: Informer<PersistentVolume>;
  readonly classes: Informer<StorageClass>;
  readonly drivers: DriverView;
  /** How long a pod waits on its node for its volumes; undefined: ten minutes. */
  readonly bindTimeoutMs?: ((pod: PodInfo) => number | undefined) | undefined;
  readonly fence: () => Fence | undefined;
}): Volumes {
  const { world, client } = o;
  const promised = new Map<string, string>();
  const nodes = new Map<string, string>();
  /** Who waits for the caches. */
  const waiting = new Set<() => void>();
  o.volumes.addIndex(BY_CLASS, (volume) => [volumeClass(volume)]);

  const view: VolumeView = {
    claim: (namespace, name) => o.claims.get(`${namespace}/${name}`),
    volume: (name) => o.volumes.get(name),
    storageClass: (name) => o.classes.get(name),
    volumesOfClass: (name) => o.volumes.byIndex(BY_CLASS, name),
    promisedTo: (volume) => promised.get(volume),
    nodeOf: (claim) => nodes.get(claim),
    ...o.drivers,
  };

  /** Writes what the plan says; returns the revision at which each object says it. */
  async function write({ bindings, provisions }: VolumePlan, node: string, signal: AbortSignal): Promise<ReadonlyMap<string, number>> {
    const written = new Map<string, number>();
    const options = (): object => ({ signal, fence: o.fence() });
    for (const { claim, volume } of bindings) {
      const bound = volumeBoundTo(volume, claim);
      if (bound === undefined) continue;
      const made = await client.update<PersistentVolume>(persistentVolumes, bound, options());
      written.set(made.metadata.name!, Number(made.metadata.resourceVersion));
    }
    for (const claim of provisions) {
      if (claim.metadata.annotations?.[SELECTED_NODE] === node) continue;
      const chosen = { ...claim, metadata: withAnnotations(claim.metadata, { [SELECTED_NODE]: node }) };
      const made = await client.update<PersistentVolumeClaim>(persistentVolumeClaims, chosen, options());
      written.set(keyOf(made), Number(made.metadata.resourceVersion));
    }
    return written;
  }
  /** Whether all is bound; throws when it cannot become so any more. Source: volumeBinder checkBindings. */
  function isBound(plan: VolumePlan, written: ReadonlyMap<string, number>, node: { readonly name: string; readonly labels: Readonly<Record<string, string>> }): boolean {
    const isSeen = (key: string, object: { readonly metadata: { readonly resourceVersion?: string | undefined } }): boolean =>
      Number(object.metadata.resourceVersion) >= (written.get(key) ?? 0);
    let all = true;
    for (const { claim, volume: planned } of plan.bindings) {
      const name = planned.metadata.name!;
      const volume = o.volumes.get(name);
      if (volume === undefined) throw new Error(`failed to check binding: could not find v1.PersistentVolume "${name}"`);
      const now = present(claim, 'failed to check binding');
      if (!isSeen(name, volume)) all = false;
      else if (!volume.spec?.claimRef?.uid) throw new Error(`ClaimRef got reset for pv "${name}"`);
      else if (!isFullyBound(now)) all = false;
    }
    for (const claim of plan.provisions) {
      const now = present(claim, 'failed to check provisioning pvc');
      if (!isSeen(keyOf(claim), now)) {
        all = false;
        continue;
      }
      if (now.metadata.annotations?.[SELECTED_NODE] !== node.name) throw new Error(`provisioning failed for PVC "${claim.metadata.name}"`);
      const volume = now.spec?.volumeName ? o.volumes.get(now.spec.volumeName) : undefined;
      if (volume !== undefined && !reachable(volume, node.labels))
        throw new Error(`pv "${volume.metadata.name}" node affinity doesn't match node "${node.name}": no matching NodeSelectorTerms`);
      if (volume === undefined || !isFullyBound(now)) all = false;
    }
    return all;
  }
  function present(claim: PersistentVolumeClaim, doing: string): PersistentVolumeClaim {
    const now = o.claims.get(keyOf(claim));
    if (now?.metadata.uid !== claim.metadata.uid) throw new Error(`${doing}: could not find v1.PersistentVolumeClaim "${keyOf(claim)}"`);
    return now!;
  }
  /** Resolves once `isTrue`, asked again whenever the caches change; rejects with what it throws. */
  function until(isTrue: () => boolean, signal: AbortSignal, timeoutMs: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const check = (): void => {
      try {
        if (isTrue()) resolve();
      } catch (error) {
        reject(error);
      }
    };
    const giveUp = (): void => reject(signal.reason as Error);
    const timer = world.clock.setTimeout(() => reject(new Error('context deadline exceeded')), timeoutMs);
    signal.addEventListener('abort', giveUp, { once: true });
    waiting.add(check);
    check();
    return promise.finally(() => {
      waiting.delete(check);
      world.clock.clearTimeout(timer);
      signal.removeEventListener('abort', giveUp);
    });
  }
  return {
    ...view,
    name: 'VolumeBinding',
    changed: () => waiting.forEach((check) => check()),
    reserve(pod, node) {
      const want = wanted(pod.pod, view);
      if (want === undefined || 'reason' in want || want.open.length === 0) return undefined;
      const plan = planOn(want, node, view);
      if ('reasons' in plan) return undefined;
      const names = plan.bindings.map(({ claim, volume }) => [volume.metadata.name!, keyOf(claim)] as const);
      const keys = plan.provisions.map(keyOf);
      for (const [name, key] of names) promised.set(name, key);
      for (const key of keys) nodes.set(key, node.name);
      return {
        async bind(signal) {
          const written = await write(plan, node.name, signal);
          try {
            await until(() => isBound(plan, written, node), signal, o.bindTimeoutMs?.(pod) ?? BIND_TIMEOUT_MS);
          } catch (error) {
            throw new Error(`binding volumes: ${(error as Error).message}`, { cause: error });
          }
        },
        release() {
          for (const [name, key] of names) if (promised.get(name) === key) promised.delete(name);
          for (const key of keys) if (nodes.get(key) === node.name) nodes.delete(key);
        },
      };
    },
  };
} // prettier-ignore
