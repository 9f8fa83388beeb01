import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { dirname, join } from 'node:path';
import type { World } from '../../../bus/world.ts';
import type { ConfigMap, Container, Pod, Secret, Service } from '../../../schemas/generated/core-v1.ts';
import type { RuntimeClass } from '../../../schemas/generated/node-v1.ts';
import { reasonOf } from '../../../schemas/meta/status.ts';
import { goQuote } from '../../../schemas/meta/go-quote.ts';
import type { NodePaths } from '../../host/paths.ts';
import type { Mount, PodDns, PodEnvironment } from '../../runtime/cri/parts.ts';
import { RuntimeError } from '../../runtime/interface.ts';
import { readEnvFile, valueInEnvFile, within } from './env-file.ts';
import { hostNetworkHostsFile, hostnameOf, hostsFile, nodenameOf } from './hosts.ts';
import { variablesOf } from './variables.ts';

export interface PodEnvironmentOptions {
  readonly world: World;
  readonly paths: Pick<NodePaths, 'pods'>;
  /** All services of the cluster. */
  readonly services: { readonly synced: Promise<void>; readonly hasSynced: boolean; all(): Iterable<Service> };
  /** Objects that a pod names. Rejects with an ApiError NotFound, `configmap "x" not found`. */
  configMap(pod: Pod, name: string, signal: AbortSignal): Promise<ConfigMap>;
  secret(pod: Pod, name: string, signal: AbortSignal): Promise<Secret>;
  dnsOf(pod: Pod): PodDns;
  /** Rejects with an ApiError NotFound. */
  runtimeClass(name: string, signal: AbortSignal): Promise<RuntimeClass>;
  /** Host path of one of the pod's volumes; undefined: it is not mounted. */
  volumePath(pod: Pod, volume: string): string | undefined;
  /** `cluster.local` */
  readonly clusterDomain: string;
  /** The node's addresses, the first of the family that comes first in its pods too. */
  readonly nodeIPs: readonly string[];
  /** Of the node; undefined: it is not known yet. */
  allocatable(): Readonly<Record<string, string | number>> | undefined;
  /** The node's own hosts file; default `/etc/hosts`. */
  readonly hostsFile?: string | undefined;
}
/** How long a container waits for the services to be known at all. */
const SERVICES_MS = 2_000;
const HOSTS = '/etc/hosts';
/** Source: kubelet isStaticPod: those that come from the API have no source, or say so. */
const SOURCE = 'kubernetes.io/config.source';

