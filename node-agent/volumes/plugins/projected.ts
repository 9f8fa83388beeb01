import type { VolumeProjection } from '../../../schemas/generated/core-v1.ts';
import type { FileContent, Payload } from '../atomic-writer.ts';
import { userOf } from '../ownership.ts';
import { aggregate, configMapFiles, downwardFiles, secretFiles } from '../payload.ts';
import type { PodVolume, VolumeHost, VolumePlugin } from '../plugin.ts';
import { read } from './config-map.ts';
import { mountFiles } from './files.ts';

const DOWNWARD = 'kubernetes.io/downward-api';
/** Source: pkg/volume/downwardapi. */
export const downwardAPI: VolumePlugin = {
  name: DOWNWARD,
  follows: true,
  setUp(volume, host, signal) {
    const { items = [], defaultMode } = volume.volume.downwardAPI!;
    return mountFiles(
      volume,
      host,
      DOWNWARD,
      downwardFiles(items, volume.pod, host.allocatable(), defaultMode),
      signal,
    );
  },
};

/** Source: defaults of v1 ServiceAccountTokenProjection. */
const TOKEN_SECONDS = 3_600;
const PROJECTED = 'kubernetes.io/projected';
/** In memory; later sources win. Source: pkg/volume/projected. */
export const projected: VolumePlugin = {
  name: PROJECTED,
  follows: true,
  async setUp(volume, host, signal) {
    const { sources = [], defaultMode = 0o644 } = volume.volume.projected!;
    const files = new Map<string, FileContent>();
    const problems: string[] = [];
    let refreshAt: number | undefined;
    for (const source of sources)
      try {
        const part = await filesOf(source, volume, host, defaultMode, signal);
        for (const [path, content] of part.files) files.set(path, content);
        if (part.refreshAt !== undefined) refreshAt = Math.min(refreshAt ?? Infinity, part.refreshAt);
      } catch (error) {
        signal.throwIfAborted();
        problems.push((error as Error).message);
      }
    const wrong = aggregate(problems);
    if (wrong !== undefined) throw wrong;
    return { ...(await mountFiles(volume, host, PROJECTED, files, signal, true)), refreshAt };
  },
};

interface Part {
  readonly files: Payload;
  readonly refreshAt?: number;
}
async function filesOf(source: VolumeProjection, { pod }: PodVolume, host: VolumeHost, defaultMode: number, signal: AbortSignal): Promise<Part> {
  const { secret, configMap, downwardAPI: downward, serviceAccountToken } = source;
  if (secret !== undefined)
    return { files: secretFiles(await read(host, 'secret', pod, { name: secret.name ?? '', optional: secret.optional }, signal), secret, defaultMode) };
  if (configMap !== undefined)
    return { files: configMapFiles(await read(host, 'configmap', pod, { name: configMap.name ?? '', optional: configMap.optional }, signal), configMap, defaultMode) };
  if (downward !== undefined) return { files: downwardFiles(downward.items ?? [], pod, host.allocatable(), defaultMode) };
  if (serviceAccountToken !== undefined) {
    const { audience = '', expirationSeconds = TOKEN_SECONDS, path } = serviceAccountToken;
    const { token, refreshAt } = await host.tokens.get(pod, audience, expirationSeconds, signal);
    const user = userOf(pod);
    // A group gets its right to read with the rest of the volume.
    const isOwned = user !== undefined || pod.spec?.securityContext?.fsGroup !== undefined;
    return { files: new Map([[path, { data: Buffer.from(token), mode: isOwned ? 0o600 : defaultMode, user }]]), refreshAt };
  }
  // Both are behind gates that are off by default.
  if (source.clusterTrustBundle !== undefined) throw new Error('ClusterTrustBundle projection is not supported in static kubelet mode');
  if (source.podCertificate !== undefined) throw new Error('pod certificates are not supported');
  return { files: new Map() };
} // prettier-ignore
