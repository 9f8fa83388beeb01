import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ociArchive } from '../../images/oci.ts';
import type { TarEntry } from '../../images/tar.ts';
import { BUSYBOX } from '../real-nodes/images.ts';
import { ballast, push } from './push.ts';

const LOADED = 'registry.local/loaded:1';
const PROGRAMS = ['sh', 'sleep', 'cat'];
const FILES: readonly TarEntry[] = [
  { path: 'bin', type: 'folder', mode: 0o755 },
  { path: 'bin/busybox', type: 'file', mode: 0o755, content: readFileSync(BUSYBOX) },
  ...PROGRAMS.map((name): TarEntry => ({ path: `bin/${name}`, type: 'link', target: 'busybox' })),
];
const CONFIG = { Env: ['PATH=/bin'], Cmd: ['sleep', '100000'] };
/** Bytes of a layer that takes its time. */
const BIG = 400_000;
const many = (name: string, n: number): string[] => Array.from({ length: n }, (_, i) => `${name}-${i}`);

/** Resolves with the digest of `app:1`, which has many names; every other image is another. */
export async function fill(registry: string): Promise<string> {
  let digest = '';
  for (const path of ['', 'old/', 'team/', 'other/', 'mine/', 'provided/'])
    digest = await push(registry, `${path}app`, '1', { files: FILES, config: CONFIG });
  const others = ['policy', 'provided/again', ...many('big', 6), ...many('serial', 3)];
  for (const name of others) {
    const config = { ...CONFIG, Labels: { name } };
    await push(registry, name, '1', { files: [...FILES, ...(name.includes('-') ? [ballast(BIG)] : [])], config });
  }
  const note: TarEntry = { path: 'note', type: 'file', content: Buffer.from('in an image\n') };
  await push(registry, 'volume/data', '1', { files: [note], config: {} });
  return digest;
}
/** An archive that no registry knows of. */
export function writeLoaded(dir: string): string {
  const file = join(dir, 'loaded.tar');
  const architecture = process.arch === 'arm64' ? 'arm64' : 'amd64';
  writeFileSync(file, ociArchive({ names: [LOADED], architecture, files: FILES, config: { ...CONFIG, Labels: { loaded: '' } } })); // prettier-ignore
  return file;
}
