import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Bus, ServedMessage, Session } from '../../bus/bus.ts';
import type { NodeAnswerHead } from '../../bus/protocol/node.ts';
import { pods } from '../../actors/runtime/resources.ts';
import { bench, type Bench } from './testing/kubelet.ts';

type Accept = (message: ServedMessage, session: Session) => void;
const accepts = new Map<string, Accept>();
const none = { unsubscribe: () => undefined };
const bus = {
  serve: () => none,
  serveSessions: (subject: string, _queue: string, handler: Accept) => {
    accepts.set(subject, handler);
    return none;
  },
} as unknown as Bus;
let b: Bench;
beforeEach(async () => {
  b = await bench({}, bus);
});
afterEach(() => b.stop());

async function ask(target: string, method = 'GET'): Promise<{ head: NodeAnswerHead; body: string }> {
  const frames: unknown[] = [];
  const session = { send: async (frame: unknown) => void frames.push(frame), close: () => undefined };
  const body = { method, target, headers: [], body: new Uint8Array() };
  accepts.get('kubus.v1.node.n1.http')!({ body } as unknown as ServedMessage, session as unknown as Session);
  await b.world.settle();
  const [head, ...rest] = frames;
  return { head: head as NodeAnswerHead, body: Buffer.concat(rest as Uint8Array[]).toString() };
}
const items = async (path: string): Promise<unknown> =>
  (JSON.parse((await ask(path)).body) as { items: unknown }).items;

describe("a node's own pages", () => {
  it.each([
    ['/healthz', 'GET', 200, 'ok'],
    ['/healthz/ping?x=y', 'GET', 200, 'ok'],
    ['/none', 'GET', 404, '404 page not found\n'],
    ['/pods', 'DELETE', 405, '405: Method Not Allowed'],
  ])('%s by %s is %i', async (target, method, status, body) => {
    expect(await ask(target, method)).toMatchObject({ head: { status }, body });
  });
  it('tell of its pods and of what runs', async () => {
    await b.run('p', {}, {});
    await b.world.until(() => b.pod('p')?.status?.phase === 'Running');
    const known = [{ metadata: { name: 'p' }, status: { phase: 'Running' } }];
    expect(await items('/pods')).toMatchObject(known);
    expect(await items('/runningpods/')).toMatchObject(known);
    expect(JSON.parse((await ask('/stats/summary')).body)).toMatchObject({
      node: { nodeName: 'n1' },
      pods: [{ podRef: { name: 'p' }, containers: [{ name: 'main', cpu: { usageNanoCores: 1_000_000 } }] }],
    });
    expect((await ask('/metrics')).body).toContain('kubelet_running_pods 1\n');
    expect((await ask('/metrics/resource')).body).toMatch(
      /^container_memory_working_set_bytes\{container="main",namespace="default",pod="p"\} 2097152 \d{13}$/m,
    );
  });
  it('tell how containers ended, once each end', async () => {
    const main = { exitAfterMs: 100, exitCode: 139 };
    await b.run('p', { restartPolicy: 'Never', initContainers: [{ name: 'first', image: 'i' }] }, { containers: { main, first: { exitAfterMs: 100 } } });
    await b.run('q', {}, main);
    await b.world.until(() => b.pod('p')?.status?.phase === 'Failed' && b.pod('q')?.status?.containerStatuses?.[0]?.restartCount === 1);
    await b.world.advance(1_000);
    expect((await ask('/metrics')).body).toContain(
      'kubelet_terminated_containers_total{container_type="init_container",exit_code="0",reason="Completed"} 1\n' +
        'kubelet_terminated_containers_total{container_type="container",exit_code="139",reason="Error"} 3\n',
    );
  }); // prettier-ignore
  it('tell what the node uses, also for pods that have gone', async () => {
    const node = async (): Promise<{ cpu: Record<string, number>; memory: Record<string, number> }> =>
      (JSON.parse((await ask('/stats/summary')).body) as { node: never }).node;
    const before = await node();
    await b.run('p', {}, { usage: { cpu: '1500m', memory: '1Gi' } });
    await b.world.until(() => b.pod('p')?.status?.phase === 'Running');
    await b.world.advance(20_000);
    const during = await node();
    expect(during.cpu['usageNanoCores']! - before.cpu['usageNanoCores']!).toBe(1_500_000_000);
    expect(during.memory['workingSetBytes']! - before.memory['workingSetBytes']!).toBe(2 ** 30);
    await b.api.client().delete(pods, 'p', 'default', { gracePeriodSeconds: 0 });
    await b.world.until(() => b.kubelet.podStates().size === 0);
    const after = await node();
    expect(after.cpu['usageNanoCores']).toBe(before.cpu['usageNanoCores']);
    expect(after.cpu['usageCoreNanoSeconds']).toBeGreaterThan(1.5e9 * 19);
  });
  it('tell of probes, across restarts and until the pod is gone', async () => {
    const probe = { exec: { command: ['true'] }, periodSeconds: 1 };
    const containers = [
      { name: 'main', image: 'app:1', readinessProbe: probe, livenessProbe: { ...probe, failureThreshold: 1 } },
    ];
    await b.run('p', { containers }, { liveness: [true, false] });
    await b.world.until(() => b.pod('p')?.status?.containerStatuses?.[0]?.restartCount === 1);
    const { body } = await ask('/metrics/probes');
    const labels = 'container="main",namespace="default",pod="p"';
    const uid = b.pod('p')!.metadata.uid;
    expect(body).toContain(`prober_probe_total{${labels},pod_uid="${uid}",probe_type="Liveness",result="failed"} 1\n`);
    expect(body).toMatch(
      new RegExp(`prober_probe_total\\{${labels},pod_uid="${uid}",probe_type="Readiness",result="successful"\\} [1-9]`),
    );
    expect(body).toContain(`prober_probe_duration_seconds_bucket{${labels},probe_type="Liveness",le="0.005"} 2\n`);
    expect(body).toContain('# TYPE prober_probe_duration_seconds histogram\n');
    expect(body).toMatch(/^process_start_time_seconds [\d.e+]+$/m);
    await b.api.client().delete(pods, 'p', 'default', { gracePeriodSeconds: 0 });
    await b.world.settle();
    expect((await ask('/metrics/probes')).body).not.toContain('prober_probe');
  });
});
