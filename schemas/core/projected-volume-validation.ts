import type { Errors } from '../define.ts';
import type {
  DownwardAPIVolumeFile,
  DownwardAPIVolumeSource,
  KeyToPath,
  ProjectedVolumeSource,
  VolumeProjection,
} from '../generated/core-v1.ts';
import { forbidden, invalid, required, type FieldPath } from '../meta/field.ts';
import { validateFieldRef, validateResourceFieldRef, VOLUME_FIELDS } from './env-validation.ts';
import { validateLocalPath, validateMode } from './path-validation.ts';

/** Files of a Secret or ConfigMap. Source: pkg/apis/core/validation validateSecretVolumeSource, validateConfigMapVolumeSource. */
export function* validateKeyed(
  name: string | undefined,
  field: 'name' | 'secretName',
  { defaultMode, items }: { defaultMode?: number | undefined; items?: readonly KeyToPath[] | undefined },
  at: FieldPath,
): Errors {
  if (!name) yield required(at(field));
  yield* validateMode(defaultMode, at('defaultMode'));
  for (const [i, item] of (items ?? []).entries()) yield* validateKeyToPath(item, at('items')(i));
}
function* validateKeyToPath({ key, path, mode }: KeyToPath, at: FieldPath): Errors {
  if (!key) yield required(at('key'));
  if (!path) yield required(at('path'));
  yield* validateLocalPath(path, at('path'));
  yield* validateMode(mode, at('mode'));
}
/** Source: validateDownwardAPIVolumeSource; the paths without an index are the real ones. */
export function* validateDownward({ defaultMode, items }: DownwardAPIVolumeSource, at: FieldPath): Errors {
  yield* validateMode(defaultMode, at('defaultMode'));
  for (const item of items ?? []) yield* validateDownwardFile(item, at);
}
function* validateDownwardFile(file: DownwardAPIVolumeFile, at: FieldPath): Errors {
  const { path, fieldRef, resourceFieldRef, mode } = file;
  if (!path) yield required(at('path'));
  yield* validateLocalPath(path, at('path'));
  if (fieldRef) {
    yield* validateFieldRef(fieldRef, VOLUME_FIELDS, at('fieldRef'));
    if (resourceFieldRef)
      yield invalid(at, 'resource', 'fieldRef and resourceFieldRef can not be specified simultaneously');
  } else if (resourceFieldRef) yield* validateResourceFieldRef(resourceFieldRef, true, at('resourceFieldRef'));
  else yield required(at, 'one of fieldRef and resourceFieldRef is required');
  yield* validateMode(mode, at('mode'));
}
const MIN_TOKEN_SECONDS = 600;
/**
 * Certificates and trust bundles are not looked at: without their features, which are off by default, they are dropped
 * before. Source: validateProjectedVolumeSource.
 */
export function* validateProjected({ sources, defaultMode }: ProjectedVolumeSource, at: FieldPath): Errors {
  yield* validateMode(defaultMode, at('defaultMode'));
  const paths = new Set<string>();
  for (const [i, source] of (sources ?? []).entries()) yield* validateProjection(source, paths, at, at('sources')(i));
}
function* validateProjection(source: VolumeProjection, paths: Set<string>, volumeAt: FieldPath, at: FieldPath): Errors {
  const { secret, configMap, downwardAPI, serviceAccountToken: token } = source;
  const take = function* (path: string, shown: string): Errors {
    if (!path) return;
    if (paths.has(path)) yield invalid(volumeAt, shown, 'conflicting duplicate paths');
    paths.add(path);
  };
  for (const field of ['secret', 'configMap'] as const) {
    const keyed = source[field];
    if (!keyed) continue;
    if (!keyed.name) yield required(at(field)('name'));
    for (const [n, item] of (keyed.items ?? []).entries()) {
      yield* validateKeyToPath(item, at(field)('items')(n));
      yield* take(item.path, keyed.name ?? '');
    }
  }
  for (const item of downwardAPI?.items ?? []) {
    yield* validateDownwardFile(item, at('downwardAPI'));
    yield* take(item.path, item.path);
  }
  if (token) {
    const seconds = token.expirationSeconds ?? 0;
    const here = at('serviceAccountToken')('expirationSeconds');
    if (seconds < MIN_TOKEN_SECONDS) yield invalid(here, seconds, 'may not specify a duration less than 10 minutes');
    if (seconds > 2 ** 32) yield invalid(here, seconds, 'may not specify a duration larger than 2^32 seconds');
    if (!token.path) yield required(volumeAt('path'));
    else yield* validateLocalPath(token.path, volumeAt('path'));
  }
  if ([secret, configMap, downwardAPI, token].filter(Boolean).length > 1)
    yield forbidden(at, 'may not specify more than 1 volume type per source');
}
