import type { World } from '../../../bus/world.ts';
import { connectGrpc, grpcCode, type GrpcMethod } from '../../grpc/client.ts';
import type { Fields } from '../../grpc/schema.ts';
import type { CriContainer, CriContainerConfig, CriContainerStats, CriContainerStatus, CriFilesystem, CriImage, CriSandbox, CriSandboxConfig, CriSandboxStatus, CriStatus } from './messages.ts'; // prettier-ignore
import type { ContainerResources } from './parts.ts';
import { CRI, criSchema } from './protocol.ts';

export interface ExecOutput {
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
  readonly exitCode: number;
}
export interface RegistryAuth {
  readonly username?: string;
  readonly password?: string;
  readonly auth?: string;
  readonly serverAddress?: string;
  readonly identityToken?: string;
  readonly registryToken?: string;
}
/** The calls of a container runtime. All reject with GrpcError, or with the reason of an aborted signal. */
export interface CriService {
  version(signal?: AbortSignal): Promise<{ readonly runtimeName: string; readonly runtimeVersion: string }>;
  status(): Promise<CriStatus>;
  setPodCIDR(podCidr: string): Promise<void>;
  runPodSandbox(config: CriSandboxConfig, runtimeHandler: string, signal: AbortSignal): Promise<string>;
  stopPodSandbox(podSandboxId: string): Promise<void>;
  removePodSandbox(podSandboxId: string): Promise<void>;
  sandboxStatus(podSandboxId: string): Promise<CriSandboxStatus>;
  sandboxes(): Promise<readonly CriSandbox[]>;
  createContainer(podSandboxId: string, config: CriContainerConfig, sandboxConfig: CriSandboxConfig, signal: AbortSignal): Promise<string>; // prettier-ignore
  startContainer(containerId: string): Promise<void>;
  stopContainer(containerId: string, timeoutSeconds: number): Promise<void>;
  removeContainer(containerId: string): Promise<void>;
  containers(): Promise<readonly CriContainer[]>;
  /** undefined: there is no such container. */
  containerStatus(containerId: string): Promise<CriContainerStatus | undefined>;
  updateResources(containerId: string, linux: ContainerResources): Promise<void>;
  reopenLog(containerId: string): Promise<void>;
  /** 0 seconds: as long as it likes. */
  execSync(
    containerId: string,
    cmd: readonly string[],
    timeoutSeconds: number,
    signal?: AbortSignal,
  ): Promise<ExecOutput>;
  /** Where the runtime serves the stream, on the node's loopback. */
  exec(request: { readonly containerId: string; readonly cmd: readonly string[] } & StreamsAsked): Promise<string>;
  attach(request: { readonly containerId: string } & StreamsAsked): Promise<string>;
  portForward(podSandboxId: string): Promise<string>;
  containerStats(): Promise<readonly CriContainerStats[]>;
  images(): Promise<readonly CriImage[]>;
  image(image: string): Promise<CriImage | undefined>;
  pullImage(image: string, auth: RegistryAuth | undefined, sandboxConfig: CriSandboxConfig | undefined, signal: AbortSignal): Promise<string>; // prettier-ignore
  removeImage(image: string): Promise<void>;
  imageFilesystems(): Promise<{
    readonly images: readonly CriFilesystem[];
    readonly containers: readonly CriFilesystem[];
  }>;
  /** Ids of containers that something has happened to, as the CRI tells them. */
  events(signal: AbortSignal): AsyncIterable<string>;
  /** Ids of containers and sandboxes that have ended, as containerd itself tells them. */
  containerdExits(signal: AbortSignal): AsyncIterable<string>;
  close(): void;
}
export interface StreamsAsked {
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}
/** Source: kubelet --runtime-request-timeout. */
const TIMEOUT_MS = 120_000;

