import { delay, type World } from '../../../bus/world.ts';
import type { Container, ContainerStatus, Pod, Probe } from '../../../schemas/generated/core-v1.ts';
import { parseTime } from '../../../schemas/meta/time.ts';
import { RuntimeError, type ContainerRuntime, type ContainerStreaming, type Image } from '../interface.ts'; // prettier-ignore
import { AddressPool } from './addresses.ts';
import { createCommands } from './commands.ts';
import { createLife, MOST_MS, type SimContainer, type SimSandbox } from './life.ts';
import { logLines, since } from './log-lines.ts';
import { fullName } from '../image-name.ts';
import { findImage, inventImage } from './images.ts';
import { probeFailure } from './probe-output.ts';
import { scriptOf } from './script.ts';
import { Connections } from './listeners.ts';
import { simulatedStreaming } from './streaming.ts';
import { Usage } from './usage.ts';

/**
 * Runs containers that are only timers, as their pod's script says (see script.ts). All state is what the API must be
 * told; one process holds hundreds of these.
 */
export function createSimulatedRuntime(world: World): ContainerRuntime {
  const { clock } = world;
  const sandboxes = new Map<string, SimSandbox>();
  const containers = new Map<string, SimContainer>();
  const byPod = new Map<string, string[]>();
  const images = new Map<string, Image>();
  const pulls = new Map<string, number>();
  const listeners = new Set<(id: string) => void>();
  let addresses = new AddressPool('10.244.0.0/24');
  const commands = createCommands(world);
  const connections = new Connections();
  const usage = new Usage();
  let streaming: ContainerStreaming | undefined;
  const { begin, end, exit, stopTimers } = createLife({
    clock,
    commands,
    connections,
    ended: (id) => {
      for (const listener of listeners) listener(id);
    },
  });
  const newId = (): string => `${world.ids.uuid()}${world.ids.uuid()}`.replaceAll('-', '');

  function add(sandbox: SimSandbox, pod: Pod, container: Container, attempt: number, id: string): SimContainer {
    const script = scriptOf(pod).of(container);
    const created: SimContainer = {
      id,
      sandbox: sandbox.id,
      podUid: sandbox.podUid,
      pod,
      container,
      script,
      course: undefined,
      run: script.runs[Math.min(attempt, script.runs.length - 1)]!,
      podIP: sandbox.ip,
      status: { id, state: 'created', startedAt: 0, finishedAt: 0, exitCode: 0, reason: '', message: '' },
      timers: [],
      ended: Promise.withResolvers<void>(),
      probed: { startup: 0, readiness: 0, liveness: 0 },
    };
    containers.set(id, created);
    sandbox.containers.add(id);
    const ids = byPod.get(sandbox.podUid);
    if (ids === undefined) byPod.set(sandbox.podUid, [id]);
    else ids.push(id);
    return created;
  }
  function newSandbox(pod: Pod, ip: string | undefined): SimSandbox {
    const sandbox: SimSandbox = { id: newId(), ip, podUid: pod.metadata.uid ?? '', containers: new Set() };
    sandboxes.set(sandbox.id, sandbox);
    return sandbox;
  }
  function forget(id: string): void {
    const c = containers.get(id);
    if (c === undefined) return;
    exit(c, 137, 'Error');
    commands.forget(id);
    usage.forget(id);
    containers.delete(id);
    sandboxes.get(c.sandbox)?.containers.delete(id);
    const left = byPod.get(c.podUid)?.filter((other) => other !== id) ?? [];
    if (left.length === 0) byPod.delete(c.podUid);
    else byPod.set(c.podUid, left);
  }
  /** Whether a probe goes well that no script says anything about. */
  function answers(c: SimContainer, { exec, timeoutSeconds = 1 }: Probe): boolean {
    const course = exec?.command && commands.course(exec.command, c, c.course !== undefined);
    if (!course) return true;
    for (const write of course.writes) commands.write(c, write);
    return course.exitCode === 0 && (course.exitAfterMs ?? Infinity) <= timeoutSeconds * 1_000;
  }
  const need = (id: string): SimContainer => {
    const c = containers.get(id);
    if (c === undefined) throw new RuntimeError('ContainerNotFound', `container "${id}" not found`);
    return c;
  };

  return {
    name: 'containerd',
    version: '2.2.1',
    reachable: false,
    setPodCIDR(cidr) {
      addresses = new AddressPool(cidr);
      for (const { ip } of sandboxes.values()) if (ip !== undefined) addresses.claim(ip);
    },
    async runPodSandbox(pod, signal) {
      const { sandbox } = scriptOf(pod, (problem) =>
        world.log.warn('simulation script ignored', { pod: pod.metadata.name, problem }),
      );
      if (sandbox.delayMs > 0) await delay(clock, sandbox.delayMs, signal);
      signal.throwIfAborted();
      if (sandbox.error !== undefined) throw new RuntimeError('CreatePodSandboxError', sandbox.error);
      const ip = pod.spec?.hostNetwork === true ? undefined : addresses.take();
      if (ip === undefined && pod.spec?.hostNetwork !== true)
        throw new RuntimeError('CreatePodSandboxError', 'no addresses left in the range of the node');
      return newSandbox(pod, ip);
    },
    async stopPodSandbox(id) {
      const sandbox = sandboxes.get(id);
      if (sandbox === undefined) return;
      for (const c of sandbox.containers) exit(containers.get(c)!, 137, 'Error');
      if (sandbox.ip !== undefined) addresses.release(sandbox.ip);
      sandbox.ip = undefined;
    },
    async removePodSandbox(id) {
      const sandbox = sandboxes.get(id);
      if (sandbox === undefined) return;
      for (const c of sandbox.containers) forget(c);
      if (sandbox.ip !== undefined) addresses.release(sandbox.ip);
      sandboxes.delete(id);
      commands.forget(sandbox.podUid);
      for (const key of pulls.keys()) if (key.startsWith(`${sandbox.podUid}/`)) pulls.delete(key);
    },
    imageStatus: (image) => images.get(fullName(image)),
    async pullImage(image, pod, container, signal) {
      const name = fullName(image);
      const { pull } = scriptOf(pod).of(container);
      if (pull.delayMs > 0) await delay(clock, pull.delayMs, signal);
      signal.throwIfAborted();
      const key = `${pod.metadata.uid}/${container.name}`;
      const failed = pulls.get(key) ?? 0;
      if (pull.error !== undefined && failed < pull.failures) {
        pulls.set(key, failed + 1);
        throw new RuntimeError('ErrImagePull', pull.error);
      }
      findImage(name);
      const known = images.get(name) ?? inventImage(name);
      images.set(name, known);
      return known;
    },
    images: () => [...images.values()],
    async loadImages(archive, { names }) {
      // What is in it does not matter here, but it is to have come.
      for await (const _ of archive);
      const full = names.map(fullName);
      for (const name of full) images.set(name, inventImage(name));
      return full;
    },
    async createContainer(sandboxId, { pod, container, attempt }) {
      const sandbox = sandboxes.get(sandboxId);
      if (sandbox === undefined) throw new RuntimeError('CreateContainerError', `sandbox "${sandboxId}" not found`);
      return add(sandbox, pod, container, attempt, newId()).id;
    },
    async startContainer(id, signal) {
      const c = need(id);
      if (c.script.startDelayMs > 0) await delay(clock, c.script.startDelayMs, signal);
      signal.throwIfAborted();
      if (c.script.startError !== undefined) {
        exit(c, 128, 'StartError', c.script.startError);
        throw new RuntimeError('RunContainerError', c.script.startError);
      }
      begin(c, clock.now());
    },
    async stopContainer(id, graceSeconds) {
      const c = containers.get(id);
      if (c === undefined || c.status.state === 'exited') return;
      if (c.status.state === 'created') return exit(c, 137, 'Error');
      stopTimers(c);
      const told = c.course?.onTerm?.();
      // A shell without a handler would wait to be killed; nobody should have to wait for that here.
      const exitCode = told?.exitCode ?? (c.course ? 143 : 0);
      const wait = told ? (told.exitAfterMs ?? Infinity) : c.script.ignoresTerm ? Infinity : c.script.stopAfterMs;
      const graceMs = graceSeconds * 1_000;
      const isKilled = wait > graceMs;
      const last = (): void => (isKilled ? exit(c, 137, 'Error') : end(c, { exitCode }));
      if (Math.min(wait, graceMs) <= 0) last();
      else c.timers.push(clock.setTimeout(last, Math.min(wait, graceMs)));
      await c.ended.promise;
    },
    async removeContainer(id) {
      forget(id);
    },
    containerStatus: (id) => containers.get(id)?.status,
    usage: (id, pod) => {
      const c = containers.get(id);
      if (c?.status.state !== 'running') return undefined;
      return usage.read(id, pod, c.container, c.status.startedAt, clock.now());
    },
    containersOf: (podUid) => byPod.get(podUid) ?? [],
    onExit(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    async runHook(id, kind, hook, signal) {
      const c = need(id);
      const argv = hook.exec?.command;
      const course = argv && commands.course(argv, c, c.course !== undefined);
      const own = kind === 'preStop' && c.script.preStopMs > 0 ? c.script.preStopMs : (course?.exitAfterMs ?? 0);
      const ms = hook.sleep !== undefined ? hook.sleep.seconds * 1_000 : own;
      if (ms > 0) await delay(clock, Math.min(ms, MOST_MS), signal);
      signal.throwIfAborted();
      for (const write of course?.writes ?? []) commands.write(c, write);
      if (kind === 'preStop') return;
      const failure = course?.exitCode ? `command '${argv!.join(' ')}' exited with ${course.exitCode}: ` : undefined;
      const why = c.script.postStart ?? failure;
      if (why !== undefined) throw new RuntimeError('PostStartHookError', why);
    },
    async probe(id, kind, probe, signal) {
      signal.throwIfAborted();
      const c = need(id);
      const results = c.script.probes[kind];
      const success = results[Math.min(c.probed[kind]++, results.length - 1)] ?? answers(c, probe);
      return { success, output: success ? '' : probeFailure(probe, c.podIP ?? '127.0.0.1') };
    },
    adopt(pod) {
      const statuses = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
      const running = statuses.filter((s) => s.state?.running !== undefined && s.containerID);
      if (running.length === 0) return undefined;
      const podIP = pod.spec?.hostNetwork === true ? undefined : pod.status?.podIP;
      if (podIP !== undefined) addresses.claim(podIP);
      const sandbox = newSandbox(pod, podIP);
      const specs = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
      for (const status of running) {
        const container = specs.find((spec) => spec.name === status.name);
        if (container === undefined) continue;
        learnImage(images, status);
        const c = add(sandbox, pod, container, status.restartCount, idOf(status.containerID!));
        begin(c, parseTime(status.state!.running!.startedAt ?? '') ?? clock.now());
      }
      return sandbox;
    },
    logs: (id, options) => logLines(clock, () => need(id), options),
    listener: (podUid, port) =>
      connections.listener(
        (byPod.get(podUid) ?? []).flatMap((id) => containers.get(id) ?? []),
        port,
      ),
    get streaming() {
      return (streaming ??= simulatedStreaming({
        clock,
        course: (id, argv) => commands.course(argv, need(id), need(id).course !== undefined),
        begin: (id, { writes }) => {
          const c = need(id);
          for (const write of writes)
            if (write.atMs === 0) commands.write(c, write);
            else c.timers.push(clock.setTimeout(() => commands.write(c, write), write.atMs));
        },
        ended: (id) => need(id).ended.promise,
        lines: (id, signal) => since(clock.now(), this.logs(id, { follow: true, signal })),
        listener: this.listener!,
      }));
    },
    close() {
      listeners.clear();
      for (const c of containers.values()) stopTimers(c);
    },
  };
}
const idOf = (containerID: string): string => containerID.slice(containerID.indexOf('://') + 3);
function learnImage(images: Map<string, Image>, status: ContainerStatus): void {
  if (status.image && !images.has(status.image)) images.set(status.image, inventImage(status.image));
}
