import { dirname, join } from 'node:path';
import type { World } from '../../bus/world.ts';
import type { Pod } from '../../schemas/generated/core-v1.ts';
import { podRequests, qosClass } from '../../schemas/helpers/pod-resources.ts';
import type { PodCgroups } from '../runtime/cri/parts.ts';
import { groupsOf, type Groups } from './files.ts';
import type { Hierarchy } from './hierarchy.ts';
import { containerLimits, podLimits, sharesOf, type Limits } from './limits.ts';
import { groupsBelow, removeTree } from './tree.ts';

export interface PodCgroupsOptions {
  readonly world: World;
  readonly hierarchy: Hierarchy;
  /** Below which this node's pods are, `/kubus/<cluster>/<node>/kubepods`. */
  readonly root: string;
  /** What all pods together may use. Source: kubelet Node Allocatable. */
  readonly allocatable: Limits;
  /** Bytes of the machine, which the kernel measures processes by. */
  readonly machineMemory: number;
  /** Processes of one pod; undefined: as many as all pods. Source: KubeletConfiguration podPidsLimit. */
  readonly podPids?: number | undefined;
  /** See removeTree. */
  readonly kill?: ((pid: number) => void) | undefined;
}
/** Groups of a node's pods, by class: guaranteed ones right below the root, as with the original's cgroupfs driver. */
export interface NodeCgroups extends PodCgroups {
  /** Makes the groups of the classes; what all pods may use is set anew. */
  start(): Promise<void>;
  /**
   * What the pod may use has changed; `containers` sets its containers' own limits. What grows is given to the pod before
   * them and what shrinks after, so that a container never has more than its pod. Source: kubelet doPodResizeAction.
   */
  update(pod: Pod, containers?: () => Promise<void>): Promise<void>;
  /** Removes groups of pods that are not among these. Resolves with the uids whose groups are still there. */
  sweep(keep: ReadonlySet<string>): Promise<readonly string[]>;
  /** Takes everything away. */
  destroy(): Promise<void>;
  /** Where its group is, or would be. */
  pathOf(pod: Pod): string;
  /** It has a group from a kubelet before this one. */
  adopt(pod: Pod): void;
  /** Processes of a group itself, those of groups below it left out. */
  processesOf(path: string): Promise<readonly number[]>;
}
type Tier = '' | 'burstable' | 'besteffort';
const TIERS: readonly Tier[] = ['', 'burstable', 'besteffort'];
const tierOf = (pod: Pod): Tier => {
  const qos = qosClass(pod);
  return qos === 'Guaranteed' ? '' : qos === 'Burstable' ? 'burstable' : 'besteffort';
};
const PREFIX = 'pod';
interface Known {
  readonly path: string;
  /** Thousandths of a processor that count for the class; 0 outside the burstable one. */
  readonly milli: number;
}

