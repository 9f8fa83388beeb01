import type { Family } from '../../../actors/runtime/metrics/registry.ts';
import { braced, head, labelText } from '../../../actors/runtime/metrics/series.ts';
import type { PodStats } from '../../../bus/protocol/node.ts';

const NAME = 'kubelet_container_log_filesystem_used_bytes';

/** How much of the disk logs of containers take; nothing where none has any. Source: kubelet metrics/collectors log_metrics.go. */
export function logFamilies(pods: readonly PodStats[]): Family[] {
  const lines = pods.flatMap(({ podRef: { name: pod, namespace, uid }, containers }) =>
    containers.flatMap(({ name: container, logs }) =>
      logs === undefined ? [] : [`${NAME}${braced(labelText({ container, namespace, pod, uid }))} ${logs.usedBytes}`],
    ),
  );
  const first = head(NAME, 'gauge', 'ALPHA', "Bytes used by the container's logs on the filesystem.");
  return lines.length === 0 ? [] : [{ name: NAME, lines: [...first, ...lines] }];
}
