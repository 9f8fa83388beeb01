import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ociArchive } from '../../images/oci.ts';
import type { TarEntry } from '../../images/tar.ts';

/** Statically linked, of the package busybox-static. */
export const BUSYBOX = '/bin/busybox';
const PROGRAMS = ['sh', 'httpd', 'wget', 'nc', 'sleep', 'cat', 'echo', 'hostname', 'ls', 'tar', 'date', 'nslookup'];
const folder = (path: string, mode = 0o755): TarEntry => ({ path, type: 'folder', mode });
const file = (path: string, content: string, mode = 0o755): TarEntry => ({
  path,
  type: 'file',
  mode,
  content: Buffer.from(content),
});
/** What a page says: who answers, which version, and what the store holds. */
const PAGE = `#!/bin/sh
echo "Content-Type: text/plain"
echo
value=$(wget -q -O - http://store:8080/value) || value="no store"
echo "web $VERSION on $(hostname): $value"
`;
export const IMAGES = {
  tools: 'registry.local/tools:1',
  store: 'registry.local/store:1',
  web: 'registry.local/web:1',
} as const;

/** Writes archives of the app's images into a folder, made of this machine's files alone. Resolves with their paths. */
export function buildImages(into: string): string[] {
  const base: TarEntry[] = [
    folder('bin'),
    folder('tmp', 0o1777),
    folder('etc'),
    { path: 'bin/busybox', type: 'file', mode: 0o755, content: readFileSync(BUSYBOX) },
    ...PROGRAMS.map((name): TarEntry => ({ path: `bin/${name}`, type: 'link', target: 'busybox' })),
  ];
  const serve = ['httpd', '-f', '-p', '8080', '-h', '/www'];
  const images = [
    { name: IMAGES.tools, files: [], config: { Cmd: ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 1; done'] } },
    { name: IMAGES.store, files: [folder('www'), file('www/value', 'forty-two\n', 0o644)], config: { Cmd: serve } },
    {
      name: IMAGES.web,
      files: [folder('www'), folder('www/cgi-bin'), file('www/cgi-bin/page', PAGE), file('www/ready', 'yes\n', 0o644)],
      config: { Cmd: serve, Env: ['VERSION=1'] },
    },
  ];
  return images.map(({ name, files, config }) => {
    const archive = join(into, `${name.split('/')[1]!.replace(':', '-')}.tar`);
    const env = ['PATH=/bin', ...('Env' in config ? config.Env : [])];
    const architecture = process.arch === 'arm64' ? 'arm64' : 'amd64';
    writeFileSync(
      archive,
      ociArchive({ names: [name], architecture, files: [...base, ...files], config: { ...config, Env: env } }),
    );
    return archive;
  });
}
