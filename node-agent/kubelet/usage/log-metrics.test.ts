import { expect, it } from 'vitest';
import type { FsStats, PodStats } from '../../../bus/protocol/node.ts';
import { logFamilies } from './log-metrics.ts';

const now = '2026-01-01T00:00:00Z';
const [cpu, memory] = [{ time: now, usageNanoCores: 0, usageCoreNanoSeconds: 0 }, { time: now, usageBytes: 0, workingSetBytes: 0, rssBytes: 0 }]; // prettier-ignore
const of = (usedBytes: number): FsStats => ({ time: now, availableBytes: 1, capacityBytes: 2, usedBytes });
const pod = (name: string, containers: PodStats['containers']): PodStats => ({ podRef: { name, namespace: 'd', uid: `${name}-uid` }, startTime: now, cpu, memory, containers }); // prettier-ignore
const container = (name: string, logs?: FsStats) => ({ name, startTime: now, cpu, memory, ...(logs && { logs }) });

it('what logs take is told of each container that has any', () => {
  const pods = [pod('a', [container('x', of(12)), container('y')]), pod('b', [container('x', of(4096))])];
  expect(logFamilies(pods).flatMap(({ lines }) => lines)).toEqual([
    "# HELP kubelet_container_log_filesystem_used_bytes [ALPHA] Bytes used by the container's logs on the filesystem.",
    '# TYPE kubelet_container_log_filesystem_used_bytes gauge',
    'kubelet_container_log_filesystem_used_bytes{container="x",namespace="d",pod="a",uid="a-uid"} 12',
    'kubelet_container_log_filesystem_used_bytes{container="x",namespace="d",pod="b",uid="b-uid"} 4096',
  ]);
  expect(logFamilies([pod('a', [container('y')])])).toEqual([]);
});
