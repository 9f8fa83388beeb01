import { untar } from './tar.ts';

/** What an archive says of itself, before anything is done with it. */
export interface ArchiveContents {
  readonly format: 'oci' | 'docker';
  /** Full names of its images; none: they have none. */
  readonly names: readonly string[];
}
/**
 * Reads an OCI layout or what `docker save` wrote, as tar or gzipped tar. Thrown: Error with what is wrong with it.
 * Source: OCI image-layout.md; Docker image specification v1.2, `manifest.json`.
 */
export function readArchive(bytes: Uint8Array): ArchiveContents {
  let index: OciIndex | undefined;
  let manifest: DockerManifest | undefined;
  for (const { path, content } of untar(bytes)) {
    if (path === 'index.json') index = parsed<OciIndex>(path, content);
    else if (path === 'manifest.json') manifest = parsed<DockerManifest>(path, content);
  }
  if (index?.manifests !== undefined) {
    const names = index.manifests.flatMap(({ annotations = {} }) => annotations['io.containerd.image.name'] ?? []);
    // Docker writes both; only its own has names that are full.
    const tags = manifest === undefined ? [] : tagsOf(manifest);
    return { format: 'oci', names: names.length > 0 ? names : tags };
  }
  if (manifest !== undefined) return { format: 'docker', names: tagsOf(manifest) };
  throw new Error('it holds no image: neither an index.json (OCI) nor a manifest.json (docker save) is in it');
}
interface OciIndex {
  readonly manifests?: readonly { readonly annotations?: Readonly<Record<string, string>> }[];
}
type DockerManifest = readonly { readonly RepoTags?: readonly string[] | null }[];
const tagsOf = (manifest: DockerManifest): string[] => manifest.flatMap(({ RepoTags }) => RepoTags ?? []);
function parsed<T>(path: string, content: Uint8Array): T {
  try {
    return JSON.parse(Buffer.from(content).toString()) as T;
  } catch {
    throw new Error(`its ${path} is not readable as JSON`);
  }
}
