import { spawn, spawnSync } from 'node:child_process';
import { chdir } from 'node:process';
import {
  lstat,
  mkdir,
  readFile,
  readdir,
  readlink,
  rename,
  stat,
  statfs,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { realWorld } from '../../../bus/real-world.ts';
import type { PersistentVolumeClaim, Pod, Volume, VolumeMount } from '../../../schemas/generated/core-v1.ts';
import { persistentVolumeClaims, persistentVolumes } from '../../../actors/runtime/resources.ts';
import { machineCommands } from '../../host/commands.ts';
import type { Mount } from '../../runtime/cri/parts.ts';
import { machineMounts, mountsWithin } from '../mounts.ts';
import { volumeBench } from './bench.ts';

/** What became of real mounts: run in a mount namespace of its own, tells as JSON. */
const never = new AbortController().signal;
const world = realWorld({ level: 'silent', unrefTimers: true });
const commands = machineCommands(world);
const mounts = machineMounts(commands);
const b = await volumeBench({ mounts, commands });
const told: Record<string, unknown> = {};
const why = (error: unknown): string => (error as { code?: string }).code ?? (error as Error).message;
const tried = async (work: () => Promise<unknown>): Promise<unknown> => work().catch(why);

const ended = (pod: Pod): Promise<boolean> => b.ended(pod, 600_000);
const podOf = (name: string, volumes: Volume[], volumeMounts: VolumeMount[] = []): Pod => {
  const all = volumes.map((volume) => ({ name: volume.name, mountPath: `/${volume.name}` }));
  const containers = [
    { name: 'main', image: 'i', volumeMounts },
    { name: 'other', image: 'i', volumeMounts: all },
  ];
  return b.pod(name, { volumes, containers });
};
const mountsOf = (pod: Pod): Promise<readonly Mount[]> => b.parts.mountsOf(pod, pod.spec!.containers[0]!, never);
const left = async (): Promise<string[]> => mountsWithin(await mounts.list(), b.root).map(({ path }) => path);

// In memory, no more than was said.
const memory = podOf('memory', [{ name: 'm', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } }]);
await b.mounted(memory);
const tmpfs = b.folder(memory, 'empty-dir', 'm');
told['tmpfs'] = (await mounts.list()).find(({ path }) => path === tmpfs)?.type;
told['tooMuch'] = await tried(() => writeFile(join(tmpfs, 'f'), Buffer.alloc(2 * 1024 * 1024)));
told['memoryEnds'] = [await ended(memory), await left()];

// Paths within a volume.
const outside = join(b.root, 'outside');
await mkdir(outside);
await writeFile(join(outside, 'secret'), 'of the node');
const uses = (name: string, subPath: string): Pod =>
  podOf(name, [{ name: 'v', emptyDir: {} }], [{ name: 'v', mountPath: '/v', subPath }]);
const within = uses('within', 'a/b');
await b.mounted(within);
const volume = b.folder(within, 'empty-dir', 'v');
const [first] = await mountsOf(within);
await writeFile(join(volume, 'a', 'b', 'f'), '1');
told['bound'] = await readFile(join(first!.hostPath, 'f'), 'utf8');
told['boundAgain'] = (await mountsOf(within))[0]!.hostPath === first!.hostPath && (await left()).length === 1;
// Whoever may write the volume puts a link in the place: the container keeps what it was given.
await rename(join(volume, 'a', 'b'), join(volume, 'a', 'c'));
await symlink(outside, join(volume, 'a', 'b'));
told['swapped'] = await readdir(first!.hostPath);
told['escape'] = await tried(() => mountsOf(within));
told['withinEnds'] = [await ended(within), await left(), await readFile(join(outside, 'secret'), 'utf8')];

const links = uses('links', 'in/f');
await b.mounted(links);
const linked = b.folder(links, 'empty-dir', 'v');
await mkdir(join(linked, 'real'));
await writeFile(join(linked, 'real', 'f'), 'inside');
await symlink('real', join(linked, 'in'));
told['linkWithin'] = await readFile((await mountsOf(links))[0]!.hostPath, 'utf8');
for (const [what, target] of [
  ['out', outside],
  ['dangling', join(outside, 'nope')],
] as const) {
  await symlink(target, join(linked, what));
  told[what] = await tried(() => mountsOf({ ...links, spec: uses('links', `${what}/x`).spec! }));
}
told['madeOutside'] = await readdir(outside);
told['linksEnds'] = [await ended(links), await left()];

