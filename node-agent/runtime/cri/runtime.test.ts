import { mkdtemp, readdir, readlink, rm, writeFile, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { realWorld } from '../../../bus/real-world.ts';
import type { Container, Pod } from '../../../schemas/generated/core-v1.ts';
import { nodePaths, type NodePaths } from '../../host/paths.ts';
import type { Commands } from '../../host/commands.ts';
import { containerHash } from './labels.ts';
import { plainParts } from './plain-parts.ts';
import { createCriRuntime, type CriRuntime } from './runtime.ts';
import { FakeCri, Refusal } from './testing/fake-cri.ts';

const world = realWorld({ level: 'silent' });
const MAIN: Container = { name: 'm', image: 'app:1' };
const podOf = (uid: string, containers: Container[] = [MAIN], spec: object = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: uid, namespace: 'd', uid, labels: { app: 'x' } },
  spec: { containers, ...spec },
});
const { signal } = new AbortController();

describe('a runtime that speaks the CRI', () => {
  let fake: FakeCri;
  let paths: NodePaths;
  let runtime: CriRuntime;
  const open = async (): Promise<CriRuntime> => {
    const parts = plainParts(paths);
    return (runtime = await createCriRuntime({ world, commands: {} as Commands, socket: fake.socket, paths, parts, patienceMs: 3_000 }));
  };
  beforeEach(async () => {
    fake = new FakeCri();
    fake.images = [{ id: 'sha256:1', repoTags: ['docker.io/library/app:1'], repoDigests: [], size: 7, username: '' }];
    paths = nodePaths(await mkdtemp(join(tmpdir(), 'cri-')));
  });
  afterEach(async () => {
    runtime?.close();
    fake.stop();
    await rm(paths.root, { recursive: true, force: true });
  });
  const until = async (is: () => unknown): Promise<void> => {
    for (let i = 0; i < 500; i++) {
      if (is()) return;
      await new Promise((resolve) => world.clock.setTimeout(() => resolve(undefined), 10));
    }
    throw new Error('not in time');
  };
  const exits = (): string[] => {
    const told: string[] = [];
    runtime.onExit((id) => told.push(id));
    return told;
  };
  const begin = async (pod: Pod, attempt = 0): Promise<{ sandbox: string; id: string }> => {
    const { id: sandbox } = await runtime.runPodSandbox(pod, signal);
    const id = await runtime.createContainer(sandbox, { pod, container: MAIN, attempt }, signal);
    await runtime.startContainer(id, signal);
    return { sandbox, id };
  };

  it('waits for one that does not answer yet, and says when it has waited long enough', async () => {
    const opening = open();
    await new Promise((resolve) => world.clock.setTimeout(() => resolve(undefined), 100));
    await fake.start();
    expect((await opening).name).toBe('fake');
    fake.halt();
    const parts = plainParts(paths);
    const late = createCriRuntime({ world, commands: {} as Commands, socket: fake.socket, paths, parts, patienceMs: 50 });
    await expect(late).rejects.toMatchObject({ name: 'GrpcError', code: 'Unavailable' });
  });
  it('asks for sandboxes and containers as a kubelet does', async () => {
    await fake.start();
    await open();
    const container: Container = {
      ...MAIN,
      command: ['run', '$(A)', '$$(A)'],
      env: [{ name: 'A', value: 'b' }],
      ports: [{ containerPort: 80, hostPort: 8080 }, { containerPort: 80, hostPort: 8080 }],
      terminationMessagePath: '/dev/termination-log',
      tty: true,
    };
    const pod = podOf('u', [container], { terminationGracePeriodSeconds: 7, shareProcessNamespace: true });
    const { id: sandbox, ip } = await runtime.runPodSandbox(pod, signal);
    expect(ip).toBe('10.0.0.1');
    await runtime.createContainer(sandbox, { pod, container, attempt: 2 }, signal);
    const [asked] = fake.sandboxes.values();
    expect(asked!.config).toMatchObject({
      metadata: { name: 'u', namespace: 'd', uid: 'u', attempt: 0 },
      hostname: 'u',
      logDirectory: join(paths.logs, 'd_u_u'),
      portMappings: [{ containerPort: 80, hostPort: 8080, protocol: 0 }],
      labels: { app: 'x', 'io.kubernetes.pod.name': 'u', 'io.kubernetes.pod.namespace': 'd', 'io.kubernetes.pod.uid': 'u' },
      linux: { securityContext: { namespaceOptions: { pid: 0 } } },
    });
    const [made] = fake.containers.values();
    expect(made!.config).toMatchObject({
      metadata: { name: 'm', attempt: 2 },
      image: { image: 'sha256:1', userSpecifiedImage: 'app:1' },
      command: ['run', 'b', '$(A)'],
      logPath: 'm/2.log',
      tty: true,
      labels: { 'io.kubernetes.container.name': 'm' },
      annotations: {
        'io.kubernetes.container.hash': containerHash(container),
        'io.kubernetes.container.restartCount': '2',
        'io.kubernetes.container.terminationMessagePath': '/dev/termination-log',
        'io.kubernetes.pod.terminationGracePeriod': '7',
      },
    });
    expect(await readdir(join(paths.logs, 'd_u_u'))).toEqual(['m']);
  });
  it('tells containers apart as upstream does', () => {
    expect(containerHash({ name: 'test_container', image: 'foo/image:v1' })).toBe('8e45cbd0');
  });
  it.each(['nothing', 'cri', 'containerd'] as const)('hears of each end once, where the runtime tells by %s', async (tells) => {
    fake.tells = tells;
    await fake.start();
    await open();
    if (tells !== 'nothing') await until(() => fake.listeners > 0);
    const told = exits();
    const { id } = await begin(podOf('u'));
    expect(runtime.containerStatus(id)).toMatchObject({ state: 'running', startedAt: 1.7e12 });
    fake.exit(id, 3);
    await until(() => told.length > 0);
    expect(runtime.containerStatus(id)).toMatchObject({ state: 'exited', exitCode: 3, reason: 'Error', startedAt: 1.7e12, finishedAt: 1.7e12 + 5_000 });
    fake.tell(id);
    await runtime.runs.look();
    expect(told).toEqual([id]);
  });
  it('looks again where the runtime speaks before it knows', async () => {
    fake.tells = 'containerd';
    await fake.start();
    await open();
    await until(() => fake.listeners > 0);
    const { id } = await begin(podOf('u'));
    const told = exits();
    fake.tell(id);
    const before = fake.calls.length;
    await until(() => fake.calls.slice(before).filter((name) => name === 'ContainerStatus').length >= 2);
    fake.exit(id, 0, { tell: false });
    await until(() => told.length > 0);
  });
  it('knows what was there before it, and what ends while it cannot ask', async () => {
    await fake.start();
    await open();
    const { sandbox, id } = await begin(podOf('u'));
    runtime.close();
    await open();
    expect(runtime.adopt(podOf('u'))).toEqual({ id: sandbox, ip: '10.0.0.1', ips: ['10.0.0.1'], isDead: false });
    expect(runtime.containersOf('u')).toEqual([id]);
    const told = exits();
    fake.halt();
    fake.exit(id, 9, { tell: false });
    await fake.start();
    await until(() => told.includes(id));
    expect(runtime.containerStatus(id)).toMatchObject({ exitCode: 9 });
  });
  it('tells of a container that vanished as of one that ended, and of a sandbox that died', async () => {
    await fake.start();
    await open();
    const { sandbox, id } = await begin(podOf('u'));
    const told = exits();
    const died: string[] = [];
    runtime.onSandboxChange!((uid) => died.push(uid));
    fake.containers.delete(id);
    fake.sandboxes.get(sandbox)!.ready = false;
    await runtime.runs.look();
    expect({ told, died }).toEqual({ told: [id], died: ['u'] });
    expect(runtime.adopt(podOf('u'))).toMatchObject({ isDead: true });
    expect(runtime.containerStatus(id)).toBeUndefined();
  });
  it('does not tell of sandboxes that it stops itself; the next one of the pod has the next number', async () => {
    await fake.start();
    await open();
    const { sandbox, id } = await begin(podOf('u'));
    const died: string[] = [];
    runtime.onSandboxChange!((uid) => died.push(uid));
    await runtime.stopPodSandbox(sandbox);
    expect(runtime.containerStatus(id)).toMatchObject({ state: 'exited', exitCode: 137 });
    const next = await runtime.runPodSandbox(podOf('u'), signal);
    expect(fake.sandboxes.get(next.id)!.config.metadata.attempt).toBe(1);
    await runtime.removePod!('u');
    expect([fake.sandboxes.size, runtime.containersOf('u').length, died.length]).toEqual([0, 0, 0]);
    expect(await readdir(paths.logs)).toEqual([]);
  });
  it('ends what belongs to pods that nobody knows', async () => {
    await fake.start();
    await open();
    await begin(podOf('u'));
    await begin(podOf('v'));
    await runtime.sweep!((uid) => uid === 'u');
    expect([...fake.sandboxes.values()].map((s) => s.config.metadata.uid)).toEqual(['u']);
  });
  it('removes the logs of a run with it, those that were rotated too', async () => {
    await fake.start();
    await open();
    const { id } = await begin(podOf('u'));
    const folder = join(paths.logs, 'd_u_u', 'm');
    for (const name of ['0.log', '0.log.20260101-000000.gz', '1.log', '10.log']) await writeFile(join(folder, name), '');
    Object.assign(runtime.containerStatus(id)!.details!, { logPath: join(folder, '0.log') });
    await runtime.removeContainer(id);
    expect(await readdir(folder)).toEqual(['1.log', '10.log']);
  });
  it('links the log of each run where agents look for it, until the run or its sandbox goes', async () => {
    await fake.start();
    await open();
    await mkdir(join(paths.root, 'run'));
    const logPath = join(paths.root, 'run', '0.log');
    await writeFile(logPath, '');
    fake.instead.set('ContainerStatus', ({ containerId: id }) => ({ status: { id, state: 1, logPath, labels: { 'io.kubernetes.container.name': 'm' }, annotations: {}, mounts: [] } }));
    const [one, two] = [await begin(podOf('u')), await begin(podOf('v'))];
    const links = [`u_d_m-${one.id}.log`, `v_d_m-${two.id}.log`];
    expect([await readdir(paths.containerLogs), await readlink(join(paths.containerLogs, links[0]!))]).toEqual([links, logPath]);
    await runtime.removeContainer(one.id);
    expect(await readdir(paths.containerLogs)).toEqual(links.slice(1));
    await writeFile(logPath, '');
    await runtime.removePod!('v');
    expect(await readdir(paths.containerLogs)).toEqual([]);
  });
  it('has last words: of the file, of the log where the policy says so, and neither where there is none', async () => {
    await fake.start();
    await open();
    await mkdir(join(paths.root, 'words'));
    const said = async (text: string | undefined, o: { policy?: string; exitCode?: number; log?: string }): Promise<string> => {
      const hostPath = join(paths.root, 'words', 'message');
      const logPath = join(paths.root, 'words', 'log');
      await rm(hostPath, { force: true });
      if (text !== undefined) await writeFile(hostPath, text);
      await writeFile(logPath, o.log ?? '');
      const { id } = await begin(podOf('u'));
      fake.instead.set('ContainerStatus', () => ({
        status: {
          id, state: 2, exitCode: o.exitCode ?? 1, reason: 'Error', logPath, labels: {},
          annotations: { 'io.kubernetes.container.terminationMessagePath': '/dev/m', 'io.kubernetes.container.terminationMessagePolicy': o.policy ?? 'File' },
          mounts: [{ containerPath: '/dev/m', hostPath }],
        },
      }));
      await runtime.runs.refresh(id);
      fake.instead.clear();
      return runtime.containerStatus(id)!.message;
    };
    const line = (text: string, tag = 'F') => `2026-01-01T00:00:00.000000000Z stdout ${tag} ${text}\n`;
    const policy = 'FallbackToLogsOnError';
    expect(await said('ä'.repeat(3_000), {})).toBe('ä'.repeat(2_048));
    expect(await said('', { log: line('no') })).toBe('');
    expect(await said(undefined, { policy, log: line('a', 'P') + line('b') + line('c') })).toBe('ab\nc\n');
    expect(await said('own', { policy, log: line('no') })).toBe('own');
    expect(await said('', { policy, exitCode: 0, log: line('no') })).toBe('');
    const many = Array.from({ length: 200 }, (_, i) => line(`line ${i}`)).join('');
    expect(await said('', { policy, log: many })).toBe(Array.from({ length: 80 }, (_, i) => `line ${i + 120}\n`).join(''));
    expect((await said('', { policy, log: line('x'.repeat(5_000)) })).length).toBe(2_048);
    expect(await said('', { policy, log: 'what is this\n' })).toBe('');
  });
  it('says what failed in the runtime’s words, with the reason that the pod shows', async () => {
    await fake.start();
    await open();
    const pod = podOf('u');
    const refuse = (name: string, code: number, text: string) => fake.instead.set(name, () => { throw new Refusal(code, text); });
    refuse('RunPodSandbox', 2, 'no network');
    await expect(runtime.runPodSandbox(pod, signal)).rejects.toMatchObject({ reason: 'CreatePodSandboxError', message: 'rpc error: code = Unknown desc = no network' });
    fake.instead.clear();
    const { id: sandbox } = await runtime.runPodSandbox(pod, signal);
    refuse('CreateContainer', 2, 'no such file');
    const config = { pod, container: MAIN, attempt: 0 };
    await expect(runtime.createContainer(sandbox, config, signal)).rejects.toMatchObject({ reason: 'CreateContainerError', message: 'no such file' });
    fake.instead.clear();
    const id = await runtime.createContainer(sandbox, config, signal);
    fake.instead.set('StartContainer', () => {
      fake.exit(id, 128, { reason: 'StartError', message: 'exec: "x": not found' });
      throw new Refusal(2, 'exec: "x": not found');
    });
    await expect(runtime.startContainer(id, signal)).rejects.toMatchObject({ reason: 'RunContainerError', message: 'exec: "x": not found' });
    expect(runtime.containerStatus(id)).toMatchObject({ state: 'exited', exitCode: 128, reason: 'StartError', message: 'exec: "x": not found' });
    await expect(runtime.createContainer('gone', config, signal)).rejects.toMatchObject({ reason: 'CreateContainerError' });
  });
  it('gives up when it is told to, and leaves no sandbox behind', async () => {
    await fake.start();
    await open();
    const abort = new AbortController();
    const release = Promise.withResolvers<void>();
    fake.instead.set('PodSandboxStatus', async (request) => {
      abort.abort(new Error('deleted'));
      release.resolve();
      return { status: { id: request['podSandboxId'], metadata: { uid: 'u' }, state: 0, labels: { 'io.kubernetes.pod.uid': 'u' } } };
    });
    await expect(runtime.runPodSandbox(podOf('u'), abort.signal)).rejects.toThrow('deleted');
    await release.promise;
    expect([fake.sandboxes.size, runtime.runs.sandboxes.size]).toEqual([0, 0]);
    const never = new AbortController();
    fake.instead.set('RunPodSandbox', () => {
      never.abort(new Error('enough'));
      return new Promise<never>(() => undefined);
    });
    await expect(runtime.runPodSandbox(podOf('v'), never.signal)).rejects.toThrow('enough');
  });
  it('sees a start through that nobody waits for any more, and stops what came of it', async () => {
    await fake.start();
    await open();
    const pod = podOf('u');
    const { id: sandbox } = await runtime.runPodSandbox(pod, signal);
    const id = await runtime.createContainer(sandbox, { pod, container: MAIN, attempt: 0 }, signal);
    const deleted = new AbortController();
    const asked: string[] = [];
    const started = Promise.withResolvers<void>();
    const start = fake.instead;
    start.set('StartContainer', async () => {
      asked.push('start');
      await started.promise;
      fake.containers.get(id)!.state = 1;
      asked.push('started');
      return {};
    });
    start.set('StopContainer', () => {
      asked.push('stop');
      fake.exit(id, 143);
      return {};
    });
    const starting = runtime.startContainer(id, deleted.signal);
    await until(() => asked.includes('start'));
    deleted.abort(new Error('deleted'));
    // One that has not begun does not begin.
    await expect(runtime.startContainer('another', deleted.signal)).rejects.toThrow('deleted');
    const stopping = runtime.stopContainer(id, 2);
    started.resolve();
    await expect(starting).rejects.toThrow('deleted');
    await stopping;
    expect(asked).toEqual(['start', 'started', 'stop']);
    expect(runtime.containerStatus(id)).toMatchObject({ state: 'exited', exitCode: 143 });
  });
  it('finds images by every name they have, asks for those it does not know, and says why a pull failed', async () => {
    await fake.start();
    await open();
    expect(runtime.imageStatus('app:1')).toEqual({ id: 'sha256:1', name: 'docker.io/library/app:1', sizeBytes: 7 });
    expect(runtime.imageStatus('other')).toBeUndefined();
    expect(() => runtime.imageStatus('No Such Name')).toThrow(expect.objectContaining({ reason: 'InvalidImageName' }));
    fake.images.push({ id: 'sha256:2', repoTags: ['r.example/other:latest'], repoDigests: ['r.example/other@sha256:22'], size: 9 });
    expect(await runtime.findImage!('r.example/other')).toEqual({ id: 'r.example/other@sha256:22', name: 'r.example/other:latest', sizeBytes: 9 });
    expect(runtime.imageStatus('r.example/other')).toMatchObject({ sizeBytes: 9 });
    expect(runtime.images()).toHaveLength(2);
    fake.instead.set('PullImage', () => { throw new Refusal(5, 'failed to resolve reference "docker.io/library/none:latest"'); });
    const pulling = (): Promise<unknown> => runtime.pullImage('none', podOf('u'), MAIN, signal);
    await expect(pulling()).rejects.toMatchObject({ reason: 'ErrImagePull', message: 'rpc error: code = NotFound desc = failed to resolve reference "docker.io/library/none:latest"' });
    fake.instead.set('PullImage', () => { throw new Refusal(2, 'RegistryUnavailable: it sleeps'); });
    await expect(pulling()).rejects.toMatchObject({ reason: 'RegistryUnavailable', message: 'image pull failed for none because the registry is unavailable: it sleeps' });
  });
}); // prettier-ignore
