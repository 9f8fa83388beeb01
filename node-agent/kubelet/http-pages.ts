import { buildInfo } from '../../actors/runtime/metrics/process.ts';
import type { Pod } from '../../schemas/generated/core-v1.ts';
import type { NodeContext } from './context.ts';
import type { PodWorker } from './pod/worker.ts';
import { logFamilies } from './usage/log-metrics.ts';

/** Pods as this node knows them, with the status that it would write. */
export function podList(node: NodeContext, wanted: (worker: PodWorker) => boolean): object {
  const items = [...node.pods.values()]
    .filter(wanted)
    .map((worker) => ({ ...withoutType(worker.pod), status: worker.status() }));
  return { kind: 'PodList', apiVersion: 'v1', metadata: {}, items };
}
const withoutType = ({ metadata, spec }: Pod): object => ({ metadata, spec });

/** What of a kubelet's configuration has a meaning here. Source: kubelet config v1beta1. */
export const configuration = ({ housekeeping }: NodeContext): object => ({
  kubeletconfig: {
    enableServer: true,
    port: 10_250,
    nodeStatusUpdateFrequency: '10s',
    nodeStatusReportFrequency: '5m0s',
    nodeLeaseDurationSeconds: 40,
    nodeStatusMaxImages: 50,
    maxPods: 110,
    ...housekeeping?.configuration,
    // That of simulated nodes is what most real ones have.
    cgroupDriver: housekeeping === undefined ? 'systemd' : 'cgroupfs',
    kind: 'KubeletConfiguration',
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
  },
});

/** What the node counts, without what belongs to the process, which it shares with others. */
export async function metrics({ metrics: { registry, volumes }, housekeeping, world }: NodeContext): Promise<string> {
  volumes.splice(0, Infinity, ...((await housekeeping?.claimedVolumes()) ?? []));
  const used = await housekeeping?.summary().catch((error: unknown) => {
    world.log.warn('what pods use is not told with what the node counts', { err: error });
    return undefined;
  });
  const families = [...registry.families(), ...logFamilies(used?.pods ?? []), buildInfo].toSorted((a, b) =>
    a.name < b.name ? -1 : 1,
  );
  return `${families.flatMap(({ lines }) => lines).join('\n')}\n`;
}
