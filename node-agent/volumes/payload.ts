import { normalize } from 'node:path';
import type { ConfigMap, DownwardAPIVolumeFile, KeyToPath, Pod, Secret } from '../../schemas/generated/core-v1.ts';
import { podField, resourceField } from '../../schemas/helpers/pod-fields.ts';
import type { FileContent, Payload } from './atomic-writer.ts';

/** Source: defaults of v1 volume sources. */
const MODE = 0o644;
const textOf = (text: string): Uint8Array => Buffer.from(text, 'utf8');
const bytesOf = (base64: string): Uint8Array => Buffer.from(base64, 'base64');

interface Selection {
  readonly items?: readonly KeyToPath[] | undefined;
  readonly optional?: boolean | undefined;
}
/** Files of a ConfigMap; undefined: there is none, and need not be. Throws: a key that is not there. */
export function configMapFiles(map: ConfigMap | undefined, from: Selection, defaultMode = MODE): Payload {
  const data = new Map<string, Uint8Array>();
  for (const [key, text] of Object.entries(map?.data ?? {})) data.set(key, textOf(text));
  for (const [key, base64] of Object.entries(map?.binaryData ?? {})) data.set(key, bytesOf(base64));
  return selected(data, from, defaultMode, (key) => `configmap references non-existent config key: ${key}`);
}
export function secretFiles(secret: Secret | undefined, from: Selection, defaultMode = MODE): Payload {
  const data = new Map(Object.entries(secret?.data ?? {}).map(([key, base64]) => [key, bytesOf(base64)]));
  return selected(data, from, defaultMode, (key) => `references non-existent secret key: ${key}`);
}
function selected(data: ReadonlyMap<string, Uint8Array>, { items = [], optional = false }: Selection, defaultMode: number, missing: (key: string) => string): Payload {
  const files = new Map<string, FileContent>();
  if (items.length === 0) for (const [key, bytes] of data) files.set(key, { data: bytes, mode: defaultMode });
  for (const { key, path, mode = defaultMode } of items) {
    const bytes = data.get(key);
    if (bytes !== undefined) files.set(path, { data: bytes, mode });
    else if (!optional) throw new Error(missing(key));
  }
  return files;
} // prettier-ignore

type Amounts = Readonly<Record<string, string | number>>;
/** Throws: all that is wrong with it, as an aggregate does. Source: pkg/volume/downwardapi CollectData. */
export function downwardFiles(items: readonly DownwardAPIVolumeFile[], pod: Pod, allocatable: Amounts, defaultMode = MODE): Payload {
  const files = new Map<string, FileContent>();
  const problems: string[] = [];
  for (const { path, mode = defaultMode, fieldRef, resourceFieldRef } of items) {
    let text = '';
    try {
      if (fieldRef !== undefined) text = podField(pod, fieldRef.fieldPath);
      else if (resourceFieldRef !== undefined) text = resourceField(resourceFieldRef, pod, undefined, allocatable);
    } catch (error) {
      problems.push((error as Error).message);
    }
    files.set(normalize(path), { data: textOf(text), mode });
  }
  const wrong = aggregate(problems);
  if (wrong !== undefined) throw wrong;
  return files;
} // prettier-ignore

/** What of a pod its own files may show: a text that differs where they would. */
export const shownBy = ({ metadata, spec }: Pod): string =>
  JSON.stringify([metadata.labels, metadata.annotations, spec?.containers.map(({ resources }) => resources)]);

/** Several errors as one. Source: apimachinery util/errors aggregate.Error. */
export function aggregate(problems: readonly string[]): Error | undefined {
  const different = [...new Set(problems)];
  if (different.length === 0) return undefined;
  return new Error(different.length === 1 ? different[0] : `[${different.join(', ')}]`);
}