// Folders of the node as volumes.
const data = join(b.root, 'data');
await mkdir(data);
await writeFile(join(data, 'f'), 'kept');
await b.bound({ local: { path: data } });
const claim = (readOnly: boolean) => [{ name: 'v', persistentVolumeClaim: { claimName: 'c', readOnly } }];
const reader = podOf('reader', claim(true));
await b.mounted(reader);
told['readOnly'] = await tried(() => writeFile(join(b.folder(reader, 'local-volume', 'pv'), 'g'), ''));
told['readerEnds'] = [await ended(reader), await left()];

const holder = podOf('holder', claim(false), [{ name: 'v', mountPath: '/v', subPath: 'sub' }]);
await b.mounted(holder);
await mountsOf(holder);
const folder = b.folder(holder, 'local-volume', 'pv');
chdir(folder);
const busy = spawn('sleep', ['60'], { stdio: 'ignore', cwd: folder });
chdir('/');
b.disk.unmount('uid-holder');
// It was tried, and could not be.
await b.until(() => b.world.complaints.some(({ message }) => message === 'volume not torn down'));
told['busy'] = [(await left()).includes(folder), await readFile(join(data, 'f'), 'utf8')];
busy.kill('SIGKILL');
await new Promise((resolve) => busy.once('exit', resolve));
told['holderEnds'] = [
  await ended(holder),
  await left(),
  await readFile(join(data, 'f'), 'utf8'),
  (await lstat(join(data, 'sub'))).isDirectory(),
];

// A kubelet that was killed: what comes after it takes all away, and no more.
const orphan = podOf(
  'orphan',
  [...claim(false), { name: 'e', emptyDir: {} }, { name: 's', emptyDir: { medium: 'Memory' } }],
  [{ name: 'e', mountPath: '/e', subPath: 'x' }],
);
await b.mounted(orphan);
await mountsOf(orphan);
told['orphanMounts'] = (await left()).length;
const later = b.restarted();
await later.disk.open(() => false);
await later.until(async () => (await readdir(join(b.root, 'pods'))).length === 0);
told['orphanEnds'] = [await left(), await readFile(join(data, 'f'), 'utf8')];

// A device as a volume, open for as long as it is one: only then does it end.
const image = join(b.root, 'device.img');
await writeFile(image, Buffer.alloc(1024 * 1024, 'x'));
const loop = spawnSync('losetup', ['--find', '--show', image], { encoding: 'utf8' });
if (loop.status === 0) {
  const device = loop.stdout.trim();
  const isThere = (): boolean => spawnSync('losetup', [device]).status === 0;
  await later.api.client().patch(persistentVolumes, 'pv', undefined, 'merge', { spec: { volumeMode: 'Block', local: { path: device } } }); // prettier-ignore
  const containers = [{ name: 'main', image: 'i', volumeDevices: [{ name: 'v', devicePath: '/dev/x' }] }];
  const user = later.pod('user', { volumes: claim(false), containers });
  await later.mounted(user);
  const [given] = await later.parts.mountsOf(user, user.spec!.containers[0]!, never);
  const bound = join(later.host.plugins, 'kubernetes.io~local-volume', 'volumeDevices', 'pv', 'uid-user');
  told['deviceSize'] = await (later.disk.mountedOf('uid-user').get('v')!.count as () => Promise<unknown>)();
  spawnSync('losetup', ['--detach', device]);
  told['device'] = [(await readlink(given!.hostPath)) === device, (await stat(bound)).isBlockDevice(), isThere()];
  told['deviceEnds'] = [
    await later.ended(user, 600_000),
    await left(),
    isThere(),
    await readdir(join(bound, '..', '..')),
  ];
}

