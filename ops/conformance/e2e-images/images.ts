/** Makes the archive of build.sh: `node images.ts DIR SOURCES`. Names and tags: kubernetes test/utils/image/manifest.go. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fetchFromDebian } from '../../fetch/debian.ts';
import { entriesOf, layerOf, ociArchiveOf, type ImageConfig, type ImageSpec, type Layer } from '../../images/oci.ts';
import { pauseProgram, type Architecture } from '../../images/pause.ts';
import type { TarEntry } from '../../images/tar.ts';

const [, , dir, sources] = process.argv;
if (dir === undefined || sources === undefined)
  throw new Error('usage: node images.ts DIR SOURCES (build.sh calls it)');
const architecture: Architecture = process.arch === 'arm64' ? 'arm64' : 'amd64';
const E2E = 'registry.k8s.io/e2e-test-images';
const ENV = ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'];

const program = (path: string, name = path): TarEntry => ({ path, type: 'file', mode: 0o755, content: readFileSync(join(dir, 'bin', name)) }); // prettier-ignore
const copied = (path: string, from: string): TarEntry => ({ path, type: 'file', content: readFileSync(from) });
const text = (path: string, content: string): TarEntry => ({ path, type: 'file', content: Buffer.from(content) });
const folder = (path: string, mode = 0o755): TarEntry => ({ path, type: 'folder', mode });

/** Debian with what tests call: bash, curl, dig, nc, ip, iperf, perl, nginx, stress, wget. */
const debian = [...entriesOf(join(dir, 'root'))].filter(({ path }) => !/^(etc\/(passwd|group|hosts|resolv\.conf|hostname)|\.complete|dev\/.*)$/.test(path)); // prettier-ignore
const usersOf = (file: 'passwd' | 'group', more = ''): TarEntry =>
  text(`etc/${file}`, readFileSync(join(dir, 'root/etc', file), 'utf8') + more);
const plainUsers = [usersOf('passwd'), usersOf('group')];
// An older one's shell keeps variables from programs whose names are none of a shell.
const box = join(dir, 'bin/busybox');
if (!existsSync(box)) await fetchFromDebian(['busybox-static'], 'usr/bin/busybox', box);
const applets = spawnSync(box, ['--list']).stdout.toString().trim().split('\n');
const busybox: TarEntry[] = [
  folder('bin'),
  { path: 'bin/busybox', type: 'file', mode: 0o755, content: readFileSync(box) },
  ...applets.filter((name) => name !== 'busybox').map((name): TarEntry => ({ path: `bin/${name}`, type: 'link', target: 'busybox' })), // prettier-ignore
  folder('etc'),
  text('etc/passwd', 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n'),
  text('etc/group', 'root:x:0:\nnobody:x:65534:\n'),
  folder('root', 0o700),
  folder('home'),
  folder('tmp', 0o1777),
  folder('var'),
  folder('usr'),
];
const agnhost: TarEntry[] = [
  // Tests of supplementary groups know these.
  usersOf('passwd', 'user-defined-in-image:x:1000:1000::/home/user-defined-in-image:/bin/sh\n'),
  usersOf('group', 'user-defined-in-image:x:1000:\ngroup-defined-in-image:x:50000:user-defined-in-image\n'),
  folder('uploads'),
  copied('localhost.crt', join(sources, 'agnhost/porter/localhost.crt')),
  copied('localhost.key', join(sources, 'agnhost/porter/localhost.key')),
  program('agnhost'),
  { path: 'agnhost-2', type: 'link', target: 'agnhost' },
];
const site = (name: string): TarEntry[] => [
  copied(`${name}.jpg`, join(sources, name, `html/${name}.jpg`)),
  copied('data.json', join(sources, name, 'html/data.json')),
];
const served: ImageConfig = { Entrypoint: ['/agnhost'], Cmd: ['pause'], Env: ENV, ExposedPorts: { '80/tcp': {}, '8080/tcp': {}, '8081/tcp': {}, '9376/tcp': {}, '5000/tcp': {} } }; // prettier-ignore
const [base, shell, host] = [debian, busybox, agnhost].map(layerOf) as [Layer, Layer, Layer];

const image = (names: readonly string[], below: readonly Layer[], files: readonly TarEntry[], config: ImageConfig): ImageSpec => ({
  names: names.map((name) => (name.includes('/') ? name : `${E2E}/${name}`)), architecture, below, files, config: { Env: ENV, ...config },
}); // prettier-ignore
const images = [
  image(['agnhost:2.63.0', 'agnhost:2.55'], [base, host], [], served),
  image(['kitten:1.8'], [base, host], site('kitten'), { ...served, Cmd: ['test-webserver'] }),
  image(['nautilus:1.8'], [base, host], site('nautilus'), { ...served, Cmd: ['test-webserver'] }),
  image(['nginx:1.27-0', 'nginx:1.15-4'], [base], plainUsers, { Cmd: ['nginx', '-g', 'daemon off;'], ExposedPorts: { '80/tcp': {} } }),
  image(['perl:5.26'], [base], plainUsers, { Cmd: ['perl', '-de0'] }),
  image(['glibc-dns-testing:2.0.0'], [base], plainUsers, { Cmd: ['sh'] }),
  image(['ipc-utils:1.4'], [base], plainUsers, { Cmd: ['sh'] }),
  image(['resource-consumer:1.14'], [base], [...plainUsers, program('consumer', 'resource-consumer'), folder('consume-cpu'), program('consume-cpu/consume-cpu', 'consume-cpu')], {
    Entrypoint: ['/consumer'], ExposedPorts: { '8080/tcp': {} },
  }),
  image(['busybox:1.37.0-1', 'docker.io/library/busybox:1'], [shell], [], { Cmd: ['sh'] }),
  image(['nonroot:1.5'], [shell], [], { Cmd: ['sh'], User: '1234' }),
  image(['nonewprivs:1.4'], [shell], [folder('usr/local'), folder('usr/local/bin'), { ...program('usr/local/bin/nnp', 'nonewprivs'), mode: 0o6755 }], { Cmd: ['nnp'] }),
  image(['regression-issue-74839:1.4'], [], [program('regression-issue-74839')], { Entrypoint: ['/regression-issue-74839'] }),
  image(['sample-apiserver:1.29.2'], [], [program('sample-apiserver')], { Entrypoint: ['/sample-apiserver'] }),
  image(['registry.k8s.io/etcd:3.6.8-0'], [], [folder('usr'), folder('usr/local'), folder('usr/local/bin'), program('usr/local/bin/etcd', 'etcd')], {}),
  image(['registry.k8s.io/pause:3.10.2'], [], [{ path: 'pause', type: 'file', mode: 0o755, content: pauseProgram(architecture) }], {
    Entrypoint: ['/pause'], User: '65535:65535',
  }),
]; // prettier-ignore
const file = join(dir, 'e2e-images.tar');
writeFileSync(file, ociArchiveOf(images));
process.stdout.write(`${file}: ${images.flatMap(({ names }) => names).join(', ')}\n`);
