import { afterEach, describe, expect, it } from 'vitest';
import type { Lease } from '../../schemas/generated/coordination-v1.ts';
import { leases, pods } from '../../actors/runtime/resources.ts';
import { bench, type Bench } from './testing/kubelet.ts';

let b: Bench;
afterEach(() => b.stop());
const condition = (name: string, type: string) => b.pod(name)?.status?.conditions?.find((c) => c.type === type);
const isReady = (name: string) => () => condition(name, 'Ready')?.status === 'True';

describe('a node', () => {
  it('registers itself and keeps its lease', async () => {
    b = await bench({ labels: { zone: 'a' } });
    expect(b.node()).toMatchObject({
      metadata: { labels: { 'kubernetes.io/hostname': 'n1', 'kubernetes.io/os': 'linux', zone: 'a' } },
      spec: { podCIDR: '10.244.7.0/24' },
      status: {
        addresses: [
          { type: 'InternalIP', address: '172.18.0.2' },
          { type: 'Hostname', address: 'n1' },
        ],
        nodeInfo: { kubeletVersion: 'v1.36.3', containerRuntimeVersion: 'containerd://2.2.1' },
      },
    });
    expect(b.node().status?.conditions?.map((c) => `${c.type}=${c.status}`)).toEqual([
      'MemoryPressure=False', 'DiskPressure=False', 'PIDPressure=False', 'Ready=True',
    ]); // prettier-ignore
    const lease = () => b.api.object<Lease>(leases, 'kube-node-lease/n1');
    await b.world.until(() => lease() !== undefined);
    const first = lease()!.spec!.renewTime;
    expect(lease()!.metadata.ownerReferences?.[0]).toMatchObject({ kind: 'Node', name: 'n1' });
    await b.world.advance(11_000);
    expect(lease()!.spec!.renewTime).not.toBe(first);
  });
});
describe('a pod', () => {
  it('runs within 50 ms and one status write', async () => {
    b = await bench();
    await b.run('web', { containers: [{ name: 'main', image: 'nginx', resources: { requests: { cpu: '100m' } } }] });
    await b.world.until(isReady('web'), 50);
    await b.world.advance(5_000);
    expect(b.writes()).toBe(1);
    expect(b.pod('web')?.status).toMatchObject({
      observedGeneration: 1,
      phase: 'Running',
      hostIP: '172.18.0.2',
      podIP: '10.244.7.2',
      podIPs: [{ ip: '10.244.7.2' }],
      qosClass: 'Burstable',
      startTime: '2026-01-01T00:00:00Z',
      containerStatuses: [
        {
          name: 'main',
          ready: true,
          started: true,
          restartCount: 0,
          image: 'docker.io/library/nginx:latest',
          allocatedResources: { cpu: '100m' },
          state: { running: {} },
        },
      ],
    });
    expect(b.pod('web')?.status?.conditions?.map((c) => `${c.type}=${c.status}@${c.observedGeneration}`)).toEqual([
      'PodReadyToStartContainers=True@1', 'Initialized=True@1', 'Ready=True@1', 'ContainersReady=True@1', 'PodScheduled=True@1',
    ]); // prettier-ignore
    expect(b.told('web').map((t) => t.split(':')[0])).toEqual(['Pulling', 'Pulled', 'Created', 'Started']);
  });
  it('is told to end, ends within its grace and leaves the API', async () => {
    b = await bench();
    await b.run('web', {}, { stopAfterMs: 700 });
    await b.world.until(isReady('web'));
    await b.api.client().delete(pods, 'web', 'default');
    await b.world.advance(500);
    expect(b.pod('web')?.metadata.deletionTimestamp).toBeDefined();
    expect(b.state('web')).toBe('terminating');
    await b.world.until(() => b.pod('web') === undefined, 1_000);
    expect(b.told('web')).toContain('Killing: Stopping container main');
    expect(b.kubelet.podStates().size).toBe(0);
  });
  it('is killed when its grace is over', async () => {
    b = await bench();
    await b.run('stubborn', { terminationGracePeriodSeconds: 3 }, { ignoresTerm: true });
    await b.world.until(isReady('stubborn'));
    await b.api.client().delete(pods, 'stubborn', 'default');
    await b.world.advance(2_900);
    expect(b.pod('stubborn')).toBeDefined();
    await b.world.advance(200);
    expect(b.pod('stubborn')).toBeUndefined();
    const last = b.api.calls.filter((c) => c.resource === 'pods/status').at(-1)!.object as { status: unknown };
    expect(last.status).toMatchObject({
      phase: 'Failed',
      containerStatuses: [{ state: { terminated: { exitCode: 137 } } }],
    });
  });
  it('crashes, is restarted at once, then after 10, 20, 40 s', async () => {
    b = await bench();
    await b.run('bad', {}, { runs: [{ exitAfterMs: 100, exitCode: 3 }] });
    const status = () => b.pod('bad')?.status?.containerStatuses?.[0];
    await b.world.until(() => status()?.state?.waiting?.reason === 'CrashLoopBackOff', 1_000);
    expect(status()).toMatchObject({
      restartCount: 1,
      ready: false,
      lastState: { terminated: { exitCode: 3, reason: 'Error' } },
    });
    expect(status()?.state?.waiting?.message).toBe(
      `back-off 10s restarting failed container=main pod=bad_default(${b.pod('bad')?.metadata.uid})`,
    );
    expect(b.pod('bad')?.status?.phase).toBe('Running');
    await b.world.advance(9_000);
    expect(status()?.restartCount).toBe(1);
    await b.world.advance(2_000);
    expect(status()?.restartCount).toBe(2);
    expect(status()?.state?.waiting?.message).toContain('back-off 20s');
    await b.world.advance(21_000);
    expect(status()?.restartCount).toBe(3);
    expect(status()?.state?.waiting?.message).toContain('back-off 40s');
  });
});
