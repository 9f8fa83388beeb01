import type {
  CSIDriver,
  CSINode,
  CSIStorageCapacity,
  VolumeAttachment,
} from '../../../schemas/generated/storage-v1.ts';
import type { Informer, InformerHandler, Informers } from '../../runtime/informer.ts';
import { csiDrivers, csiNodes, csiStorageCapacities, volumeAttachments } from '../../runtime/resources.ts';
import type { KubeObject } from '../../../schemas/meta/object.ts';
import type { ClusterEvent } from '../plugins/plugin.ts';
import type { DriverView } from './csi.ts';

const BY_NODE = 'node';

/**
 * What drivers tell of nodes, kept by informers; their news end pods' waiting. `settled` is called after each batch. Resolves
 * when all is known.
 */
export async function followDrivers(
  informers: Informers,
  tell: (event: ClusterEvent) => void,
  settled: () => void,
): Promise<DriverView> {
  const nodes = informers.for<CSINode>(csiNodes);
  const drivers = informers.for<CSIDriver>(csiDrivers);
  const capacities = informers.for<CSIStorageCapacity>(csiStorageCapacities);
  const attachments = informers.for<VolumeAttachment>(volumeAttachments);
  attachments.addIndex(BY_NODE, ({ spec }) => [spec.nodeName]);
  const hear = <T extends KubeObject>(
    informer: Informer<T>,
    event: (now: T, old: T | undefined) => ClusterEvent,
  ): void => {
    const handler: InformerHandler<T> = {
      add: (now) => tell(event(now, undefined)),
      update: (now, old) => tell(event(now, old)),
      batch: settled,
    };
    informer.on(handler);
  };
  hear(nodes, (now, old) => ({ type: 'csiNode.changed', now, old }));
  hear(drivers, (now, old) => ({ type: 'csiDriver.changed', now, old }));
  hear(capacities, (now, old) => ({ type: 'storageCapacity.changed', now, old }));
  attachments.on({ delete: () => tell({ type: 'volumeAttachment.gone' }), batch: settled });
  await Promise.all([nodes, drivers, capacities, attachments].map(({ synced }) => synced));
  return {
    csiNode: (name) => nodes.get(name),
    csiDriver: (name) => drivers.get(name),
    capacities: () => capacities.all(),
    attachments: (node) => attachments.byIndex(BY_NODE, node),
  };
}
