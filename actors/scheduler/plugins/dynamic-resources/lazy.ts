import { onDemand } from '../../on-demand.ts';
import type { Reserver } from '../../reservation.ts';
import type { PodInfo } from '../../snapshot/pod-info.ts';
import type { Devices, DevicesOptions } from './devices.ts';
import { mayNeedDevices, NAME, type DeviceView } from './view.ts';

/** Devices for a scheduler: nothing is loaded or watched before a pod asks for some. */
export interface LazyDevices {
  /** Undefined as long as nobody has asked. */
  readonly view: DeviceView | undefined;
  readonly reserver: Reserver;
  /** The plugin, of those that the pod's scheduler has, that has the pod wait before it is looked at; undefined: none. */
  gate(pod: PodInfo, isThere: (plugin: string) => boolean): string | undefined;
}
export function lazyDevices(o: DevicesOptions & { readonly arrived: () => void }): LazyDevices {
  const devices = onDemand<Devices>({
    world: o.world,
    what: 'devices',
    follow: async () => (await import('./devices.ts')).followDevices(o),
    arrived() {
      o.arrived();
      o.changed();
    },
  });
  return {
    get view() {
      return devices.now?.view;
    },
    reserver: {
      name: NAME,
      reserve: (pod, node) => (mayNeedDevices(pod) ? devices.now?.reserver.reserve(pod, node) : undefined),
    },
    gate(pod, isThere) {
      if (!mayNeedDevices(pod) || !isThere(NAME)) return undefined;
      const there = devices.ask();
      return there !== undefined && there.waitsFor(pod) === undefined ? undefined : NAME;
    },
  };
}
