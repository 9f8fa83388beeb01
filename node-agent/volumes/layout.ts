import { join } from 'node:path';

/**
 * Where volumes lie below the folder of a pod, `<pods>/<uid>`.
 * Source: kubelet kubelet_getters.go getPodVolumeDir, pkg/volume/util/subpath getSubpathBindTarget.
 */
export const podFolder = (pods: string, uid: string): string => join(pods, uid);
export const volumesFolder = (pods: string, uid: string): string => join(pods, uid, 'volumes');
/** `plugin` as Kubernetes names it: `kubernetes.io/empty-dir`. */
export const volumeFolder = (pods: string, uid: string, plugin: string, name: string): string =>
  join(volumesFolder(pods, uid), plugin.replace('/', '~'), name);
export const subPathsFolder = (pods: string, uid: string): string => join(pods, uid, 'volume-subpaths');
export const subPathFile = (pods: string, uid: string, volume: string, container: string, index: number): string =>
  join(subPathsFolder(pods, uid), volume, container, String(index));
export const devicesFolder = (pods: string, uid: string): string => join(pods, uid, 'volumeDevices');
/** Link to a volume that is a device. Source: GetPodVolumeDeviceDir. */
export const deviceLink = (pods: string, uid: string, plugin: string, name: string): string =>
  join(devicesFolder(pods, uid), plugin.replace('/', '~'), name);
/** What a plugin keeps about a volume. Source: kubelet getPodPluginDir, pkg/volume/util SetReady. */
export const pluginsFolder = (pods: string, uid: string): string => join(pods, uid, 'plugins');
export const readyFolder = (pods: string, uid: string, plugin: string, name: string): string =>
  join(pluginsFolder(pods, uid), plugin.replace('/', '~'), name, 'ready');
