import type { Reserver } from '../../reservation.ts';
import type { PodInfo } from '../../snapshot/pod-info.ts';
import type { Devices, DevicesOptions } from './devices.ts';
import { mayNeedDevices, NAME, type DeviceView } from './view.ts';

/** Devices for a scheduler: nothing is loaded or watched before a pod asks for some. */
export interface LazyDevices {
  /** Undefined as long as nobody has asked. */
  readonly view: DeviceView | undefined;
  readonly reserver: Reserver;
  /** The plugin that has the pod wait before it is looked at; undefined: none. */
  gate(pod: PodInfo): string | undefined;
}
export function lazyDevices(o: DevicesOptions & { readonly arrived: () => void }): LazyDevices {
  let devices: Devices | undefined;
  let isComing = false;
  async function follow(): Promise<void> {
    const { followDevices } = await import('./devices.ts');
    devices = await followDevices(o);
    o.arrived();
    o.changed();
  }
  return {
    get view() {
      return devices?.view;
    },
    reserver: {
      name: NAME,
      reserve: (pod, node) => (mayNeedDevices(pod) ? devices?.reserver.reserve(pod, node) : undefined),
    },
    gate(pod) {
      if (!mayNeedDevices(pod)) return undefined;
      if (devices !== undefined) return devices.waitsFor(pod) === undefined ? undefined : NAME;
      if (!isComing) {
        isComing = true;
        follow().catch((err: unknown) => {
          isComing = false;
          o.world.log.error('devices are not followed', { err });
        });
      }
      return NAME;
    },
  };
}
