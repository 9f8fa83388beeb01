import { examine } from '../../../actors/scheduler/explanation/examine.ts';
import { cycleFrom, type Decisive } from '../../../actors/scheduler/explanation/objects.ts';
import { defaultProfile } from '../../../actors/scheduler/plugins/profile.ts';
import { realWorld } from '../../../bus/real-world.ts';
import type { KubeObject } from '../../../schemas/meta/object.ts';
import { shortName, type Cluster } from './cluster.ts';
import type { Verdict } from './verdict.ts';

const world = realWorld({ component: 'placement', level: 'silent' });

/** What our scheduler says of the cluster's pod, in the words of the real one's verdict. */
export function ourVerdict({ nodes, pods, pod, beside }: Cluster): Verdict {
  const names = nodes.map((node) => node.metadata.name!);
  const objects: Partial<Record<Decisive, readonly KubeObject[]>> = { nodes, pods: [...pods, pod] };
  for (const [place, some] of Object.entries(beside)) objects[place.replace(/\/?v1\//, '/').replace(/^\//, '') as Decisive] = some; // prettier-ignore
  const { cycle, budgets } = cycleFrom(objects, pod, world);
  const found = examine(cycle, { profile: defaultProfile, budgets, random: () => 0 });
  const at = found.feasible.map((node) => names.indexOf(node.name));
  const scores: Record<string, number[]> = {};
  for (const { plugin, weight, normalized } of found.scores) {
    const values = (scores[plugin] = Array<number>(names.length).fill(-1));
    normalized.forEach((score, i) => (values[at[i]!] = score * weight));
  }
  const { candidate, message } = found;
  return {
    feasible: at.sort((a, b) => a - b),
    ...(at.length > 1 && { scores }),
    ...(message !== undefined && { message: shortName(message) }),
    ...(candidate !== undefined && {
      nominated: names.indexOf(candidate.node),
      victims: candidate.victims.map((v) => pods.findIndex((p) => p.metadata.name === v.name)).sort((a, b) => a - b),
    }),
  };
}
