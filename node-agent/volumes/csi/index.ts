import type { World } from '../../../bus/world.ts';
import type { ApiClient } from '../../../actors/runtime/api-client.ts';
import { watchCsiDrivers, type CsiDrivers } from './drivers.ts';
import { driverRegistration } from './registration.ts';

/** What the plugin for CSI volumes needs of a node. */
export interface CsiHost {
  readonly drivers: CsiDrivers;
  /** Folders of the volumes, and links to the devices, that this kubelet has had published. */
  readonly published: Set<string>;
  /** Work on one volume is done one after the other. */
  alone<T>(volume: string, work: () => Promise<T>): Promise<T>;
}
export interface CsiOptions {
  readonly world: World;
  readonly client: ApiClient;
  readonly nodeName: string;
  readonly registry: string;
  /** A driver has come: what waited for one may go on. */
  readonly onDriver: () => void;
}
export function createCsi(o: CsiOptions): CsiHost & { stop(): void; open(): void } {
  const { world, client, nodeName } = o;
  const registration = driverRegistration({ world, client, nodeName });
  const work = new Map<string, Promise<unknown>>();
  const drivers = watchCsiDrivers({
    world,
    registry: o.registry,
    onRegistered: (driver) => registration.install(driver.name, driver.info),
    onReady: o.onDriver,
    onGone: (name) => registration.uninstall(name),
  });
  return {
    drivers,
    published: new Set(),
    async alone(volume, task) {
      const before = work.get(volume);
      const run = (async () => {
        await before;
        return task();
      })();
      const settled = run.then(
        () => undefined,
        () => undefined,
      );
      work.set(volume, settled);
      void settled.then(() => work.get(volume) === settled && work.delete(volume));
      return run;
    },
    open: () => void registration.ensure().catch((err: unknown) => world.log.warn('no CSINode was made', { err })),
    stop: () => drivers.stop(),
  };
}
