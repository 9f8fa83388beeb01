import type { ConfigMap, Pod, Secret } from '../../../schemas/generated/core-v1.ts';
import { reasonOf } from '../../../schemas/meta/status.ts';
import { configMapFiles, secretFiles } from '../payload.ts';
import type { VolumeHost, VolumePlugin } from '../plugin.ts';
import { mountFiles } from './files.ts';

interface Named {
  readonly name: string;
  readonly optional?: boolean | undefined;
}
/** undefined: it is not there, and need not be. */
export async function read<K extends 'configmap' | 'secret'>(host: VolumeHost, kind: K, pod: Pod, { name, optional = false }: Named, signal: AbortSignal): Promise<(K extends 'secret' ? Secret : ConfigMap) | undefined> {
  try {
    return (await host.references.get(kind, pod, name, signal)) as K extends 'secret' ? Secret : ConfigMap;
  } catch (error) {
    if (optional && reasonOf(error) === 'NotFound') return undefined;
    throw error;
  }
} // prettier-ignore

const CONFIG_MAP = 'kubernetes.io/configmap';
/** Source: pkg/volume/configmap. */
export const configMap: VolumePlugin = {
  name: CONFIG_MAP,
  follows: true,
  async setUp(volume, host, signal) {
    const source = volume.volume.configMap!;
    const map = await read(host, 'configmap', volume.pod, { name: source.name ?? '', optional: source.optional }, signal); // prettier-ignore
    return mountFiles(volume, host, CONFIG_MAP, configMapFiles(map, source, source.defaultMode), signal);
  },
};

const SECRET = 'kubernetes.io/secret';
/** In memory. Source: pkg/volume/secret. */
export const secret: VolumePlugin = {
  name: SECRET,
  follows: true,
  async setUp(volume, host, signal) {
    const source = volume.volume.secret!;
    const found = await read(host, 'secret', volume.pod, { name: source.secretName ?? '', optional: source.optional }, signal); // prettier-ignore
    return mountFiles(volume, host, SECRET, secretFiles(found, source, source.defaultMode), signal, true);
  },
};