export function createPodCgroups(o: PodCgroupsOptions): NodeCgroups {
  const { hierarchy, root } = o;
  const groups: Groups = groupsOf(hierarchy);
  const known = new Map<string, Known>();
  const tree = { clock: o.world.clock, hierarchy, kill: o.kill };
  let shares = 0;
  let sharing = Promise.resolve();
  let isDue = false;

  const limitsOf = (pod: Pod): Limits => podLimits(pod, { pids: o.podPids });
  const pathFor = (pod: Pod): string => join(root, tierOf(pod), `${PREFIX}${pod.metadata.uid ?? ''}`);
  function note(pod: Pod, path: string): void {
    const milli = tierOf(pod) === 'burstable' ? (podRequests(pod).get('cpu') ?? 0) : 0;
    known.set(pod.metadata.uid ?? '', { path, milli });
  }
  /**
   * The burstable class as a whole gets what its pods request: one write after the other, and changes that come while one
   * is under way are one more. Source: kubelet cm setCPUCgroupConfig.
   */
  function share(): Promise<void> {
    if (isDue) return sharing;
    isDue = true;
    sharing = sharing.then(async () => {
      isDue = false;
      const wanted = sharesOf([...known.values()].reduce((sum, { milli }) => sum + milli, 0));
      if (wanted === shares) return;
      shares = wanted;
      await groups.set(join(root, 'burstable'), { cpuShares: wanted }).catch((error: unknown) => {
        shares = 0;
        o.world.log.warn('processor shares of burstable pods not set', { err: error });
      });
    });
    return sharing;
  }
  /**
   * What the pods' group lies in is a processor's worth to the kernel, however many the machine has: beside a few busy
   * processes of the machine pods would starve. Upstream's group lies in nothing.
   */
  async function raiseAbove(): Promise<void> {
    const wanted = o.allocatable.cpuShares ?? 0;
    for (let above = dirname(root); dirname(above) !== above; above = dirname(above))
      if ((await groups.get(above)).cpuShares < wanted) await groups.set(above, { cpuShares: wanted });
  }
  async function start(): Promise<void> {
    await groups.make(root);
    await raiseAbove().catch((error: unknown) => {
      o.world.log.warn('processor shares of the node not set', { err: error });
    });
    // Pods that are there may use more than they may from now on; then it stays as it is.
    for (const [name, limit] of Object.entries(o.allocatable))
      await groups.set(root, { [name]: limit }).catch((error: unknown) => {
        o.world.log.warn('limit of all pods not set', { limit: name, err: error });
      });
    for (const tier of ['burstable', 'besteffort']) await groups.make(join(root, tier));
    await groups.set(join(root, 'besteffort'), { cpuShares: sharesOf(0) });
    shares = 0;
    await share();
  }
  return {
    start,
    async create(pod) {
      const path = pathFor(pod);
      await groups.make(path);
      await groups.set(path, limitsOf(pod));
      note(pod, path);
      await share();
      return path;
    },
    resourcesOf: (pod, container) => containerLimits(pod, container, o.machineMemory),
    async update(pod, containers) {
      const path = known.get(pod.metadata.uid ?? '')?.path ?? pathFor(pod);
      const wanted = limitsOf(pod);
      const now = await groups.get(path);
      const grows = (name: 'cpuShares' | 'cpuQuota' | 'memory'): boolean => {
        const limit = wanted[name];
        return limit !== undefined && now[name] !== -1 && limit > now[name];
      };
      const quota = { cpuQuota: wanted.cpuQuota, cpuPeriod: wanted.cpuPeriod };
      const parts = [
        { grows: grows('memory'), limits: { memory: wanted.memory } },
        { grows: grows('cpuQuota'), limits: quota },
        { grows: grows('cpuShares'), limits: { cpuShares: wanted.cpuShares } },
      ];
      for (const part of parts) if (part.grows) await groups.set(path, part.limits);
      await containers?.();
      for (const part of parts.toReversed()) if (!part.grows) await groups.set(path, part.limits);
      note(pod, path);
      await share();
    },
    async remove(podUid) {
      const path = known.get(podUid)?.path;
      // Of one from before this kubelet began the class is not known.
      const paths = path !== undefined ? [path] : TIERS.map((tier) => join(root, tier, `${PREFIX}${podUid}`));
      for (const each of paths) await removeTree(each, tree);
      known.delete(podUid);
      await share();
    },
    async sweep(keep) {
      const left: string[] = [];
      for (const tier of TIERS)
        for (const name of await groupsBelow(join(root, tier), hierarchy)) {
          const uid = name.slice(PREFIX.length);
          if (!name.startsWith(PREFIX) || keep.has(uid)) continue;
          await removeTree(join(root, tier, name), tree).catch((error: unknown) => {
            o.world.log.warn('cgroup of a pod that is gone is still there', { uid, err: error });
            left.push(uid);
          });
          known.delete(uid);
        }
      await share();
      return left;
    },
    destroy: () => removeTree(root, tree),
    pathOf: (pod) => known.get(pod.metadata.uid ?? '')?.path ?? pathFor(pod),
    adopt(pod) {
      if (known.has(pod.metadata.uid ?? '')) return;
      note(pod, pathFor(pod));
      void share();
    },
    processesOf: (path) => groups.processes(path),
  };
}
