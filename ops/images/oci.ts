import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { pauseProgram, type Architecture } from './pause.ts';
import { tar, type TarEntry } from './tar.ts';

/** What a container is started with. Source: OCI image-spec config.md. */
export interface ImageConfig {
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Env?: readonly string[];
  readonly WorkingDir?: string;
  readonly User?: string;
  readonly ExposedPorts?: Readonly<Record<string, object>>;
  readonly StopSignal?: string;
  readonly Labels?: Readonly<Record<string, string>>;
}
export interface ImageSpec {
  /** Full, with host and tag: `registry.local/pause:3.10`; several names of one image. */
  readonly names: readonly string[];
  readonly architecture: Architecture;
  /** Layers that other images share, lowest first. */
  readonly below?: readonly Layer[];
  readonly files: Iterable<TarEntry>;
  readonly config: ImageConfig;
}
/** Compressed, with the digest of what it was. */
export interface Layer {
  readonly bytes: Buffer;
  readonly diffId: string;
}
export function layerOf(files: Iterable<TarEntry>): Layer {
  const content = tar(files);
  return { bytes: gzipSync(content, { level: 1 }), diffId: `sha256:${sha256(content)}` };
}
const MEDIA = 'application/vnd.oci.image';

export const ociArchive = (image: ImageSpec): Buffer => ociArchiveOf([image]);
/** Images in the OCI layout, as `ctr images import` and `kubus load` take it; layers that they share are in it once. */
export function ociArchiveOf(images: readonly ImageSpec[]): Buffer {
  const blobs = new Map<string, Buffer>();
  const put = (mediaType: string, content: Buffer): { mediaType: string; digest: string; size: number } => {
    const digest = sha256(content);
    blobs.set(digest, content);
    return { mediaType, digest: `sha256:${digest}`, size: content.length };
  };
  const manifests = images.flatMap(({ names, architecture, below = [], files, config }) => {
    const layers = [...below, layerOf(files)];
    const rootfs = { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) };
    const manifest = {
      schemaVersion: 2,
      mediaType: `${MEDIA}.manifest.v1+json`,
      config: put(`${MEDIA}.config.v1+json`, json({ architecture, os: 'linux', config, rootfs })),
      layers: layers.map(({ bytes }) => put(`${MEDIA}.layer.v1.tar+gzip`, bytes)),
    };
    const described = put(manifest.mediaType, json(manifest));
    return names.map((name) => ({
      ...described,
      platform: { architecture, os: 'linux' },
      annotations: {
        'io.containerd.image.name': name,
        'org.opencontainers.image.ref.name': name.slice(name.lastIndexOf(':') + 1),
      },
    }));
  });
  return tar([
    { path: 'oci-layout', type: 'file', content: json({ imageLayoutVersion: '1.0.0' }) },
    { path: 'index.json', type: 'file', content: json({ schemaVersion: 2, manifests }) },
    { path: 'blobs', type: 'folder' },
    { path: 'blobs/sha256', type: 'folder' },
    ...[...blobs].map(([digest, bytes]): TarEntry => ({
      path: `blobs/sha256/${digest}`,
      type: 'file',
      content: bytes,
    })),
  ]);
}
const json = (value: object): Buffer => Buffer.from(JSON.stringify(value));
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** Name of the image that holds pods' namespaces. */
export const PAUSE_IMAGE = 'registry.local/pause:3.10';
export const pauseArchive = (architecture: Architecture): Buffer =>
  ociArchive({
    names: [PAUSE_IMAGE],
    architecture,
    files: [{ path: 'pause', type: 'file', mode: 0o755, content: pauseProgram(architecture) }],
    config: { Entrypoint: ['/pause'], User: '65535:65535' },
  });

/** What lies below a folder, as files of an image; owners become root. */
export function* entriesOf(folder: string, below = ''): Iterable<TarEntry> {
  for (const name of readdirSync(join(folder, below)).sort()) {
    const path = below === '' ? name : `${below}/${name}`;
    const place = join(folder, path);
    const stat = lstatSync(place);
    if (stat.isSymbolicLink()) yield { path, type: 'link', target: readlinkSync(place) };
    else if (stat.isDirectory()) {
      yield { path, type: 'folder', mode: stat.mode & 0o7777 };
      yield* entriesOf(folder, path);
    } else if (stat.isFile()) yield { path, type: 'file', mode: stat.mode & 0o7777, content: readFileSync(place) };
  }
}
