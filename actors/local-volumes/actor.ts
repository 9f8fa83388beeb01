import type { Bus } from '../../bus/bus.ts';
import type { VolumesRequest } from '../../bus/protocol/node.ts';
import * as subjects from '../../bus/subjects.ts';
import type { World } from '../../bus/world.ts';
import type { Node, PersistentVolume, PersistentVolumeClaim } from '../../schemas/generated/core-v1.ts';
import type { StorageClass } from '../../schemas/generated/storage-v1.ts';
import { claimClass, SELECTED_NODE } from '../../schemas/helpers/volume-binding.ts';
import { keyOf } from '../../schemas/meta/object.ts';
import { toStatus } from '../../schemas/meta/status.ts';
import { createApiClient } from '../runtime/client.ts';
import type { Component } from '../runtime/component.ts';
import { startController, type Controller } from '../runtime/controller.ts';
import type { ControllerDeps } from '../runtime/controller-deps.ts';
import { isNotFound } from '../runtime/errors.ts';
import { createEventRecorder } from '../runtime/events.ts';
import { createInformers } from '../runtime/informer.ts';
import { createInspection } from '../runtime/inspection.ts';
import { source } from '../runtime/source.ts';
import { nodes, persistentVolumeClaims, persistentVolumes, storageClasses } from '../runtime/resources.ts';
import { ensureDefaultClass } from './default-class.ts';
import { discard, isOurs, isToGo, nodeOf, provision, volumeNameOf } from './reconcile.ts';

/** ms: a folder with many files takes its time. */
const REMOVAL_MS = 60_000;
const COMPONENT = 'local-volumes';

/** Has a node remove the folder of a volume. Rejects with an ApiError: NotFound is its success too. */
export type RemoveFolder = (node: string, volume: string) => Promise<void>;
export interface LocalVolumesOptions {
  readonly world: World;
  readonly bus: Bus;
  readonly id: string;
}
/**
 * Makes persistent volumes of folders of the nodes that their pods were given, and has nodes remove them. Any number may
 * run: what one has made the other finds made.
 */
export function startLocalVolumes({ world, bus, id }: LocalVolumesOptions): Component {
  const inspection = createInspection({ world, bus, component: COMPONENT, id });
  const client = createApiClient(bus, world, COMPONENT);
  const informers = createInformers(client, world, inspection);
  const recorder = createEventRecorder({ client, world, component: COMPONENT });
  const remove: RemoveFolder = async (node, volume) =>
    bus.request(subjects.node(node, 'volumes'), { remove: volume } satisfies VolumesRequest, { timeoutMs: REMOVAL_MS });
  const deps = { world, id, informers, client: () => client, recorderFor: () => recorder, inspection };
  const controller = localVolumes(deps, remove);
  const stopped = new AbortController();
  void ensureDefaultClass(client, world, stopped.signal);
  return {
    ...controller,
    name: COMPONENT,
    id,
    ready: controller.ready,
    state: () => controller.state(),
    async stop() {
      stopped.abort();
      await controller.stop();
      recorder.stop();
      informers.stop();
      inspection.close();
    },
  };
}
/** A key is a claim's `namespace/name` or a volume's name. */
export function localVolumes(deps: ControllerDeps, remove: RemoveFolder): Controller {
  const client = deps.client(COMPONENT);
  const claims = deps.informers.for<PersistentVolumeClaim>(persistentVolumeClaims);
  const volumes = deps.informers.for<PersistentVolume>(persistentVolumes);
  const classes = deps.informers.for<StorageClass>(storageClasses);
  const recorder = deps.recorderFor(client, COMPONENT);

  async function hostOf(node: string | undefined, signal: AbortSignal): Promise<string | undefined> {
    if (node === undefined) return undefined;
    try {
      const { metadata } = await client.get<Node>(nodes, node, undefined, { signal });
      return metadata.labels?.['kubernetes.io/hostname'] ?? node;
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }
  return startController({
    name: COMPONENT,
    ...deps,
    client,
    recorder,
    reads: [classes],
    sources: [
      source(claims, (claim) => (isOurs(claim) ? [keyOf(claim)] : [])),
      source(volumes, (volume) => (isToGo(volume) ? [volume.metadata.name!] : [])),
    ],
    async sync({ key, execute, signal }) {
      if (key.includes('/')) {
        const claim = claims.get(key);
        if (claim === undefined || !isOurs(claim) || volumes.get(volumeNameOf(claim)) !== undefined) return;
        const host = await hostOf(claim.metadata.annotations?.[SELECTED_NODE], signal);
        await execute(provision(claim, classes.get(claimClass(claim)), host));
        return;
      }
      const volume = volumes.get(key);
      if (volume === undefined || !isToGo(volume)) return;
      const node = nodeOf(volume);
      try {
        // What was on a node that is gone is gone too.
        if (node !== undefined && (await hostOf(node, signal)) !== undefined) await remove(node, key);
      } catch (error) {
        if (!isNotFound(error)) {
          recorder.event(volume, 'Warning', 'VolumeFailedDelete', toStatus(error).message ?? '');
          throw error;
        }
      }
      await execute(discard(volume));
    },
  });
}