// A loop device of a file in a folder that goes with its pod goes too.
const scratch = later.pod('scratch', { volumes: [{ name: 'e', emptyDir: {} }] });
await later.mounted(scratch);
const inside = join(later.folder(scratch, 'empty-dir', 'e'), 'f');
await writeFile(inside, Buffer.alloc(1024 * 1024));
const looped = spawnSync('losetup', ['--find', '--show', inside], { encoding: 'utf8' });
if (looped.status === 0) {
  const gone = await later.ended(scratch, 600_000);
  told['looped'] = [gone, spawnSync('losetup', [looped.stdout.trim()]).status !== 0];
}

// A device with nothing on it becomes a file system, once; what is in it stays, whoever has it.
const disk = join(b.root, 'disk.img');
await writeFile(disk, Buffer.alloc(16 * 1024 * 1024));
const attached = spawnSync('losetup', ['--find', '--show', disk], { encoding: 'utf8' });
if (attached.status === 0 && spawnSync('mkfs.ext4', ['-V']).status === 0) {
  const device = attached.stdout.trim();
  const global = join(later.host.plugins, 'kubernetes.io', 'local-volume', 'mounts', 'pv');
  const typeOn = async (path: string): Promise<string | undefined> => (await mounts.list()).findLast((one) => one.path === path)?.type; // prettier-ignore
  const spec = {
    volumeMode: 'Filesystem',
    accessModes: ['ReadWriteMany'],
    local: { path: device },
    claimRef: { namespace: 'default', name: 'c' },
    capacity: { storage: '16Mi' },
  };
  await later.api.client().patch(persistentVolumes, 'pv', undefined, 'merge', { spec });
  const [one, two] = [podOf('one', claim(false)), podOf('two', claim(true))];
  const place = (pod: Pod): string => later.folder(pod, 'local-volume', 'pv');
  await later.mounted(one);
  await writeFile(join(place(one), 'f'), 'written');
  // It grows with its volume, while a pod has it.
  await truncate(disk, 64 * 1024 * 1024);
  spawnSync('losetup', ['--set-capacity', device]);
  const resize = (storage: string) =>
    later.api.client().patch(persistentVolumes, 'pv', undefined, 'merge', { spec: { capacity: { storage } } });
  await resize('64Mi');
  const said = (): unknown => later.api.object<PersistentVolumeClaim>(persistentVolumeClaims, 'default/c')?.status?.capacity?.['storage']; // prettier-ignore
  // Of ext4 that is for who has CAP_SYS_RESOURCE.
  const mayNot = (): boolean =>
    later.told('VolumeResizeFailed').some((message) => message.includes('Permission denied'));
  await later.until(() => said() === '64Mi' || mayNot(), 130_000);
  if (mayNot()) await resize('16Mi');
  const { blocks, bsize } = await statfs(place(one));
  told['diskGrown'] = mayNot() || blocks * bsize > 48 * 1024 * 1024;
  await later.mounted(two);
  told['disk'] = [await typeOn(global), await typeOn(place(one)), await readFile(join(place(two), 'f'), 'utf8')];
  told['diskReadOnly'] = await tried(() => writeFile(join(place(two), 'g'), ''));
  told['diskShared'] = [await later.ended(one, 600_000), await typeOn(global)];
  // The last one goes while no kubelet is there to see it.
  const last = later.restarted();
  await last.disk.open(() => false);
  await last.until(async () => (await readdir(join(b.root, 'pods'))).length === 0);
  told['diskEnds'] = [await left(), await readdir(join(global, '..'))];
  const three = podOf('three', claim(false));
  await last.mounted(three);
  told['diskAgain'] = [await readFile(join(place(three), 'f'), 'utf8'), await last.ended(three, 600_000)];
  // What is no file system at all is left as it is.
  spawnSync('mkswap', [device]);
  const four = podOf('four', claim(false));
  last.begin(four);
  await last.until(() => last.told().some((message) => message.includes('local: failed to mount device')));
  told['diskTaken'] = last.told().find((message) => message.includes('MountDevice'))?.replaceAll(device, 'DISK').split(' error ')[0]; // prettier-ignore
  told['diskKept'] = spawnSync('blkid', ['-p', '-s', 'TYPE', '-o', 'value', device], {
    encoding: 'utf8',
  }).stdout.trim();
  told['diskLeft'] = [await last.ended(four, 600_000), await left()];
  spawnSync('losetup', ['--detach', device]);
  await last.close();
}
await later.close();
process.stdout.write(JSON.stringify(told));
