import { stat } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import type { Container, Pod, VolumeMount } from '../../schemas/generated/core-v1.ts';
import { goQuote } from '../../schemas/meta/go-quote.ts';
import { expandSubPath, type Variable } from '../kubelet/environment/expansion.ts';
import { RuntimeError } from '../runtime/interface.ts';
import type { Mount, PodVolumes } from '../runtime/cri/parts.ts';
import { subPathFile } from './layout.ts';
import type { Mounted, VolumeHost } from './plugin.ts';
import type { PodVolumesOnDisk } from './pod-volumes.ts';
import { bindSubPath, makeWithin } from './sub-path.ts';

export interface ContainerMountsOptions {
  readonly host: VolumeHost;
  readonly volumes: Pick<PodVolumesOnDisk, 'mounted'>;
  /** Of a container: asked for only where a subPathExpr names them. */
  readonly variablesOf: (pod: Pod, container: Container, signal: AbortSignal) => Promise<readonly Variable[]>;
  /** Whether the runtime can make all of a mount of this pod read-only, and not only its top. */
  readonly recursiveReadOnly: (pod: Pod, signal: AbortSignal) => Promise<boolean>;
} // prettier-ignore

/** What volumeMounts come to. Source: kubelet kubelet_pods.go makeMounts. */
export function containerMounts(o: ContainerMountsOptions): PodVolumes {
  async function subPathOf(pod: Pod, container: Container, mount: VolumeMount, signal: AbortSignal): Promise<string> {
    const { subPath = '', subPathExpr = '' } = mount;
    let path = subPath;
    if (subPathExpr !== '') path = expandSubPath(subPathExpr, await o.variablesOf(pod, container, signal));
    if (isAbsolute(path)) throw new Error(`error SubPath \`${path}\` must not be an absolute path`);
    if (path.split('/').includes('..')) throw new Error(`unable to provision SubPath \`${path}\`: must not contain '..'`); // prettier-ignore
    return path;
  }
  async function hostPathOf(pod: Pod, container: Container, index: number, mount: VolumeMount, volume: Mounted, signal: AbortSignal): Promise<string> {
    const subPath = await subPathOf(pod, container, mount, signal);
    if (subPath === '') return volume.path;
    const { log } = o.host.world;
    const what = `volumeMount ${goQuote(mount.name)} of container ${goQuote(container.name)}`;
    // Errors would tell who may not see it what the node's files are.
    try {
      const there = await stat(join(volume.path, subPath)).catch(() => undefined);
      if (there === undefined) await makeWithin(volume.path, subPath, (await stat(volume.path)).mode & 0o7777);
    } catch (err) {
      log.warn('subPath not made', { pod: pod.metadata.name, container: container.name, volume: mount.name, err });
      throw new Error(`failed to create subPath directory for ${what}`, { cause: err });
    }
    try {
      const target = subPathFile(o.host.pods, pod.metadata.uid!, mount.name, container.name, index);
      return await bindSubPath(o.host.mounts, volume.path, subPath, target, signal);
    } catch (err) {
      signal.throwIfAborted();
      log.warn('subPath not bound', { pod: pod.metadata.name, container: container.name, volume: mount.name, err });
      throw new Error(`failed to prepare subPath for ${what}`, { cause: err });
    }
  } // prettier-ignore
  async function deviceOf(pod: Pod, container: Container, name: string, devicePath: string, signal: AbortSignal): Promise<Mount> {
    if (!isAbsolute(devicePath)) throw new Error(`error DevicePath \`${devicePath}\` must be an absolute path`);
    const isKnown = pod.spec?.volumes?.some((volume) => volume.name === name) === true;
    const volume = isKnown ? await o.volumes.mounted(pod, name, signal) : undefined;
    if (volume?.isBlock !== true) throw new Error(`cannot find volume ${goQuote(name)} to pass into container ${goQuote(container.name)}`);
    return { hostPath: volume.path, containerPath: devicePath, readOnly: volume.readOnly, propagation: 'private', isDevice: true };
  } // prettier-ignore
  return {
    async mountsOf(pod, container, signal) {
      const mounts: Mount[] = [];
      try {
        for (const [index, mount] of (container.volumeMounts ?? []).entries()) {
          const { name, mountPath, readOnly = false } = mount;
          if (pod.spec?.volumes?.some((volume) => volume.name === name) !== true) throw new Error(`cannot find volume ${goQuote(name)} to mount into container ${goQuote(container.name)}`); // prettier-ignore
          const volume = await o.volumes.mounted(pod, name, signal);
          const { isBlock = false } = volume;
          if (isBlock) throw new Error(`cannot find volume ${goQuote(name)} to mount into container ${goQuote(container.name)}`); // prettier-ignore
          const isAsked = (mount.recursiveReadOnly ?? 'Disabled') !== 'Disabled';
          const recursiveReadOnly = isAsked && recursion(mount, await o.recursiveReadOnly(pod, signal));
          mounts.push({
            hostPath: await hostPathOf(pod, container, index, mount, volume, signal),
            containerPath: isAbsolute(mountPath) ? mountPath : `/${mountPath}`,
            readOnly: readOnly || volume.readOnly,
            ...(recursiveReadOnly && { recursiveReadOnly }),
            propagation: propagationOf(mount),
          });
        }
        for (const { name, devicePath } of container.volumeDevices ?? [])
          mounts.push(await deviceOf(pod, container, name, devicePath, signal));
      } catch (error) {
        signal.throwIfAborted();
        throw new RuntimeError('CreateContainerConfigError', (error as Error).message, { cause: error });
      }
      return mounts;
    },
  };
}

const PROPAGATIONS = new Map<string, Mount['propagation']>([
  ['None', 'private'],
  ['HostToContainer', 'hostToContainer'],
  ['Bidirectional', 'bidirectional'],
]);
function propagationOf({ mountPropagation = 'None' }: VolumeMount): Mount['propagation'] {
  const found = PROPAGATIONS.get(mountPropagation);
  if (found === undefined) throw new Error(`invalid MountPropagation mode: ${goQuote(mountPropagation)}`);
  return found;
}
/** Of a mount that asks for it. Source: resolveRecursiveReadOnly. */
function recursion({ name, readOnly, recursiveReadOnly: mode, mountPropagation }: VolumeMount, isSupported: boolean): boolean {
  const refuse = (why: string): never => {
    throw new Error(`failed to resolve recursive read-only mode: ${why}`);
  };
  const asked = `volume ${goQuote(name)} requested recursive read-only mode, but it is not`;
  if (readOnly !== true) return refuse(`${asked} read-only`);
  if (mountPropagation !== undefined && mountPropagation !== 'None') return refuse(`${asked} compatible with propagation ${goQuote(mountPropagation)}`);
  if (mode === 'IfPossible') return isSupported;
  if (mode !== 'Enabled') return refuse(`unknown recursive read-only mode ${goQuote(mode ?? '')}`);
  return isSupported || refuse(`${asked} supported by the runtime`);
} // prettier-ignore
