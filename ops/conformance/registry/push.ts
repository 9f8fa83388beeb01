import { createHash, randomBytes } from 'node:crypto';
import { layerOf } from '../../images/oci.ts';
import type { TarEntry } from '../../images/tar.ts';

const MEDIA = 'application/vnd.oci.image';
const architecture = process.arch === 'arm64' ? 'arm64' : 'amd64';
const digestOf = (bytes: Buffer): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
/** Bytes that no compression makes less. */
export const ballast = (bytes: number): TarEntry => ({ path: 'ballast', type: 'file', content: randomBytes(bytes) });

/** Puts an image into a registry that lets everybody. Resolves with its digest. Source: OCI distribution-spec. */
export async function push(registry: string, repository: string, tag: string, image: { readonly files: Iterable<TarEntry>; readonly config: object }): Promise<string> {
  const upload = async (bytes: Buffer): Promise<{ readonly digest: string; readonly size: number }> => {
    const begun = await ok(fetch(`${registry}/v2/${repository}/blobs/uploads/`, { method: 'POST' }));
    const place = new URL(begun.headers.get('location')!, registry);
    const digest = digestOf(bytes);
    place.searchParams.set('digest', digest);
    await ok(fetch(place, { method: 'PUT', body: new Uint8Array(bytes), headers: { 'content-type': 'application/octet-stream' } }));
    return { digest, size: bytes.length };
  };
  const layer = layerOf(image.files);
  const config = Buffer.from(JSON.stringify({ architecture, os: 'linux', config: image.config, rootfs: { type: 'layers', diff_ids: [layer.diffId] } }));
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: `${MEDIA}.manifest.v1+json`,
      config: { mediaType: `${MEDIA}.config.v1+json`, ...(await upload(config)) },
      layers: [{ mediaType: `${MEDIA}.layer.v1.tar+gzip`, ...(await upload(layer.bytes)) }],
    }),
  );
  await ok(fetch(`${registry}/v2/${repository}/manifests/${tag}`, { method: 'PUT', body: manifest, headers: { 'content-type': `${MEDIA}.manifest.v1+json` } }));
  return digestOf(manifest);
} // prettier-ignore
async function ok(answer: Promise<Response>): Promise<Response> {
  const response = await answer;
  if (!response.ok) throw new Error(`${response.url}: ${response.status} ${await response.text()}`);
  return response;
}
