import type { Probe } from '../../../schemas/generated/core-v1.ts';

/** What the prober would have said had the probe failed for real. */
export function probeFailure(probe: Probe, ip: string): string {
  if (probe.httpGet !== undefined) return 'HTTP probe failed with statuscode: 500';
  if (probe.tcpSocket !== undefined) return `dial tcp ${ip}:${probe.tcpSocket.port}: connect: connection refused`;
  if (probe.grpc !== undefined) return 'service unhealthy (responded with "NOT_SERVING")';
  return 'command exited with 1';
}
