import { csi } from '../csi/plugin.ts';
import type { PodVolume, VolumePlugin } from '../plugin.ts';
import { configMap, secret } from './config-map.ts';
import { emptyDir } from './empty-dir.ts';
import { hostPath } from './host-path.ts';
import { image } from './image.ts';
import { local } from './local.ts';
import { nfs } from './nfs.ts';
import { downwardAPI, projected } from './projected.ts';

const OF_PODS = new Map<string, VolumePlugin>([
  ['emptyDir', emptyDir],
  ['hostPath', hostPath],
  ['configMap', configMap],
  ['secret', secret],
  ['projected', projected],
  ['downwardAPI', downwardAPI],
  ['csi', csi],
  ['image', image],
  ['nfs', nfs],
]);
const PERSISTENT = new Map<string, VolumePlugin>([
  ['hostPath', hostPath],
  ['local', local],
  ['nfs', nfs],
  ['csi', csi],
]);
/** Nobody here knows how such a volume is made. */
export class UnsupportedVolume extends Error {
  override readonly name = 'UnsupportedVolume';
  constructor() {
    super('no volume plugin matched');
  }
}
/** The plugin for a volume. Throws: UnsupportedVolume. Source: VolumePluginMgr FindPluginBySpec. */
export function pluginFor({ volume, persistent }: Pick<PodVolume, 'volume' | 'persistent'>): VolumePlugin {
  const [source, plugins] = persistent === undefined ? [volume, OF_PODS] : [persistent.spec ?? {}, PERSISTENT];
  for (const [field, plugin] of plugins) if ((source as Record<string, unknown>)[field] !== undefined) return plugin;
  throw new UnsupportedVolume();
}
