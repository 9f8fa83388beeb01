import { delay, type World } from '../../../bus/world.ts';
import type { Node } from '../../../schemas/generated/core-v1.ts';
import type { CSINode, CSINodeDriver } from '../../../schemas/generated/storage-v1.ts';
import { goQuote } from '../../../schemas/meta/go-quote.ts';
import { reasonOf } from '../../../schemas/meta/status.ts';
import type { ApiClient } from '../../../actors/runtime/api-client.ts';
import { csiNodes, nodes } from '../../../actors/runtime/resources.ts';
import type { DriverInfo } from './drivers.ts';

const NODE_IDS = 'csi.volume.kubernetes.io/nodeid';
/** Source: nodeinfomanager updateBackoff. */
const TRIES = 4;
const FIRST_MS = 10;
const FACTOR = 6;
const MOST = 2 ** 31 - 1;

/** What the API knows of a node's drivers: its CSINode, an annotation and labels. Source: pkg/volume/csi/nodeinfomanager. */
export interface DriverRegistration {
  /** The node has a CSINode from now on, even while it has no driver. */
  ensure(): Promise<void>;
  install(name: string, info: DriverInfo): Promise<void>;
  uninstall(name: string): Promise<void>;
}
export function driverRegistration(o: { readonly world: World; readonly client: ApiClient; readonly nodeName: string }): DriverRegistration {
  const { world, client, nodeName } = o;
  async function persistently(what: () => Promise<void>): Promise<void> {
    for (let wait = FIRST_MS, left = TRIES; ; wait *= FACTOR)
      try {
        return await what();
      } catch (error) {
        if (--left === 0 || reasonOf(error) === undefined) throw error;
        await delay(world.clock, wait);
      }
  }
  async function ofNode(): Promise<CSINode> {
    try {
      return await client.get<CSINode>(csiNodes, nodeName);
    } catch (error) {
      if (reasonOf(error) !== 'NotFound') throw error;
      const { metadata } = await client.get<Node>(nodes, nodeName);
      const owner = { apiVersion: 'v1', kind: 'Node', name: nodeName, uid: metadata.uid! };
      return client.create<CSINode>(csiNodes, { apiVersion: 'storage.k8s.io/v1', kind: 'CSINode', metadata: { name: nodeName, ownerReferences: [owner] }, spec: { drivers: [] } });
    }
  }
  async function writeDrivers(change: (drivers: readonly CSINodeDriver[]) => readonly CSINodeDriver[]): Promise<void> {
    const found = await ofNode();
    const drivers = change(found.spec.drivers ?? []);
    if (JSON.stringify(drivers) === JSON.stringify(found.spec.drivers ?? [])) return;
    await client.update<CSINode>(csiNodes, { ...found, spec: { ...found.spec, drivers: [...drivers] } });
  }
  async function writeNode(name: string, info: DriverInfo | undefined): Promise<void> {
    const { metadata } = await client.get<Node>(nodes, nodeName);
    const said = metadata.annotations?.[NODE_IDS];
    const { [name]: before, ...others } = (said === undefined ? {} : JSON.parse(said)) as Record<string, string>;
    for (const [label, value] of Object.entries(info?.topology ?? {})) {
      const present = metadata.labels?.[label];
      if (present !== undefined && present !== value) throw new Error(`detected topology value collision: driver reported ${goQuote(label)}:${goQuote(value)} but existing label is ${goQuote(label)}:${goQuote(present)}`);
    }
    const lacksLabels = Object.keys(info?.topology ?? {}).some((label) => metadata.labels?.[label] === undefined);
    if (before === info?.nodeId && !lacksLabels) return;
    const ids = info === undefined ? others : { ...others, [name]: info.nodeId };
    const text = Object.keys(ids).length === 0 ? null : JSON.stringify(ids);
    await client.patch(nodes, nodeName, undefined, 'merge', { metadata: { annotations: { [NODE_IDS]: text }, ...(info !== undefined && { labels: info.topology }) } });
  }
  return {
    ensure: () => persistently(async () => void (await ofNode())),
    async install(name, info) {
      await persistently(() => writeNode(name, info));
      const driver: CSINodeDriver = {
        name,
        nodeID: info.nodeId,
        topologyKeys: Object.keys(info.topology).sort(),
        ...(info.maxVolumesPerNode > 0 && { allocatable: { count: Math.min(info.maxVolumesPerNode, MOST) } }),
      };
      await persistently(() => writeDrivers((drivers) => [...drivers.filter((one) => one.name !== name), driver]));
    },
    async uninstall(name) {
      await persistently(() => writeDrivers((drivers) => drivers.filter((one) => one.name !== name)));
      await persistently(() => writeNode(name, undefined));
    },
  };
} // prettier-ignore
