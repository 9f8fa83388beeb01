import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { delay, type World } from '../../../bus/world.ts';
import type { LifecycleHandler, Pod, Probe } from '../../../schemas/generated/core-v1.ts';
import { grpcCode, type GrpcError } from '../../grpc/client.ts';
import type { Commands } from '../../host/commands.ts';
import type { NodePaths } from '../../host/paths.ts';
import { RuntimeError, runtimeReason, type ContainerRuntime, type ProbeKind, type ProbeResult, type Sandbox } from '../interface.ts'; // prettier-ignore
import { criStreaming } from '../../streams/cri.ts';
import { abilitiesOf, usersOf } from './abilities.ts';
import { workingSets } from './working-sets.ts';
import { containerConfig, targeting } from './container-config.ts';
import type { Pulls } from '../../kubelet/pull-secrets/pulls.ts';
import { imageOf, Images, userOf } from './images.ts';
import { detachLoopsOf } from './layer.ts';
import { importArchive } from './load.ts';
import { removeLogs } from './log-files.ts';
import { logLinks } from './log-links.ts';
import type { CriSandboxConfig } from './messages.ts';
import type { PodParts } from './parts.ts';
import { Runs, type KnownSandbox } from './runs.ts';
import { podLogFolder, sandboxConfig } from './sandbox-config.ts';
import { readSecurityHost } from './security-host.ts';
import { securityContextOf } from './security.ts';
import { connectCri, type CriService, type RegistryAuth } from './service.ts';

export interface CriRuntimeOptions {
  readonly world: World;
  readonly commands: Commands;
  /** Of the runtime: a unix socket. */
  readonly socket: string;
  readonly paths: NodePaths;
  readonly parts: PodParts;
  /** Whose credentials images are pulled with, and who may use them then. Default: nobody's, everybody. */
  readonly pulls?: Pulls | undefined;
  /** How long to wait for a runtime that does not answer yet, ms. */
  readonly patienceMs?: number | undefined;
}
/** A runtime that speaks the CRI; the service itself is for who streams, counts and collects. */
export interface CriRuntime extends ContainerRuntime {
  readonly cri: CriService;
  readonly runs: Runs;
  /** By its id. Rejects with GrpcError. */
  removeImage(id: string): Promise<void>;
  /** Removes what logs that are gone have left. */
  sweepLogs(): Promise<void>;
}
const PATIENCE_MS = 30_000;
const LOOK_MS = 50;
/** Source: kubelet HandlePodCleanups: what is left of a pod that is gone has a second. */
const ORPHAN_GRACE_SECONDS = 1;

