import type { KeyToPath, PersistentVolumeClaimSpec, Volume, VolumeProjection } from '../generated/core-v1.ts';
import type { FieldPath } from '../meta/field.ts';
import { parseQuantity } from '../meta/quantity.ts';

/** In the order in which the real server names them; `ephemeral` stands for what its claim says. */
const VOLUMES: readonly (readonly [string, string])[] = [
  ['photonPersistentDisk', 'deprecated in v1.11, non-functional in v1.16+'],
  ['gitRepo', 'deprecated in v1.11, and disabled by default in v1.33+'],
  ['scaleIO', 'deprecated in v1.16, non-functional in v1.22+'],
  ['flocker', 'deprecated in v1.22, non-functional in v1.25+'],
  ['storageos', 'deprecated in v1.22, non-functional in v1.25+'],
  ['quobyte', 'deprecated in v1.22, non-functional in v1.25+'],
  ['glusterfs', 'deprecated in v1.25, non-functional in v1.26+'],
  ['ephemeral', ''],
  ['cephfs', 'deprecated in v1.28, non-functional in v1.31+'],
  ['rbd', 'deprecated in v1.28, non-functional in v1.31+'],
];

/** Source: pkg/api/pod warnings.go warningsForPodSpecAndMeta. */
export function* volumeWarnings(volumes: readonly Volume[], at: FieldPath): Generator<string> {
  for (const [i, volume] of volumes.entries())
    for (const [source, why] of VOLUMES) {
      if (!volume[source as keyof Volume]) continue;
      const here = at(i)(source === 'storageos' ? 'storageOS' : source);
      if (source === 'ephemeral')
        yield* claimWarnings(volume.ephemeral?.volumeClaimTemplate?.spec, here('volumeClaimTemplate')('spec'));
      else yield `${String(here)}: ${why}`;
    }
  for (const volume of volumes) yield* overlaps(volume);
}
/** Source: pkg/api/persistentvolumeclaim GetWarningsForPersistentVolumeClaimSpec. */
function* claimWarnings(spec: PersistentVolumeClaimSpec | undefined, at: FieldPath): Generator<string> {
  for (const field of ['requests', 'limits'] as const) {
    const value = spec?.resources?.[field]?.['storage'];
    if (value === undefined || parseQuantity(value).nano % 1_000_000_000n === 0n) continue;
    const here = at('resources')(field).key('storage');
    yield `${String(here)}: fractional byte value ${JSON.stringify(String(value))} is invalid, must be an integer`;
  }
}
interface Placed {
  readonly path: string;
  readonly source: string;
}
const shown = ({ path, source }: Placed): string => JSON.stringify(path) + (source === '' ? '' : ` (${source})`);
const placed = (items: readonly Pick<KeyToPath, 'path'>[] | undefined, source = ''): Placed[] =>
  (items ?? []).map(({ path }) => ({ path, source }));

/** Files of one volume that would lie at, or below, each other's place. Source: warningsForOverlappingVirtualPaths. */
function* overlaps({ name, configMap, secret, downwardAPI, projected }: Volume): Generator<string> {
  const say = (what: string): string => `volume ${JSON.stringify(name)} (${what})`;
  const lists: (readonly [string, readonly Placed[]])[] = [];
  if (configMap) lists.push([`ConfigMap ${JSON.stringify(configMap.name ?? '')}`, placed(configMap.items)]);
  if (secret) lists.push([`Secret ${JSON.stringify(secret.secretName ?? '')}`, placed(secret.items)]);
  if (downwardAPI) lists.push(['DownwardAPI', placed(downwardAPI.items)]);
  for (const source of projected?.sources ?? [])
    if (Object.keys(source).length === 0) yield `${say('Projected')} has no sources provided`;
  if (projected) lists.push(['Projected', (projected.sources ?? []).flatMap(filesOf)]);
  for (const [what, files] of lists)
    for (const [a, b] of collisions(files)) yield `${say(what)}: overlapping paths: ${shown(a)} with ${shown(b)}`;
}
/** Of several kinds in one source the first counts. */
function filesOf({ configMap, secret, downwardAPI, serviceAccountToken: token }: VolumeProjection): Placed[] {
  if (configMap?.items) return placed(configMap.items, `ConfigMap ${JSON.stringify(configMap.name ?? '')}`);
  if (secret?.items) return placed(secret.items, `Secret ${JSON.stringify(secret.name ?? '')}`);
  if (downwardAPI?.items) return placed(downwardAPI.items, 'DownwardAPI');
  return token ? [{ path: token.path, source: 'ServiceAccountToken' }] : [];
}
function* collisions(files: readonly Placed[]): Generator<readonly [Placed, Placed]> {
  const seen: Placed[] = [];
  for (const file of files) {
    const one = { ...file, path: file.path.replace(/\/+$/, '') };
    const below = (a: string, b: string): boolean => `${a}/`.startsWith(`${b}/`);
    for (const other of seen)
      if (one.path !== '' && other.path !== '' && (below(other.path, one.path) || below(one.path, other.path)))
        yield [one, other];
    seen.push(one);
  }
}
