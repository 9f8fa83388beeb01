import { execFileSync } from 'node:child_process';
import { readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ociArchive } from '../../images/oci.ts';
import type { TarEntry } from '../../images/tar.ts';

/** Holds kubectl, which asks as any client within a cluster does: by the files and variables that a pod has. */
export const CLIENT_IMAGE = 'registry.local/client:1';

/** Writes that image's archive into a folder, made of this machine's files alone. Resolves with its path. */
export function buildClientImage(into: string, busybox: string, kubectl: string): string {
  const archive = join(into, 'client-1.tar');
  const files: TarEntry[] = [
    { path: 'bin', type: 'folder' },
    { path: 'tmp', type: 'folder', mode: 0o1777 },
    program('bin/busybox', busybox),
    program('bin/kubectl', kubectl),
    ...['sh', 'sleep', 'cat', 'nc', 'wget', 'httpd', 'echo', 'mkdir'].map((name): TarEntry => ({ path: `bin/${name}`, type: 'link', target: 'busybox' })),
    ...librariesOf(kubectl).map((file) => program(file.slice(1), file)),
  ]; // prettier-ignore
  const architecture = process.arch === 'arm64' ? 'arm64' : 'amd64';
  const config = { Env: ['PATH=/bin'], Cmd: ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 1; done'] };
  writeFileSync(archive, ociArchive({ names: [CLIENT_IMAGE], architecture, files, config }));
  return archive;
}
const program = (path: string, file: string): TarEntry => ({ path, type: 'file', mode: 0o755, content: readFileSync(realpathSync(file)) }); // prettier-ignore
/** None where it is linked statically. */
function librariesOf(file: string): string[] {
  try {
    const said = execFileSync('ldd', [file], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return [...said.matchAll(/(\/\S+) \(0x/g)].map(([, library = '']) => library);
  } catch {
    return [];
  }
}
