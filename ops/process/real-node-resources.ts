import { join } from 'node:path';
import type { World } from '../../bus/world.ts';
import { gatherAgents } from '../../node-agent/cgroups/agents.ts';
import { detectHierarchy } from '../../node-agent/cgroups/hierarchy.ts';
import { allocatableLimits } from '../../node-agent/cgroups/limits.ts';
import { createPodCgroups, type NodeCgroups } from '../../node-agent/cgroups/pods.ts';
import type { NodePaths } from '../../node-agent/host/paths.ts';
import { createHousekeeping, type HousekeepingOptions } from '../../node-agent/kubelet/create-housekeeping.ts';
import type { Housekeeping, HousekeepingHost } from '../../node-agent/kubelet/housekeeping.ts';
import { DEFAULTS, type KubeletConfiguration } from '../../node-agent/kubelet/node/configuration.ts';
import { nodeResources, type NodeSpec } from '../../node-agent/kubelet/node/object.ts';
import { readKubeletConfiguration } from '../../node-agent/kubelet/node/read-configuration.ts';
import { readMachine, type MachineReading } from '../../node-agent/kubelet/node/read-machine.ts';
import { PAUSE_IMAGE } from '../images/oci.ts';

/** What a real node has to share out among its pods, and by what it holds them to it. */
export interface RealNodeResources {
  readonly configuration: KubeletConfiguration;
  readonly machine: MachineReading;
  readonly cgroups: NodeCgroups;
  /** Of the node's kubelet. */
  readonly housekeeping: (
    o: Pick<HousekeepingOptions, 'runtime' | 'mounted' | 'volumeImages' | 'pruneImages'>,
  ) => (host: HousekeepingHost) => Housekeeping;
}
/** In the node's folder: a KubeletConfiguration, read when the node starts. */
const CONFIGURATION = 'kubelet-config.yaml';
/**
 * Nodes of one machine share its disk with all else that is on it: which part of it is full says nothing of them, and what
 * `kubus load` brought no registry brings again. So pods go when little is left in bytes, and images when pods would.
 */
const SHARED: KubeletConfiguration = {
  ...DEFAULTS,
  evictionHard: {
    'memory.available': '100Mi',
    'nodefs.available': '1Gi',
    'nodefs.inodesFree': '1%',
    'imagefs.available': '1Gi',
    'imagefs.inodesFree': '1%',
  },
  imageGCHighThresholdPercent: 100,
};
/** Rejects where there are no cgroups. `cgroup`: below which all of the node's is. */
export async function realNodeResources(o: {
  readonly world: World;
  readonly node: NodeSpec;
  readonly paths: NodePaths;
  readonly cgroup: string;
}): Promise<RealNodeResources> {
  const { world, node } = o;
  const configuration = await readKubeletConfiguration(join(o.paths.root, CONFIGURATION), SHARED, (fields) => {
    world.log.warn('the kubelet does not go by all of its configuration', { fields });
  });
  const machine = await readMachine({ node: node.name, disk: o.paths.root, configuration });
  const hierarchy = await detectHierarchy();
  const resources = nodeResources(machine, node);
  const groups = { node: o.cgroup, pods: join(o.cgroup, 'kubepods') };
  const cgroups = createPodCgroups({
    world,
    hierarchy,
    root: groups.pods,
    allocatable: allocatableLimits(resources.allocatable),
    machineMemory: machine.memoryBytes,
    podPids: configuration.podPidsLimit,
  });
  await cgroups.start();
  await gatherAgents(hierarchy, groups.node).catch((error: unknown) => {
    world.log.warn('what the node itself uses is not counted', { err: error });
  });
  return {
    configuration,
    machine,
    cgroups,
    housekeeping: (of) =>
      createHousekeeping({
        ...of,
        cgroups,
        hierarchy,
        paths: o.paths,
        configuration,
        groups,
        resources,
        memoryBytes: machine.memoryBytes,
        keepImages: [PAUSE_IMAGE],
      }),
  };
}
