import { readFile } from 'node:fs/promises';
import { existsSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { realWorld } from '../../../bus/real-world.ts';
import type { Container, Event, Pod, PodSpec } from '../../../schemas/generated/core-v1.ts';
import { events, pods } from '../../../actors/runtime/resources.ts';
import { fakeApi, type FakeApi } from '../../../actors/runtime/testing/fake-api.ts';
import { containerdConfig } from '../../../ops/machine/containerd.ts';
import { PAUSE_IMAGE } from '../../../ops/images/oci.ts';
import { containerLimits } from '../../cgroups/limits.ts';
import { startKubelet, type Kubelet } from '../../kubelet/actor.ts';
import type { PodParts } from './parts.ts';
import { plainParts } from './plain-parts.ts';
import { createCriRuntime, type CriRuntime } from './runtime.ts';
import { BUSYBOX_IMAGE as IMAGE, loadBusybox } from '../../../ops/testing/busybox-image.ts';
import { noContainerd, privateContainerd, type PrivateContainerd } from './testing/private-containerd.ts';

const why = noContainerd();
const APPLETS = ['sh', 'sleep', 'echo', 'cat', 'true', 'false', 'kill', 'ps', 'env', 'dd', 'tail'];

describe.skipIf(why !== undefined)(`pods of a real containerd${why === undefined ? '' : ` (${why})`}`, { timeout: 90_000 }, () => {
  const world = realWorld({ level: 'silent' });
  let node: PrivateContainerd;
  let runtime: CriRuntime;
  let api: FakeApi;
  let kubelet: Kubelet;

  const start = async (): Promise<void> => {
    const plain = plainParts(node.paths);
    const resourcesOf: PodParts['cgroups']['resourcesOf'] = (of, container) => containerLimits(of, container, 2 ** 33);
    const parts = { ...plain, cgroups: { ...plain.cgroups, resourcesOf, create: async (of: Pod) => `${node.cgroup}/pod${of.metadata.uid}` } };
    runtime = await createCriRuntime({ world, commands: node.commands, socket: node.paths.containerd.socket, paths: node.paths, parts });
    kubelet = startKubelet({ world, id: 'k', client: api.client('node:n1'), runtime, node: { name: 'n1', ip: '172.30.0.2', podCIDR: '10.244.9.0/24' } });
    await kubelet.ready;
  };
  beforeAll(async () => {
    node = await privateContainerd({ world, config: (paths, cniPlugins) => containerdConfig({ paths, cniPlugins, pauseImage: PAUSE_IMAGE }) });
    api = fakeApi(world);
    await start();
    await loadBusybox(runtime, APPLETS);
  }, 90_000);
  afterAll(async () => {
    try {
      await kubelet.stop();
    } finally {
      await node.stop();
    }
  }, 60_000);
  afterEach(async () => {
    for (const pod of api.objects<Pod>(pods)) await api.client().delete(pods, pod.metadata.name!, 'default', { gracePeriodSeconds: 0 }).catch(() => undefined);
    await until(() => api.objects<Pod>(pods).length === 0 && runtime.runs.sandboxes.size === 0 && runtime.runs.containers.size === 0, 'all is gone');
  });
  async function until(is: () => unknown, what: string): Promise<void> {
    const deadline = world.clock.now() + 60_000;
    while (!is()) {
      if (world.clock.now() > deadline) throw new Error(`not in time: ${what}; ${JSON.stringify(api.objects<Pod>(pods).map((pod) => pod.status))} ${api.objects<Event>(events).slice(-8).map((e) => `${e.reason}: ${e.message}`).join('; ')}`);
      await new Promise((resolve) => world.clock.setTimeout(() => resolve(undefined), 20));
    }
  }
  const sh = (script: string, extra: Partial<Container> = {}): Container => ({ name: 'm', image: IMAGE, command: ['sh', '-c', script], ...extra });
  const run = (name: string, spec: Partial<PodSpec>): Promise<Pod> =>
    api.client().create<Pod>(pods, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: 'default' },
      spec: { nodeName: 'n1', restartPolicy: 'Always', terminationGracePeriodSeconds: 1, containers: [sh('sleep 1000')], ...spec },
    });
  const pod = (name: string): Pod | undefined => api.object<Pod>(pods, `default/${name}`);
  const status = (name: string, container = 'm') =>
    [...(pod(name)?.status?.containerStatuses ?? []), ...(pod(name)?.status?.initContainerStatuses ?? []), ...(pod(name)?.status?.ephemeralContainerStatuses ?? [])].find((s) => s.name === container);
  const told = (name: string): string[] => api.objects<Event>(events).filter((e) => e.involvedObject.name === name).map((e) => `${e.reason}: ${e.message}`);
  const running = (name: string) => until(() => pod(name)?.status?.phase === 'Running', `${name} runs`);

  it('run, have an address, and say what the runtime says of them', async () => {
    await run('a', { containers: [sh('echo $(WHO); sleep 1000', { env: [{ name: 'WHO', value: 'me' }] })] });
    await running('a');
    expect(pod('a')!.status!.podIP).toMatch(/^10\.244\.9\.\d+$/);
    expect(status('a')).toMatchObject({ image: IMAGE, imageID: expect.stringMatching(/^sha256:/), restartCount: 0, ready: true });
    expect(told('a')).toEqual([
      `Pulled: Container image "${IMAGE}" already present on machine and can be accessed by the pod`,
      'Created: Container created',
      'Started: Container started',
    ]);
    const log = join(node.paths.logs, `default_a_${pod('a')!.metadata.uid}`, 'm', '0.log');
    await until(() => readFileSync(log, 'utf8').includes(' stdout F me'), 'the log');
    const link = join(node.paths.containerLogs, `a_default_m-${status('a')!.containerID!.replace('containerd://', '')}.log`);
    expect(readlinkSync(link)).toBe(log);
  });
  it('end as their programs do: codes, last words of file and log, back-off', async () => {
    await run('b', {
      restartPolicy: 'Never',
      containers: [
        sh('exit 3', { name: 'code' }),
        sh('echo one; echo two; exit 1', { name: 'log', terminationMessagePolicy: 'FallbackToLogsOnError' }),
        sh('true', { name: 'fine' }),
        { name: 'missing', image: IMAGE, command: ['/nowhere'] },
      ],
    });
    await run('c', { containers: [sh('exit 1')] });
    await until(() => pod('b')?.status?.phase === 'Failed', 'b ends');
    expect(status('b', 'code')!.state!.terminated).toMatchObject({ exitCode: 3, reason: 'Error' });
    expect(status('b', 'log')!.state!.terminated).toMatchObject({ exitCode: 1, message: 'one\ntwo\n' });
    expect(status('b', 'fine')!.state!.terminated).toMatchObject({ exitCode: 0, reason: 'Completed' });
    await until(() => status('b', 'missing')?.state?.terminated, 'a program that is not there');
    expect(status('b', 'missing')!.state!.terminated).toMatchObject({ exitCode: 128, reason: 'StartError' });
    await until(() => status('c')?.state?.waiting?.reason === 'CrashLoopBackOff', 'c backs off');
    expect(status('c')!.lastState!.terminated).toMatchObject({ exitCode: 1 });
    expect(status('c')!.restartCount).toBe(1);
  });
  it('begin anew in another sandbox where theirs dies', async () => {
    await run('d', { initContainers: [sh('true', { name: 'i' })] });
    await running('d');
    const [before] = [...runtime.runs.sandboxes.values()];
    await node.commands.must('ctr', ['--address', node.paths.containerd.socket, '-n', 'k8s.io', 'task', 'kill', '-s', 'SIGKILL', before!.id]);
    await until(() => status('d')?.restartCount === 1 && status('d')?.state?.running, 'd runs again');
    const now = runtime.runs.sandboxesOf(pod('d')!.metadata.uid!).at(-1)!;
    expect(now).toMatchObject({ attempt: 1, ready: true });
    expect(status('d', 'i')).toMatchObject({ restartCount: 1, state: { terminated: { exitCode: 0 } } });
    expect(told('d')).toContain('SandboxChanged: Pod sandbox changed, it will be killed and re-created.');
  });
  it('go on while containerd is killed, and are watched again when it is back', async () => {
    await run('e', { restartPolicy: 'Never', containers: [sh('sleep 3; exit 7')] });
    await running('e');
    await node.kill();
    await until(() => pod('e')?.status?.phase === 'Failed', 'e ends');
    expect(status('e')!.state!.terminated).toMatchObject({ exitCode: 7 });
    expect(status('e')!.restartCount).toBe(0);
  });
  it('are taken up by the next kubelet: who runs goes on, who ended meanwhile is told of, who is gone is ended', async () => {
    await run('f', {});
    await run('g', { restartPolicy: 'Never', containers: [sh('sleep 1; exit 5')] });
    await run('h', {});
    for (const name of ['f', 'g', 'h']) await running(name);
    const ids = new Map(['f', 'h'].map((name) => [name, status(name)!.containerID]));
    const orphan = pod('h')!.metadata.uid!;
    await kubelet.stop();
    await api.client().delete(pods, 'h', 'default', { gracePeriodSeconds: 0 });
    await new Promise((resolve) => world.clock.setTimeout(() => resolve(undefined), 1_500));
    await start();
    await until(() => pod('g')?.status?.phase === 'Failed', 'g is told of');
    expect(status('g')!.state!.terminated).toMatchObject({ exitCode: 5 });
    await until(() => runtime.runs.sandboxesOf(orphan).length === 0, 'the orphan is gone');
    expect(pod('f')!.status!.phase).toBe('Running');
    expect(status('f')).toMatchObject({ containerID: ids.get('f'), restartCount: 0, ready: true });
  });
  it('are held to what they may use, also to what that is changed to, and say whom the kernel ended', async () => {
    const limited = (memory: string): Container => sh('sleep 1000', { resources: { limits: { memory }, requests: { memory } } });
    await run('k', { containers: [limited('32Mi')] });
    await run('l', { restartPolicy: 'Never', containers: [sh('tail /dev/zero', { resources: { limits: { memory: '16Mi' } } })] });
    await running('k');
    const group = `${node.cgroup}/pod${pod('k')!.metadata.uid}/${status('k')!.containerID!.replace('containerd://', '')}`;
    const limit = (): number => Number(readFileSync(existsSync('/sys/fs/cgroup/memory') ? `/sys/fs/cgroup/memory${group}/memory.limit_in_bytes` : `/sys/fs/cgroup${group}/memory.max`, 'utf8'));
    expect(limit()).toBe(32 * 1024 * 1024);
    const latest = pod('k')!;
    await api.client().update<Pod>(pods, { ...latest, spec: { ...latest.spec!, containers: [limited('64Mi')] } });
    await until(() => told('k').some((text) => text.startsWith('ResizeCompleted')), 'the resize');
    expect(limit()).toBe(64 * 1024 * 1024);
    await until(() => pod('l')?.status?.phase === 'Failed', 'the end of who takes too much');
    expect(status('l')!.state!.terminated).toMatchObject({ exitCode: 137, reason: 'OOMKilled' });
    await until(() => status('k')?.resources?.limits?.['memory'] === '64Mi', 'it is told');
    expect(status('k')!.restartCount).toBe(0);
  });
  it('take up ephemeral containers, which see the processes of their target', async () => {
    await run('j', {});
    await running('j');
    const latest = pod('j')!;
    const ephemeral = { ...sh('ps; sleep 1000', { name: 'debug' }), targetContainerName: 'm' };
    await api.client().update<Pod>(pods, { ...latest, spec: { ...latest.spec!, ephemeralContainers: [ephemeral] } });
    await until(() => status('j', 'debug')?.state?.running, 'the ephemeral container');
    const log = runtime.containerStatus(status('j', 'debug')!.containerID!.replace('containerd://', ''))!.details!.logPath;
    await until(() => readFileSync(log, 'utf8').includes('sh -c ps'), 'its log');
    expect(await readFile(log, 'utf8')).toMatch(/F +1 0 +sleep 1000\n/);
  });
}); // prettier-ignore
