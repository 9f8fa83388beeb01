import type { World } from '../../../bus/world.ts';
import type { Informers } from '../../runtime/informer.ts';
import { onDemand } from '../on-demand.ts';
import type { ClusterEvent } from '../plugins/plugin.ts';
import type { PodInfo } from '../snapshot/pod-info.ts';
import { mayBeAttached, type DriverView } from './csi.ts';
import { followDrivers } from './drivers.ts';

/** What drivers tell of nodes: none of it is watched before a pod has a volume that a driver may attach. */
export interface LazyDrivers {
  readonly view: DriverView;
  /** The plugin, of those that the pod's scheduler has, that has the pod wait until drivers are known; undefined: none. */
  gate(pod: PodInfo, isThere: (plugin: string) => boolean): string | undefined;
}
/** Plugins that ask about drivers. */
const READERS = ['VolumeBinding', 'NodeVolumeLimits'];

export function lazyDrivers(o: {
  readonly world: World;
  readonly informers: Informers;
  readonly tell: (event: ClusterEvent) => void;
  /** After each batch of news. */
  readonly settled: () => void;
  /** From now on drivers are known. */
  readonly arrived: () => void;
}): LazyDrivers {
  const drivers = onDemand<DriverView>({
    world: o.world,
    what: 'volume drivers',
    follow: () => followDrivers(o.informers, o.tell, o.settled),
    arrived() {
      o.arrived();
      o.settled();
    },
  });
  return {
    view: {
      csiNode: (name) => drivers.now?.csiNode(name),
      csiDriver: (name) => drivers.now?.csiDriver(name),
      capacities: () => drivers.now?.capacities() ?? [],
      attachments: (node) => drivers.now?.attachments(node) ?? [],
    },
    gate(pod, isThere) {
      if (pod.pod.spec?.volumes?.some(mayBeAttached) !== true) return undefined;
      const reader = READERS.find(isThere);
      return reader === undefined || drivers.ask() !== undefined ? undefined : reader;
    },
  };
}