/** What the containers of one real node are told: variables, names, and the files that the kubelet itself mounts. */
export function createPodEnvironment(o: PodEnvironmentOptions): PodEnvironment {
  const { paths, services, nodeIPs, world } = o;
  /** Addresses of the node's first family before the others. Source: kubelet sortPodIPs. */
  function sorted(podIPs: readonly string[]): readonly string[] {
    const family = isIP(nodeIPs[0] ?? '');
    return podIPs.toSorted((a, b) => Number(isIP(b) === family) - Number(isIP(a) === family));
  }
  /** A pod of the API comes when the API answers, so its services are not long in coming either. */
  async function servicesKnown(pod: Pod, signal: AbortSignal): Promise<void> {
    const isStatic = (pod.metadata.annotations?.[SOURCE] ?? 'api') !== 'api';
    if (services.hasSynced || isStatic) return;
    const late = Promise.withResolvers<void>();
    const timer = world.clock.setTimeout(() => late.resolve(), SERVICES_MS);
    signal.addEventListener('abort', () => late.resolve(), { once: true });
    await Promise.race([services.synced, late.promise]);
    world.clock.clearTimeout(timer);
    signal.throwIfAborted();
    if (!services.hasSynced) throw new Error('services have not yet been read at least once, cannot construct envvars');
  }
  async function fileKey(
    pod: Pod,
    volume: string,
    path: string,
    key: string,
  ): Promise<{ value: string; file: string }> {
    const root = o.volumePath(pod, volume);
    if (root === undefined) throw new Error(`cannot find the volume ${goQuote(volume)} referenced by FileKeyRef`);
    const file = await within(root, path);
    try {
      return { file, value: valueInEnvFile(await readEnvFile(file), key) };
    } catch (error) {
      world.log.warn('environment file not read', { pod: pod.metadata.name, err: error });
      throw new Error("couldn't parse env file", { cause: error });
    }
  }
  async function hosts(pod: Pod, podIPs: readonly string[]): Promise<Mount> {
    const { hostAliases, hostNetwork } = pod.spec!;
    const text =
      hostNetwork === true
        ? hostNetworkHostsFile(await readFile(o.hostsFile ?? HOSTS, 'utf8'), hostAliases)
        : hostsFile(sorted(podIPs), hostnameOf(pod, o.clusterDomain), hostAliases);
    const hostPath = join(paths.pods, pod.metadata.uid!, 'etc-hosts');
    // In place: containers of the pod that run already have this very file.
    inFolder(hostPath, () => writeFileSync(hostPath, text, { mode: 0o644 }));
    chmodSync(hostPath, 0o644);
    return { hostPath, containerPath: HOSTS, readOnly: false, propagation: 'private' };
  }
  /** Each run has a file of its own, that nobody reads the last words of another. */
  function lastWords(pod: Pod, container: Container, attempt: number): Mount {
    const name = String(attempt).padStart(8, '0');
    const hostPath = join(paths.pods, pod.metadata.uid!, 'containers', container.name, name);
    const make = (): void => writeFileSync(hostPath, '', { flag: 'wx' });
    try {
      inFolder(hostPath, make);
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
      rmSync(hostPath, { force: true });
      make();
    }
    // Whoever the container runs as is to write there.
    chmodSync(hostPath, 0o666);
    const path = container.terminationMessagePath!;
    return {
      hostPath,
      containerPath: path.startsWith('/') ? path : `/${path}`,
      readOnly: false,
      propagation: 'private',
    };
  }
  /** What cannot be told to a container keeps it from being made. */
  async function asConfigError<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    try {
      return await work();
    } catch (error) {
      signal?.throwIfAborted();
      throw new RuntimeError('CreateContainerConfigError', (error as Error).message, { cause: error });
    }
  }
  return {
    variablesOf: (pod, container, podIPs, signal) =>
      asConfigError(async () => {
        await servicesKnown(pod, signal);
        return variablesOf(pod, container, {
          configMap: (name) => o.configMap(pod, name, signal),
          secret: (name) => o.secret(pod, name, signal),
          fileKey: (volume, path, key) => fileKey(pod, volume, path, key),
          services: services.all(),
          // A pod in the node's network has the node's addresses. Source: kubelet generateAPIPodStatus.
          addresses: { podIPs: pod.spec?.hostNetwork === true ? nodeIPs : sorted(podIPs), hostIPs: nodeIPs },
          allocatable: o.allocatable(),
        });
      }, signal),
    hostnameOf(pod) {
      try {
        return nodenameOf(hostnameOf(pod, o.clusterDomain), pod.spec?.setHostnameAsFQDN);
      } catch (error) {
        throw new RuntimeError('ConfigPodSandboxError', (error as Error).message, { cause: error });
      }
    },
    dnsOf: (pod) => o.dnsOf(pod),
    async runtimeHandlerOf(pod, signal) {
      const name = pod.spec?.runtimeClassName;
      if (!name) return '';
      try {
        return (await o.runtimeClass(name, signal)).handler;
      } catch (error) {
        signal.throwIfAborted();
        const why = reasonOf(error) === 'NotFound' ? `runtimeclass.node.k8s.io ${goQuote(name)} not found` : `failed to lookup RuntimeClass ${name}: ${(error as Error).message}`; // prettier-ignore
        throw new RuntimeError('ConfigPodSandboxError', why, { cause: error });
      }
    },
    filesOf: (pod, container, podIPs, attempt) =>
      asConfigError(async () => {
        const files: Mount[] = [];
        const isTaken = container.volumeMounts?.some(({ mountPath }) => mountPath === HOSTS) === true;
        if (!isTaken && (podIPs.length > 0 || pod.spec?.hostNetwork === true)) files.push(await hosts(pod, podIPs));
        if (container.terminationMessagePath) files.push(lastWords(pod, container, attempt));
        return files;
      }),
  };
}
const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;
/**
 * Makes the folder that a file lies in if it is not there. Both are written in place: an empty file is not worth a thread's
 * turn, of which a pod's files would take a dozen.
 */
function inFolder(path: string, write: () => void): void {
  try {
    write();
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    mkdirSync(dirname(path), { recursive: true, mode: 0o750 });
    write();
  }
}