export async function connectCri(world: World, socket: string): Promise<CriService> {
  const client = await connectGrpc(world, `unix:${socket}`, criSchema);
  const call = async <T = Fields>(method: GrpcMethod, request: Fields = {}, signal?: AbortSignal, timeoutMs: number | undefined = TIMEOUT_MS) =>
    (await client.call(method, request, { signal, timeoutMs })) as T;
  const done = async (method: GrpcMethod, request: Fields, signal?: AbortSignal): Promise<void> => void (await call(method, request, signal));
  /** What is not there has ended already. */
  const gone = async (method: GrpcMethod, request: Fields, timeoutMs?: number): Promise<void> => {
    try {
      await call(method, request, undefined, timeoutMs);
    } catch (error) {
      if (grpcCode(error) !== 'NotFound') throw error;
    }
  };
  return {
    version: (signal) => call(CRI.version, { version: 'v1' }, signal),
    status: () => call(CRI.status),
    setPodCIDR: (podCidr) => done(CRI.updateRuntimeConfig, { runtimeConfig: { networkConfig: { podCidr } } }),
    runPodSandbox: async (config, runtimeHandler, signal) =>
      (await call<{ podSandboxId: string }>(CRI.runPodSandbox, { config, runtimeHandler }, signal, 2 * TIMEOUT_MS)).podSandboxId,
    stopPodSandbox: (podSandboxId) => gone(CRI.stopPodSandbox, { podSandboxId }),
    removePodSandbox: (podSandboxId) => gone(CRI.removePodSandbox, { podSandboxId }),
    sandboxStatus: async (podSandboxId) => (await call<{ status: CriSandboxStatus }>(CRI.podSandboxStatus, { podSandboxId })).status,
    sandboxes: async () => (await call<{ items: CriSandbox[] }>(CRI.listPodSandbox)).items,
    createContainer: async (podSandboxId, config, sandboxConfig, signal) =>
      (await call<{ containerId: string }>(CRI.createContainer, { podSandboxId, config, sandboxConfig }, signal)).containerId,
    startContainer: (containerId) => done(CRI.startContainer, { containerId }),
    stopContainer: (containerId, timeout) => gone(CRI.stopContainer, { containerId, timeout }, TIMEOUT_MS + timeout * 1_000),
    removeContainer: (containerId) => gone(CRI.removeContainer, { containerId }),
    containers: async () => (await call<{ containers: CriContainer[] }>(CRI.listContainers)).containers,
    containerStatus: async (containerId) => {
      try {
        return (await call<{ status?: CriContainerStatus }>(CRI.containerStatus, { containerId })).status;
      } catch (error) {
        if (grpcCode(error) === 'NotFound') return undefined;
        throw error;
      }
    },
    updateResources: (containerId, linux) => done(CRI.updateContainerResources, { containerId, linux }),
    reopenLog: (containerId) => done(CRI.reopenContainerLog, { containerId }),
    execSync: (containerId, cmd, timeout, signal) =>
      client.call(CRI.execSync, { containerId, cmd, timeout }, { signal, timeoutMs: timeout === 0 ? undefined : TIMEOUT_MS + timeout * 1_000 }) as Promise<unknown> as Promise<ExecOutput>,
    exec: async (request) => (await call<{ url: string }>(CRI.exec, { ...request })).url,
    attach: async (request) => (await call<{ url: string }>(CRI.attach, { ...request })).url,
    portForward: async (podSandboxId) => (await call<{ url: string }>(CRI.portForward, { podSandboxId })).url,
    containerStats: async () => (await call<{ stats: CriContainerStats[] }>(CRI.listContainerStats)).stats,
    images: async () => (await call<{ images: CriImage[] }>(CRI.listImages)).images,
    image: async (image) => (await call<{ image?: CriImage }>(CRI.imageStatus, { image: { image } })).image,
    // How long a pull may take nobody knows; whoever waits may abort it.
    pullImage: async (image, auth, sandboxConfig, signal) =>
      ((await client.call(CRI.pullImage, { image: { image }, auth, sandboxConfig }, { signal })) as { imageRef: string }).imageRef,
    removeImage: (image) => gone(CRI.removeImage, { image: { image } }),
    imageFilesystems: async () => {
      const info = await call<{ imageFilesystems: CriFilesystem[]; containerFilesystems: CriFilesystem[] }>(CRI.imageFsInfo);
      return { images: info.imageFilesystems, containers: info.containerFilesystems };
    },
    async *events(signal) {
      for await (const event of client.stream(CRI.containerEvents, {}, signal)) yield event['containerId'] as string;
    },
    async *containerdExits(signal) {
      const filters = ['namespace==k8s.io,topic=="/tasks/exit"'];
      for await (const { event } of client.stream(CRI.containerdEvents, { filters }, signal)) {
        const { value } = (event ?? {}) as { value?: Uint8Array };
        if (value !== undefined) yield criSchema.decode('TaskEvent', value)['containerId'] as string;
      }
    },
    close: () => client.close(),
  };
} // prettier-ignore
