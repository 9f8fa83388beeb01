import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { realWorld } from '../../../bus/real-world.ts';
import type { Container, Event, Pod, PodSpec } from '../../../schemas/generated/core-v1.ts';
import { events, pods } from '../../../actors/runtime/resources.ts';
import { fakeApi, type FakeApi } from '../../../actors/runtime/testing/fake-api.ts';
import { startKubelet, type Kubelet } from '../../kubelet/actor.ts';
import type { Commands } from '../../host/commands.ts';
import { nodePaths, type NodePaths } from '../../host/paths.ts';
import type { PodParts } from './parts.ts';
import { plainParts } from './plain-parts.ts';
import { createCriRuntime, type CriRuntime } from './runtime.ts';
import { FakeCri, Refusal } from './testing/fake-cri.ts';

const world = realWorld({ level: 'silent' });
const MAIN: Container = { name: 'm', image: 'app:1' };

describe('a kubelet and a runtime that speaks the CRI', () => {
  let fake: FakeCri;
  let paths: NodePaths;
  let api: FakeApi;
  let runtime: CriRuntime;
  let kubelet: Kubelet;
  /** What pods were given as a whole. */
  const updates: unknown[] = [];
  const start = async (): Promise<void> => {
    const plain = plainParts(paths);
    const resourcesOf: PodParts['cgroups']['resourcesOf'] = (_pod, { resources }) => ({ memoryLimitInBytes: Number(resources?.limits?.['memory'] ?? 0) });
    const update: PodParts['cgroups']['update'] = async ({ spec }, containers) => {
      updates.push(spec!.resources);
      await containers?.();
    };
    const parts = { ...plain, cgroups: { ...plain.cgroups, resourcesOf, update } };
    updates.length = 0;
    runtime = await createCriRuntime({ world, commands: {} as Commands, socket: fake.socket, paths, parts });
    kubelet = startKubelet({ world, id: 'k', client: api.client('node:n1'), runtime, node: { name: 'n1', ip: '10.9.0.1', podCIDR: '10.0.0.0/24' } });
    await kubelet.ready;
  };
  beforeEach(async () => {
    fake = new FakeCri();
    fake.tells = 'cri';
    fake.images = ['app:1', 'app:2'].map((name) => ({ id: `sha256:${name.at(-1)}`, repoTags: [`docker.io/library/${name}`], repoDigests: [], size: 7 }));
    paths = nodePaths(await mkdtemp(join(tmpdir(), 'cri-')));
    api = fakeApi(world);
    await fake.start();
    await start();
  });
  afterEach(async () => {
    await kubelet.stop();
    fake.stop();
    await rm(paths.root, { recursive: true, force: true });
  });
  async function until(is: () => unknown, what: string): Promise<void> {
    for (let i = 0; i < 1_000; i++) {
      if (is()) return;
      await new Promise((resolve) => world.clock.setTimeout(() => resolve(undefined), 10));
    }
    throw new Error(`not in time: ${what}; ${JSON.stringify(api.objects<Pod>(pods).map((one) => one.status))} ${told().slice(-6).join('; ')}`);
  }
  const run = async (name: string, spec: Partial<PodSpec> = {}): Promise<void> => {
    await api.client().create<Pod>(pods, {
      apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default', generation: 1 },
      spec: { nodeName: 'n1', restartPolicy: 'Always', containers: [MAIN], ...spec },
    });
    await until(() => pod(name)?.status?.phase === 'Running' && pod(name)?.status?.containerStatuses?.every((s) => s.state?.running), `${name} runs`);
  };
  const pod = (name: string): Pod | undefined => api.object<Pod>(pods, `default/${name}`);
  const status = (name: string, container = 'm') => [...(pod(name)?.status?.containerStatuses ?? []), ...(pod(name)?.status?.initContainerStatuses ?? [])].find((s) => s.name === container);
  const told = (): string[] => api.objects<Event>(events).map((e) => `${e.reason}: ${e.message}`);
  const change = async (name: string, spec: Partial<PodSpec>): Promise<void> => {
    for (;;) {
      const now = pod(name)!;
      const generation = (now.metadata.generation ?? 1) + 1;
      const done = await api.client().update<Pod>(pods, { ...now, metadata: { ...now.metadata, generation }, spec: { ...now.spec!, ...spec } }).catch(() => undefined);
      if (done !== undefined) return;
    }
  };
  const withMemory = (limit: string, extra: Partial<Container> = {}): Container => ({ ...MAIN, ...extra, resources: { limits: { memory: limit }, requests: { memory: limit, cpu: '1' } } });
  const condition = (name: string, type: string) => pod(name)!.status!.conditions!.find((c) => c.type === type);

  it('gives a running container more without ending it, and says so', async () => {
    const asked: unknown[] = [];
    fake.instead.set('UpdateContainerResources', (request) => {
      asked.push(request);
      return {};
    });
    await run('a', { containers: [withMemory('1000')] });
    const { containerID } = status('a')!;
    await change('a', { containers: [withMemory('2000')] });
    await until(() => told().some((text) => text.startsWith('ResizeCompleted')), 'it is done');
    await until(() => status('a')?.resources?.limits?.['memory'] === '2000', 'it is told');
    expect(status('a')).toMatchObject({ containerID, restartCount: 0, allocatedResources: { memory: '2000', cpu: '1' } });
    expect(asked).toMatchObject([{ containerId: containerID!.replace('fake://', ''), linux: { memoryLimitInBytes: 2000 } }]);
    expect(condition('a', 'PodResizeInProgress')).toBeUndefined();
    const summary = '{"containers":[{"name":"m","resources":{"limits":{"memory":"2000"},"requests":{"cpu":"1","memory":"2000"}}}],"generation":2}';
    expect(told().filter((text) => text.startsWith('Resize'))).toEqual([`ResizeStarted: Pod resize started: ${summary}`, `ResizeCompleted: Pod resize completed: ${summary}`]);
  });
  it('runs a container again whose policy wants that', async () => {
    const resizePolicy = [{ resourceName: 'memory', restartPolicy: 'RestartContainer' as const }];
    await run('a', { containers: [withMemory('1000', { resizePolicy })] });
    await change('a', { containers: [withMemory('2000', { resizePolicy })] });
    await until(() => status('a')?.restartCount === 1 && status('a')?.state?.running, 'it runs again');
    await until(() => told().some((text) => text.startsWith('ResizeCompleted')), 'it is done');
    expect(told()).toContain('Killing: Container m resize requires restart');
    expect(fake.calls).not.toContain('UpdateContainerResources');
  });
  it('waits where the node has no room, until it has', async () => {
    const cpu = (requests: string): Container => ({ ...MAIN, resources: { requests: { cpu: requests } } });
    await run('other', { containers: [cpu('3')] });
    await run('a', { containers: [cpu('1')] });
    await change('a', { containers: [cpu('2')] });
    await until(() => condition('a', 'PodResizePending'), 'it waits');
    const message = "Node didn't have enough resource: cpu, requested: 2000, used: 3000, capacity: 4000";
    expect(condition('a', 'PodResizePending')).toMatchObject({ status: 'True', reason: 'Deferred', message, observedGeneration: 2 });
    expect(status('a')!.allocatedResources).toEqual({ cpu: '1' });
    expect(told().find((text) => text.startsWith('ResizeDeferred'))).toBe(`ResizeDeferred: Pod resize OutOfcpu: {"containers":[{"name":"m","resources":{"requests":{"cpu":"2"}}}],"generation":2,"error":"${message}"}`);
    await api.client().delete(pods, 'other', 'default', { gracePeriodSeconds: 0 });
    await until(() => status('a')?.allocatedResources?.['cpu'] === '2', 'it has it');
    await until(() => condition('a', 'PodResizePending') === undefined, 'nothing waits');
  });
  it('takes no memory from a container that uses it', async () => {
    await run('a', { containers: [withMemory('2000')] });
    const id = status('a')!.containerID!.replace('fake://', '');
    fake.instead.set('ListContainerStats', () => ({
      stats: [{ attributes: { id: 'another' }, memory: { workingSetBytes: { value: 9 } } }, { attributes: { id }, memory: { workingSetBytes: { value: 1500 } } }],
    }));
    await change('a', { containers: [withMemory('1000')] });
    const message = 'cannot decrease memory limits: attempting to set container "m" memory limit (1000) below current usage (1500)';
    await until(() => condition('a', 'PodResizeInProgress')?.message === message, 'it is refused');
    expect(fake.calls).not.toContain('UpdateContainerResources');
    fake.instead.delete('ListContainerStats');
    await until(() => status('a')?.resources?.limits?.['memory'] === '1000', 'it is done once it can be');
  });
  it('says why a runtime refuses, and takes back what is not wanted any more', async () => {
    fake.instead.set('UpdateContainerResources', () => { throw new Error('no'); });
    await run('a', { containers: [withMemory('1000')] });
    await change('a', { containers: [withMemory('2000')] });
    await until(() => condition('a', 'PodResizeInProgress')?.reason === 'Error', 'the error');
    expect(condition('a', 'PodResizeInProgress')).toMatchObject({ message: 'rpc error: code = Unknown desc = no', observedGeneration: 2 });
    expect(status('a')!.resources!.limits).toEqual({ memory: '1000' });
    fake.instead.clear();
    await change('a', { containers: [withMemory('3000')] });
    await until(() => status('a')?.resources?.limits?.['memory'] === '3000' && condition('a', 'PodResizeInProgress') === undefined, 'it is done');
  });
  describe('where a pod says what its containers may use together', () => {
    const ofPod = (memory: string, cpu = '1') => ({ resources: { limits: { memory }, requests: { memory, cpu } } });
    const done = () => until(() => told().some((text) => text.startsWith('ResizeCompleted')) && condition('a', 'PodResizeInProgress') === undefined, 'it is done');

    it('gives it more, and those of its containers that say nothing themselves', async () => {
      const own = { ...MAIN, name: 'own', resources: { limits: { memory: '100' } } };
      await run('a', { ...ofPod('1001'), containers: [MAIN, own] });
      expect(pod('a')!.status).toMatchObject({ allocatedResources: { memory: '1001', cpu: '1' }, resources: { limits: { memory: '1001' } } });
      const asked: unknown[] = [];
      fake.instead.set('UpdateContainerResources', ({ containerId }) => {
        asked.push(containerId);
        return {};
      });
      await change('a', ofPod('2001'));
      await done();
      await until(() => pod('a')!.status!.resources?.limits?.['memory'] === '2001', 'it is told');
      expect(pod('a')!.status!.allocatedResources).toEqual({ memory: '2001', cpu: '1' });
      expect(asked).toEqual([status('a')!.containerID!.replace('fake://', '')]);
      expect(updates).toEqual([ofPod('2001').resources]);
      expect([status('a')!.restartCount, status('a', 'own')!.restartCount]).toEqual([0, 0]);
    });
    it('runs those again that want it, and takes from the pod after them', async () => {
      const resizePolicy = [{ resourceName: 'memory', restartPolicy: 'RestartContainer' as const }];
      await run('a', { ...ofPod('2001'), containers: [{ ...MAIN, resizePolicy }] });
      await change('a', ofPod('1001'));
      await done();
      await until(() => status('a')!.restartCount === 1 && status('a')!.state?.running, 'it runs again');
      expect(updates).toEqual([ofPod('1001').resources]);
      expect(told().findIndex((text) => text.includes('resize requires restart'))).toBeGreaterThan(-1);
    });
    it.each([
      ['memory', { memory: '1001', cpu: '2' }, { memory: '2001', cpu: '2' }],
      ['cpu', { memory: '3001', cpu: '500m' }, { memory: '3001', cpu: '1' }],
    ])('gives it what grows before those run again that want it for %s, and takes the rest after', async (resourceName, wanted, between) => {
      const limits = (list: object) => ({ resources: { limits: list as Record<string, string>, requests: { memory: '1', cpu: '100m' } } });
      await run('a', { ...limits({ memory: '2001', cpu: '1' }), containers: [{ ...MAIN, resizePolicy: [{ resourceName, restartPolicy: 'RestartContainer' }] }] });
      await change('a', limits(wanted));
      await done();
      await until(() => status('a')!.restartCount === 1 && status('a')!.state?.running, 'it runs again');
      expect(updates).toEqual([limits(between).resources, limits(wanted).resources]);
    });
    it('waits for room, and a kubelet that comes meanwhile knows what was given', async () => {
      await run('a', { ...ofPod('1001', '1') });
      await change('a', ofPod('1001', '100'));
      await until(() => condition('a', 'PodResizePending'), 'it waits');
      expect(pod('a')!.status!.allocatedResources).toEqual({ memory: '1001', cpu: '1' });
      await kubelet.stop();
      await start();
      await until(() => told().filter((text) => text.startsWith('ResizeDeferred')).length > 1, 'it is considered again');
      expect(pod('a')!.status!.allocatedResources).toEqual({ memory: '1001', cpu: '1' });
      expect(updates).toEqual([]);
      await change('a', ofPod('1001', '2'));
      await until(() => pod('a')!.status!.allocatedResources?.['cpu'] === '2', 'it has it');
      await until(() => condition('a', 'PodResizePending') === undefined, 'nothing waits');
    });
  });
  it('ends a container whose image is another now, and runs it again whatever the policy', async () => {
    await run('a', { restartPolicy: 'Never' });
    await change('a', { containers: [{ ...MAIN, image: 'app:2' }] });
    await until(() => status('a')?.restartCount === 1 && status('a')?.state?.running, 'it runs again');
    expect(told()).toContain('Killing: Container m definition changed, will be restarted');
    expect([...fake.containers.values()].at(-1)!.config['image']).toMatchObject({ image: 'sha256:2' });
  });
  it.each([
    ['Never', 'Failed', { state: { terminated: { exitCode: 128, reason: 'StartError' } } }],
    ['Always', 'Running', { restartCount: 1, state: { waiting: { reason: 'CrashLoopBackOff' } }, lastState: { terminated: { exitCode: 128 } } }],
  ] as const)('treats a start that failed as an end: %s', async (restartPolicy, phase, expected) => {
    fake.instead.set('StartContainer', ({ containerId }) => {
      fake.exit(containerId as string, 128, { reason: 'StartError', message: 'no such file' });
      throw new Refusal(2, 'no such file');
    });
    await api.client().create<Pod>(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a', namespace: 'default' }, spec: { nodeName: 'n1', restartPolicy, containers: [MAIN] } });
    const [key] = Object.keys(expected.state) as ['terminated' | 'waiting'];
    await until(() => status('a')?.state?.[key]?.reason === (Object.values(expected.state)[0] as { reason: string }).reason, 'it has ended');
    expect(status('a')).toMatchObject(expected);
    expect(pod('a')!.status!.phase).toBe(phase);
    expect(told()).toContain('Failed: Error: no such file');
  });
  it('begins all containers anew where one says that its end is that of all', async () => {
    const rules = [{ action: 'RestartAllContainers' as const, exitCodes: { operator: 'In' as const, values: [9] } }];
    const watcher: Container = { ...MAIN, name: 'w', restartPolicy: 'Never', restartPolicyRules: rules };
    await run('a', { restartPolicy: 'Never', containers: [MAIN, watcher] });
    expect(condition('a', 'AllContainersRestarting')).toMatchObject({ status: 'False' });
    fake.exit(status('a', 'w')!.containerID!.replace('fake://', ''), 9);
    await until(() => ['m', 'w'].every((name) => status('a', name)?.restartCount === 1 && status('a', name)?.state?.running), 'all run again');
    expect(status('a')!.lastState!.terminated).toMatchObject({ exitCode: 137, reason: 'RestartingAllContainers' });
    expect(pod('a')!.status!.phase).toBe('Running');
    expect(fake.containers.size).toBe(2);
    await until(() => condition('a', 'AllContainersRestarting')?.status === 'False', 'it is over');
  });
  it('fails a pod whose sandbox died and whose containers run but once', async () => {
    await run('a', { restartPolicy: 'Never' });
    const [sandbox] = fake.sandboxes.values();
    sandbox!.ready = false;
    fake.tell(sandbox!.id);
    await runtime.runs.look();
    await until(() => pod('a')?.status?.phase === 'Failed', 'it fails');
    expect(fake.sandboxes.size).toBe(1);
    expect(told().join()).not.toContain('SandboxChanged');
  });
  it('says how a container ended that the runtime would not stop, once its sandbox has', async () => {
    await run('a', { terminationGracePeriodSeconds: 2 });
    fake.instead.set('StopContainer', () => {
      throw new Refusal(2, 'failed to stop container: ttrpc: closed: unknown');
    });
    const ends: unknown[] = [];
    api.intercept = ({ caller, verb, resource }) => {
      if (caller === 'node:n1' && verb === 'delete' && resource === 'pods') ends.push(pod('a')!.status!.phase, status('a')!.state!.terminated?.exitCode);
    };
    await api.client().delete(pods, 'a', 'default', { gracePeriodSeconds: 2 });
    await until(() => pod('a') === undefined, 'it is gone');
    expect(ends).toEqual(['Failed', 137]);
  });
  it('begins a pod anew where the runtime lost all of it while the kubelet was away', async () => {
    await run('a');
    await kubelet.stop();
    fake.sandboxes.clear();
    fake.containers.clear();
    await start();
    await until(() => status('a')?.restartCount === 1 && status('a')?.state?.running, 'it runs again');
    expect(status('a')!.lastState!.terminated).toMatchObject({ exitCode: 137, reason: 'ContainerStatusUnknown' });
  });
  it('begins a container again that was made and not started, and ends what is left of a dead sandbox', async () => {
    await run('a');
    await kubelet.stop();
    const [c] = fake.containers.values();
    c!.state = 0;
    await start();
    await until(() => status('a')?.restartCount === 1 && status('a')?.state?.running, 'it runs again');
    await kubelet.stop();
    const [sandbox] = fake.sandboxes.values();
    sandbox!.ready = false;
    await start();
    await until(() => status('a')?.restartCount === 2 && status('a')?.state?.running, 'it runs in another sandbox');
    expect([...fake.sandboxes.values()].map((s) => [s.config.metadata.attempt, s.ready])).toEqual([[0, false], [1, true]]);
    expect([...fake.containers.values()].filter(({ state }) => state === 1)).toHaveLength(1);
  });
  it('runs 200 containers in one pod, and shares the room for last words among them', async () => {
    const containers = Array.from({ length: 200 }, (_, i): Container => ({ ...MAIN, name: `c${i}` }));
    await run('a', { restartPolicy: 'Never', containers });
    for (const { id } of fake.containers.values()) fake.exit(id, 1, { message: 'x'.repeat(500) });
    await until(() => pod('a')?.status?.phase === 'Failed', 'it ends');
    const said = pod('a')!.status!.containerStatuses!.map((s) => s.state!.terminated!.message!.length);
    expect(said).toEqual(Array.from({ length: 200 }, () => Math.floor(12_288 / 200)));
    expect(pod('a')!.status!.containerStatuses!.map((s) => s.name)).toEqual(containers.map((c) => c.name).sort());
  });
}); // prettier-ignore
