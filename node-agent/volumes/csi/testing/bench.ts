import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import type { Node, PersistentVolume, PodSpec } from '../../../../schemas/generated/core-v1.ts';
import type { CSIDriver } from '../../../../schemas/generated/storage-v1.ts';
import { csiDrivers, nodes } from '../../../../actors/runtime/resources.ts';
import { volumeBench, type VolumeBench } from '../../testing/bench.ts';
import { fakeDriver, type FakeDriver } from './fake-driver.ts';

/** A node's drivers. */
export interface CsiBench {
  /** One that serves, and says so in the node's folder. */
  driver(name?: string, socket?: string): Promise<FakeDriver>;
  /** One that the node has taken up. */
  registered(name?: string): Promise<FakeDriver>;
  /** What the API says of the driver `x.io`. */
  object(spec: CSIDriver['spec']): Promise<CSIDriver>;
  /** A volume of the driver's, `h`, bound to the claim `c`. */
  bound(spec?: Partial<PersistentVolume['spec']>): Promise<void>;
  close(): Promise<void>;
}
/** Of a pod that uses the claim. */
export const USES: Partial<PodSpec> = {
  volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'c' } }],
  serviceAccountName: 'sa',
};
/** Hands each test of a file a node of its own with its drivers, and takes both down after it. */
export function csiBenchForEach(take: (volumes: VolumeBench, csi: CsiBench) => void): void {
  let close = async (): Promise<void> => {};
  beforeEach(async () => {
    const volumes = await volumeBench();
    const csi = await csiBench(volumes);
    close = async () => {
      await volumes.close();
      await csi.close();
    };
    take(volumes, csi);
  });
  afterEach(() => close());
}
async function csiBench(b: VolumeBench): Promise<CsiBench> {
  const drivers: FakeDriver[] = [];
  await b.api.client().create<Node>(nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' } });
  const driver: CsiBench['driver'] = async (name = 'x.io', socket = join('plugins_registry', `${name}-reg.sock`)) => {
    const made = await fakeDriver(name, join(b.root, socket));
    drivers.push(made);
    return made;
  };
  return {
    driver,
    async registered(name) {
      const made = await driver(name);
      await b.until(() => made.told.length > 0);
      return made;
    },
    object: (spec) => b.api.client().create<CSIDriver>(csiDrivers, { apiVersion: 'storage.k8s.io/v1', kind: 'CSIDriver', metadata: { name: 'x.io' }, spec }),
    bound: (spec) =>
      b.bound({
        accessModes: ['ReadWriteOnce'],
        csi: { driver: 'x.io', volumeHandle: 'h', fsType: 'ext4', volumeAttributes: { a: 'b' } },
        ...spec,
      }),
    async close() {
      for (const one of drivers) await one.stop();
    },
  };
} // prettier-ignore