/** Resolves when the runtime answers and what it holds is known. Rejects with GrpcError when it does not in time. */
export async function createCriRuntime(o: CriRuntimeOptions): Promise<CriRuntime> {
  const { world, paths, parts } = o;
  const { clock, log } = world;
  const cri = await connectCri(world, o.socket);
  const version = await answering(world, cri, o.patienceMs ?? PATIENCE_MS);
  const security = await readSecurityHost(paths);
  const runs = new Runs(world, cri);
  const images = new Images(cri);
  await Promise.all([runs.start(), images.load(), ...[paths.logs, paths.containerLogs].map((folder) => mkdir(folder, { recursive: true, mode: 0o755 }))]);
  const links = logLinks(paths, runs, world);
  /** As each sandbox was asked for; containers are made with it. */
  const configs = new Map<string, CriSandboxConfig>();
  /** Starts under way. One that is given up half-way would leave a container that failed. */
  const starts = new Map<string, Promise<unknown>>();

  const handlerOf = async (pod: Pod, signal: AbortSignal): Promise<string> => (await parts.environment.runtimeHandlerOf?.(pod, signal)) ?? '';
  async function configOf(pod: Pod, attempt: number, signal: AbortSignal): Promise<CriSandboxConfig> {
    const users = await usersOf(pod, await handlerOf(pod, signal), parts.users, (handler) => abilitiesOf(cri, handler));
    const cgroupParent = await parts.cgroups.create(pod);
    const { environment } = parts;
    return sandboxConfig(pod, { attempt, hostname: environment.hostnameOf(pod), dns: environment.dnsOf(pod), cgroupParent, logs: paths.logs, users });
  }
  const sandboxOf = (known: KnownSandbox, pod: Pod): Sandbox =>
    pod.spec?.hostNetwork === true ? { id: known.id, ip: undefined } : { id: known.id, ip: known.ips[0], ips: known.ips };
  const detachLoops = (id: string): Promise<void> =>
    detachLoopsOf(o.commands, paths, id).catch((err: unknown) => log.debug('loop devices not looked at', { container: id, err }));
  async function removeContainer(id: string, { keepsLogs = false } = {}): Promise<void> {
    const known = runs.containers.get(id);
    await detachLoops(id);
    await cri.removeContainer(id);
    if (!keepsLogs) await links.remove(id);
    runs.containers.delete(id);
    const path = known?.status.details?.logPath;
    if (path && !keepsLogs) await removeLogs(path);
  }
  async function removeSandbox(id: string): Promise<void> {
    const known = runs.sandboxes.get(id);
    if (known !== undefined) known.ready = false;
    await cri.stopPodSandbox(id);
    for (const c of runs.containers.values()) {
      if (c.sandbox !== id) continue;
      await links.remove(c.id);
      await detachLoops(c.id);
      runs.containers.delete(c.id);
    }
    await cri.removePodSandbox(id);
    runs.sandboxes.delete(id);
    configs.delete(id);
    if (known === undefined || runs.sandboxesOf(known.podUid).length > 0) return;
    const [namespace = '', name = ''] = known.podName.split('/');
    await rm(podLogFolder(paths.logs, { namespace, name, uid: known.podUid }), { recursive: true, force: true });
    await parts.cgroups.remove(known.podUid);
  }
  const shown = (error: unknown): string => (grpcCode(error) === undefined ? (error as Error).message : (error as GrpcError).details);

  return {
    cri,
    runs,
    name: version.runtimeName,
    version: version.runtimeVersion,
    reachable: true,
    setPodCIDR(cidr) {
      void cri.setPodCIDR(cidr).catch((error: unknown) => log.warn('pod range not told to the container runtime', { err: error }));
    },
    async runPodSandbox(pod, signal) {
      const before = runs.sandboxesOf(pod.metadata.uid ?? '').at(-1);
      const config = await configOf(pod, before === undefined ? 0 : before.attempt + 1, signal);
      await mkdir(config.logDirectory, { recursive: true, mode: 0o755 });
      const handler = await handlerOf(pod, signal);
      let id: string;
      try {
        id = await cri.runPodSandbox(config, handler, signal);
      } catch (error) {
        signal.throwIfAborted();
        throw new RuntimeError('CreatePodSandboxError', (error as Error).message, { cause: error });
      }
      configs.set(id, config);
      const known = runs.addSandbox(await cri.sandboxStatus(id));
      if (signal.aborted) await removeSandbox(id);
      signal.throwIfAborted();
      return sandboxOf(known, pod);
    },
    async stopPodSandbox(id) {
      const known = runs.sandboxes.get(id);
      if (known !== undefined) known.ready = false;
      await cri.stopPodSandbox(id);
      await Promise.all([...runs.containers.values()].filter((c) => c.sandbox === id && c.status.state !== 'exited').map((c) => runs.untilExited(c.id)));
    },
    removePodSandbox: removeSandbox,
    imageStatus: (image) => {
      const known = images.known(image);
      return known && imageOf(known);
    },
    async findImage(image) {
      const found = await images.find(image);
      return found && imageOf(found);
    },
    async pullImage(image, pod, _container, signal) {
      const pull = <A extends RegistryAuth>(auths: readonly A[]) => images.pull(image, auths, undefined, signal);
      return imageOf(o.pulls === undefined ? (await pull([])).image : await o.pulls.pull(pod, image, signal, pull));
    },
    async mayUse(image, pod, signal) {
      const known = images.known(image);
      return known === undefined || o.pulls === undefined || o.pulls.mayUse(pod, image, known.id, signal);
    },
    images: () => images.all.map(imageOf),
    removeImage: (id) => images.remove(id),
    sweepLogs: () => links.sweep(),
    async loadImages(archive, _about, signal) {
      const names = await importArchive({ commands: o.commands, paths }, archive, signal);
      await images.load();
      return names;
    },
    async createContainer(sandbox, { pod, container, attempt, target }, signal) {
      const known = runs.sandboxes.get(sandbox);
      if (known === undefined) throw new RuntimeError('CreateContainerError', `sandbox "${sandbox}" not found`);
      const sandboxConfig = configs.get(sandbox) ?? (await configOf(pod, known.attempt, signal));
      configs.set(sandbox, sandboxConfig);
      const image = images.known(container.image ?? '');
      const [users] = sandboxConfig.linux.securityContext.namespaceOptions?.usernsOptions?.uids ?? [];
      const ips = sandboxOf(known, pod).ips ?? [];
      const [variables, mounts, files] = await Promise.all([
        parts.environment.variablesOf(pod, container, ips, signal),
        parts.volumes.mountsOf(pod, container, signal),
        parts.environment.filesOf(pod, container, ips, attempt),
        mkdir(join(sandboxConfig.logDirectory, container.name), { recursive: true, mode: 0o755 }),
      ]).catch((error: unknown) => {
        throw runtimeReason(error) === undefined ? new RuntimeError('CreateContainerConfigError', (error as Error).message, { cause: error }) : error;
      });
      const config = containerConfig(pod, container, {
        attempt,
        imageRef: image?.id ?? container.image ?? '',
        variables,
        mounts: [...mounts, ...files],
        resources: parts.cgroups.resourcesOf(pod, container),
        security: targeting(securityContextOf(pod, container, userOf(image), security, users), target),
      });
      try {
        const id = await cri.createContainer(sandbox, config, sandboxConfig, signal);
        runs.add({ id, sandbox, podUid: pod.metadata.uid ?? '' });
        return id;
      } catch (error) {
        signal.throwIfAborted();
        // It may have been removed behind our back.
        if (grpcCode(error) === 'NotFound') await images.load().catch(() => undefined);
        throw new RuntimeError('CreateContainerError', shown(error), { cause: error });
      }
    },
    async startContainer(id, signal) {
      signal.throwIfAborted();
      const start = cri.startContainer(id).then(
        async () => {
          await runs.refresh(id);
          await links.add(id);
        },
        async (error: unknown) => {
          await runs.untilExited(id).catch(() => undefined);
          throw new RuntimeError('RunContainerError', shown(error), { cause: error });
        },
      );
      starts.set(id, start);
      try {
        await start;
      } finally {
        starts.delete(id);
      }
      signal.throwIfAborted();
    },
    async stopContainer(id, graceSeconds) {
      // A runtime stops nothing that does not run yet.
      await starts.get(id)?.catch(() => undefined);
      if (runs.containers.get(id)?.status.state === 'exited') return;
      await cri.stopContainer(id, Math.ceil(graceSeconds));
      await runs.untilExited(id);
    },
    removeContainer,
    async resize(pod, containers) {
      await parts.cgroups.update(pod, async () => {
        for (const { id, container } of containers) {
          await cri.updateResources(id, parts.cgroups.resourcesOf(pod, container));
          await runs.refresh(id);
        }
      });
    },
    containerStatus: (id) => runs.containers.get(id)?.status,
    // Figures of nodes come from control groups (kubelet/usage): the service is asked by who needs one of a container now.
    usage: () => undefined,
    memoryOf: (ids) => workingSets(cri, ids),
    abilitiesOf: async (pod, signal) => abilitiesOf(cri, await handlerOf(pod, signal)),
    streaming: criStreaming(cri),
    logFile: (id) => runs.containers.get(id)?.status.details?.logPath,
    reopenLog: (id) => cri.reopenLog(id),
    containersOf: (podUid) => runs.ofPod(podUid).map(({ id }) => id),
    onExit: (listener) => runs.onExit(listener),
    onSandboxChange: (listener) => runs.onSandboxChange(listener),
    async runHook(id, kind, hook, signal) {
      await runHook(world, cri, id, kind, hook, signal);
    },
    probe: (id, _kind: ProbeKind, probe, signal) => runProbe(cri, id, probe, signal),
    adopt(pod) {
      const all = runs.sandboxesOf(pod.metadata.uid ?? '');
      const newest = all.at(-1);
      if (newest === undefined) return undefined;
      const hasAddress = pod.spec?.hostNetwork === true || newest.ips.length > 0;
      const isDead = !newest.ready || !hasAddress || all.filter(({ ready }) => ready).length > 1;
      return { ...sandboxOf(newest, pod), isDead };
    },
    async removePod(podUid) {
      const all = runs.sandboxesOf(podUid);
      // The newest last: with it goes all that is the pod's.
      for (const { id } of all) await removeSandbox(id);
    },
    async sweep(isKnown) {
      const orphans = [...runs.sandboxes.values()].filter(({ podUid }) => !isKnown(podUid));
      await Promise.all(
        orphans.map(async ({ id, podName, podUid }) => {
          log.info('pod is not known any more; it is ended', { pod: podName, uid: podUid });
          const running = [...runs.containers.values()].filter((c) => c.sandbox === id && c.status.state === 'running');
          await Promise.all(running.map((c) => cri.stopContainer(c.id, ORPHAN_GRACE_SECONDS)));
          await removeSandbox(id);
        }),
      );
    },
    // eslint-disable-next-line require-yield
    async *logs() {
      throw new RuntimeError('Unknown', 'logs are read from their files');
    },
    close() {
      runs.stop();
      cri.close();
    },
  };

  async function answering(w: World, service: CriService, patienceMs: number) {
    const until = clock.now() + patienceMs;
    for (;;)
      try {
        return await service.version();
      } catch (error) {
        if (grpcCode(error) !== 'Unavailable' || clock.now() >= until) throw error;
        await delay(w.clock, LOOK_MS);
      }
  }
} // prettier-ignore

async function runHook(world: World, cri: CriService, id: string, kind: string, hook: LifecycleHandler, signal: AbortSignal): Promise<void> {
  if (hook.sleep !== undefined) return delay(world.clock, hook.sleep.seconds * 1_000, signal);
  if (hook.exec === undefined) return;
  const command = hook.exec.command ?? [];
  const { exitCode, stdout, stderr } = await cri.execSync(id, command, 0, signal);
  if (exitCode === 0) return;
  const why = new RuntimeError(kind === 'postStart' ? 'PostStartHookError' : 'PreStopHookError', `command '${command.join(' ')}' exited with ${exitCode}: ${stderr.toString()}`);
  throw Object.assign(why, { output: Buffer.concat([stdout, stderr]).toString() });
} // prettier-ignore
async function runProbe(cri: CriService, id: string, probe: Probe, signal: AbortSignal): Promise<ProbeResult> {
  if (probe.exec === undefined) return { success: true, output: '' };
  const { exitCode, stdout, stderr } = await cri.execSync(
    id,
    probe.exec.command ?? [],
    probe.timeoutSeconds ?? 1,
    signal,
  );
  return { success: exitCode === 0, output: Buffer.concat([stdout, stderr]).toString() };
}
