import { chmod, lstat, mkdir, readFile, readdir, readlink, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ConfigMap, Pod, PodSpec, Secret } from '../../schemas/generated/core-v1.ts';
import { configMaps, secrets } from '../../actors/runtime/resources.ts';
import { volumeBench, type VolumeBench } from './testing/bench.ts';

let b: VolumeBench;
beforeEach(async () => void (b = await volumeBench()));
afterEach(() => b.close());
const V1 = { apiVersion: 'v1' };
const mode = async (path: string): Promise<string> => ((await lstat(path)).mode & 0o7777).toString(8);
const exists = (path: string): Promise<boolean> => stat(path).then(() => true, () => false); // prettier-ignore
const shown = async (folder: string): Promise<string[]> => (await readdir(folder)).filter((name) => !name.startsWith('..')).sort(); // prettier-ignore
const text = (...path: string[]): Promise<string> => readFile(join(...path), 'utf8');
const configMap = (name: string, data: Record<string, string>, more: Partial<ConfigMap> = {}): Promise<ConfigMap> =>
  b.api.client().create<ConfigMap>(configMaps, { ...V1, kind: 'ConfigMap', metadata: { name, namespace: 'default' }, data, ...more }); // prettier-ignore
const secret = (name: string, data: Record<string, string>): Promise<Secret> =>
  b.api.client().create<Secret>(secrets, { ...V1, kind: 'Secret', metadata: { name, namespace: 'default' }, data: Object.fromEntries(Object.entries(data).map(([k, v]) => [k, Buffer.from(v).toString('base64')])) }); // prettier-ignore
const podWith = (...volumes: NonNullable<PodSpec['volumes']>): Pod => b.pod('p', { volumes });
const failsWith = async (pod: Pod, message: string): Promise<void> => {
  b.begin(pod);
  await b.until(() => b.told().length > 0);
  expect(b.told()).toEqual([message]);
};

describe('files of a ConfigMap', () => {
  it('are there before the pod starts, and change with it', async () => {
    await configMap('c', { 'a.txt': 'one', b: 'two' });
    const pod = podWith({ name: 'v', configMap: { name: 'c', defaultMode: 0o640 } });
    await b.mounted(pod);
    const folder = b.folder(pod, 'configmap', 'v');
    expect(await text(folder, 'a.txt')).toBe('one');
    expect(await mode(join(folder, '..data', 'b'))).toBe('640');
    await b.api.client().patch(configMaps, 'c', 'default', 'merge', { data: { 'a.txt': 'three', b: null, d: 'four' } });
    await b.until(async () => (await text(folder, 'a.txt')) === 'three');
    await b.until(async () => (await shown(folder)).join() === 'a.txt,d');
  });
  it('that is not there keep the pod waiting, which is told, until it is', async () => {
    const pod = podWith({ name: 'v', configMap: { name: 'c' } });
    const state = b.begin(pod);
    await b.until(() => b.told().length > 0);
    expect(b.told()).toEqual(['MountVolume.SetUp failed for volume "v" : configmap "c" not found']);
    await b.world.advance(130_000);
    expect(b.told()).toContain('Unable to attach or mount volumes: unmounted volumes=[v], unattached volumes=[], failed to process volumes=[]: context deadline exceeded');
    expect(state.done).toBe(false);
    await configMap('c', { a: '1' });
    await b.until(() => state.done);
    expect(await text(b.folder(pod, 'configmap', 'v'), 'a')).toBe('1');
  }); // prettier-ignore
  it('that need not be there come when they do', async () => {
    const pod = podWith({ name: 'v', configMap: { name: 'c', optional: true } });
    await b.mounted(pod);
    const folder = b.folder(pod, 'configmap', 'v');
    expect(await shown(folder)).toEqual([]);
    await configMap('c', { a: '1' });
    await b.until(async () => (await shown(folder)).join() === 'a');
  });
  it('are those that were asked for, under the names that were asked for', async () => {
    await configMap('c', { a: '1', b: '2' }, { binaryData: { bin: Buffer.from([0, 255]).toString('base64') } });
    const items = [{ key: 'a', path: 'x/y', mode: 0o600 }, { key: 'bin', path: 'z' }]; // prettier-ignore
    const pod = podWith({ name: 'v', configMap: { name: 'c', items } });
    await b.mounted(pod);
    const folder = b.folder(pod, 'configmap', 'v');
    expect([await shown(folder), await text(folder, 'x', 'y')]).toEqual([['x', 'z'], '1']);
    expect(await mode(join(folder, '..data', 'x', 'y'))).toBe('600');
    expect([...(await readFile(join(folder, 'z')))]).toEqual([0, 255]);
  });
  it('with a key that is not there are told of', async () => {
    await configMap('c', { a: '1' });
    const items = [{ key: 'nope', path: 'x' }];
    await failsWith(podWith({ name: 'v', configMap: { name: 'c', items } }), 'MountVolume.SetUp failed for volume "v" : configmap references non-existent config key: nope'); // prettier-ignore
  });
});

describe('a Secret', () => {
  it('is kept in memory, and nothing of it stays', async () => {
    await secret('s', { pw: 'hunter2' });
    const pod = podWith({ name: 'v', secret: { secretName: 's', defaultMode: 0o400 } });
    await b.mounted(pod);
    const folder = b.folder(pod, 'secret', 'v');
    expect(b.mounts.all).toMatchObject([{ path: folder, type: 'tmpfs' }]);
    expect(await text(folder, 'pw')).toBe('hunter2');
    await b.ended(pod);
    expect([b.mounts.all, await exists(folder)]).toEqual([[], false]);
  });
  it('with a key that is not there is told of', async () => {
    await secret('s', {});
    const items = [{ key: 'nope', path: 'x' }];
    await failsWith(podWith({ name: 'v', secret: { secretName: 's', items } }), 'MountVolume.SetUp failed for volume "v" : references non-existent secret key: nope'); // prettier-ignore
  });
});

describe('a projected volume', () => {
  it('has all its sources in it, the last of a name', async () => {
    await configMap('c', { a: 'map', b: 'map' });
    await secret('s', { b: 'secret' });
    const sources = [{ configMap: { name: 'c' } }, { secret: { name: 's' } }, { downwardAPI: { items: [{ path: 'name', fieldRef: { fieldPath: 'metadata.name' } }, { path: 'cpu', resourceFieldRef: { containerName: 'main', resource: 'limits.cpu', divisor: '1m' } }] } }]; // prettier-ignore
    const pod = podWith({ name: 'v', projected: { sources } });
    await b.mounted(pod);
    const folder = b.folder(pod, 'projected', 'v');
    expect(await Promise.all(['a', 'b', 'name', 'cpu'].map((name) => text(folder, name)))).toEqual(['map', 'secret', 'p', '4000']); // prettier-ignore
  });
  it('renews its token when four fifths of its time are over, and keeps the old one while it cannot', async () => {
    const asked: unknown[] = [];
    let n = 0;
    const issue = (): void =>
      b.issue(({ spec }) => {
        asked.push(spec);
        return { token: `t${++n}`, expirationTimestamp: new Date(b.world.clock.now() + 600_000).toISOString() };
      });
    issue();
    const pod = b.pod('p', { serviceAccountName: 'sa', securityContext: { runAsUser: process.getuid!() }, volumes: [{ name: 'v', projected: { sources: [{ serviceAccountToken: { path: 'token', audience: 'vault', expirationSeconds: 600 } }] } }] }); // prettier-ignore
    await b.mounted(pod);
    const file = join(b.folder(pod, 'projected', 'v'), 'token');
    expect([await text(file), await mode(await readlinkOf(file))]).toEqual(['t1', '600']);
    expect(asked).toEqual([{ audiences: ['vault'], expirationSeconds: 600, boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'uid-p' } }]); // prettier-ignore
    await b.world.advance(460_000);
    expect(await text(file)).toBe('t1');
    b.issue(() => {
      throw new Error('no answer');
    });
    await b.world.advance(40_000);
    expect([await text(file), b.told()]).toEqual(['t1', []]);
    issue();
    await b.until(async () => (await text(file)) === 't2');
  });
  it('says all that is wrong with it at once', async () => {
    const sources = [{ configMap: { name: 'c' } }, { secret: { name: 's' } }];
    await failsWith(podWith({ name: 'v', projected: { sources } }), 'MountVolume.SetUp failed for volume "v" : [configmap "c" not found, secret "s" not found]'); // prettier-ignore
  });
});
const readlinkOf = async (path: string): Promise<string> => join(path, '..', await readlink(path));

it('the downward API follows the pod', async () => {
  const items = [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }];
  const pod = b.pod('p', { volumes: [{ name: 'v', downwardAPI: { items } }] }, { name: 'p', namespace: 'default', uid: 'uid-p', labels: { a: '1' } }); // prettier-ignore
  await b.mounted(pod);
  const file = join(b.folder(pod, 'downward-api', 'v'), 'labels');
  expect(await text(file)).toBe('a="1"');
  b.disk.see({ ...pod, metadata: { ...pod.metadata, labels: { a: '2', b: 'x"y' } } });
  await b.until(async () => (await text(file)) === 'a="2"\nb="x\\"y"');
});

describe('an emptyDir', () => {
  it("is its pod's group's, and what the pod makes of it is its own", async () => {
    const pod = b.pod('p', { securityContext: { fsGroup: process.getgid!() }, volumes: [{ name: 'v', emptyDir: {} }] });
    await b.mounted(pod);
    const folder = b.folder(pod, 'empty-dir', 'v');
    expect(await mode(folder)).toBe('2777');
    await writeFile(join(folder, 'own'), '', { mode: 0o600 });
    b = b.restarted();
    b.disk.adopt(pod);
    await b.until(() => b.disk.mountedOf('uid-p').size === 1);
    expect(await mode(join(folder, 'own'))).toBe('600');
    await b.ended(pod);
    expect(await readdir(join(b.host.pods, 'uid-p'))).toEqual([]);
  });
  it.each([
    ['what the node has', {}, {}, 1024 ** 3],
    ['what it says', { sizeLimit: '16Mi' }, {}, 16 * 1024 ** 2],
    ['what its pod may use', { sizeLimit: '1Gi' }, { limits: { memory: '64Mi' } }, 64 * 1024 ** 2],
  ])('in memory is no larger than %s', async (_, emptyDir, resources, bytes) => {
    const pod = b.pod('p', { volumes: [{ name: 'v', emptyDir: { medium: 'Memory', ...emptyDir } }], containers: [{ name: 'main', image: 'i', resources, volumeMounts: [{ name: 'v', mountPath: '/v' }] }] }); // prettier-ignore
    await b.mounted(pod);
    expect(b.mounts.options.get(b.folder(pod, 'empty-dir', 'v'))).toEqual([`size=${bytes}`]);
  });
  it('in memory is as new when the node was started anew', async () => {
    const pod = b.pod('p', { securityContext: { fsGroup: process.getgid!() }, volumes: [{ name: 'v', emptyDir: { medium: 'Memory' } }] }); // prettier-ignore
    await b.mounted(pod);
    b.mounts.all.length = 0;
    const folder = b.folder(pod, 'empty-dir', 'v');
    await chmod(folder, 0o777);
    b = b.restarted();
    await b.mounted(pod);
    expect([b.mounts.all.length, await mode(folder)]).toEqual([1, '2777']);
  });
  it('of huge pages is refused', () =>
    failsWith(podWith({ name: 'v', emptyDir: { medium: 'HugePages-2Mi' } }), 'MountVolume.SetUp failed for volume "v" : medium HugePages-2Mi: hugePages storage requested, but there is no resource request for huge pages')); // prettier-ignore
});

describe('a hostPath', () => {
  it.each([
    ['Directory', 'file', 'a directory'],
    ['DirectoryOrCreate', 'file', 'a directory'],
    ['File', 'dir', 'a file'],
    ['FileOrCreate', 'dir', 'a file'],
    ['File', 'nope', 'a file'],
    ['Socket', 'file', 'a socket file'],
    ['CharDevice', 'file', 'a character device'],
    ['BlockDevice', 'file', 'a block device'],
  ])('of type %s on a %s is told of', async (type, what, why) => {
    await mkdir(join(b.root, 'dir'));
    await writeFile(join(b.root, 'file'), '');
    const path = join(b.root, what);
    await failsWith(podWith({ name: 'v', hostPath: { path, type: type as 'File' } }), `MountVolume.SetUp failed for volume "v" : hostPath type check failed: ${path} is not ${why}`); // prettier-ignore
  });
  it('is made where that is asked for, and stays', async () => {
    const [folder, file] = [join(b.root, 'a', 'b'), join(b.root, 'f')];
    const pod = podWith({ name: 'v', hostPath: { path: folder, type: 'DirectoryOrCreate' } }, { name: 'w', hostPath: { path: file, type: 'FileOrCreate' } }); // prettier-ignore
    await b.mounted(pod);
    expect([await mode(folder), await mode(file)]).toEqual(['755', '644']);
    await b.ended(pod);
    expect([await exists(folder), await exists(file)]).toEqual([true, true]);
  });
});

describe('a local volume', () => {
  const bound = async (path: string): Promise<Pod> => {
    await b.bound({ local: { path } });
    return podWith({ name: 'v', persistentVolumeClaim: { claimName: 'c' } });
  };
  it('is bound into its pod, and stays when the pod goes, however long that takes', async () => {
    await mkdir(join(b.root, 'data'));
    await writeFile(join(b.root, 'data', 'f'), 'kept');
    const pod = await bound(join(b.root, 'data'));
    await b.mounted(pod);
    const folder = b.folder(pod, 'local-volume', 'pv');
    expect(b.mounts.all).toMatchObject([{ path: folder, source: join(b.root, 'data') }]);
    // As if it were the volume itself that one sees there.
    await writeFile(join(folder, 'f'), 'kept');
    b.mounts.busy.add(folder);
    b.disk.unmount('uid-p');
    await b.world.advance(3_000);
    expect(await text(folder, 'f')).toBe('kept');
    b.mounts.busy.clear();
    // Unmounted, but something is in the way: never more than an empty folder is removed.
    await b.until(() => b.mounts.all.length === 0, 600_000);
    await b.world.advance(10_000);
    expect(await text(folder, 'f')).toBe('kept');
  });
  it('that is not there is told of by its name', async () => {
    const pod = await bound(join(b.root, 'nope'));
    await failsWith(pod, `MountVolume.NewMounter initialization failed for volume "pv" : path "${join(b.root, 'nope')}" does not exist`); // prettier-ignore
  });
});

it('an image is mounted as it is, and taken off with its pod', async () => {
  const pod = podWith({ name: 'v', image: { reference: 'app:1' } });
  await b.mounted(pod);
  const folder = b.folder(pod, 'image', 'v');
  expect(b.mounts.all).toMatchObject([{ path: folder, source: 'app:1' }]);
  expect(b.disk.mountedOf('uid-p').get('v')).toEqual({ path: folder, readOnly: true, count: 'nothing' });
  expect([...b.host.images.inUse()]).toEqual(['id of app:1']);
  // The next kubelet knows too, whatever has that name by then.
  b = b.restarted();
  b.disk.adopt(podWith({ name: 'v', image: { reference: 'other:1' } }));
  await b.until(() => b.disk.mountedOf('uid-p').size === 1);
  expect([...b.host.images.inUse()]).toEqual(['id of app:1']);
  await b.ended(pod);
  expect([b.mounts.all, b.host.images.inUse().size, await readdir(join(b.host.pods, 'uid-p'))]).toEqual([[], 0, []]);
});
it('a volume that no container has keeps nobody waiting, until a container has it that is added', async () => {
  await configMap('c', { a: '1' });
  const spec = { volumes: [{ name: 'v', configMap: { name: 'c' } }], containers: [{ name: 'main', image: 'i' }] };
  const pod = b.pod('p', spec);
  await b.mounted(pod);
  expect([b.disk.mountedOf('uid-p').size, await exists(b.folder(pod, 'configmap', 'v'))]).toEqual([0, false]);
  const added = { name: 'debug', image: 'i', volumeMounts: [{ name: 'v', mountPath: '/v' }] };
  const now = b.pod('p', { ...spec, ephemeralContainers: [added] });
  b.disk.see(now);
  let mounts: readonly object[] | undefined;
  void b.parts.mountsOf(now, added, new AbortController().signal).then((found) => (mounts = found));
  await b.until(() => mounts !== undefined);
  expect(mounts).toMatchObject([{ hostPath: b.folder(pod, 'configmap', 'v') }]);
  await b.ended(now);
  expect(await readdir(join(b.host.pods, 'uid-p'))).toEqual([]);
});
it('a volume of a kind that nobody knows is told of', () =>
  failsWith(podWith({ name: 'v', rbd: { image: 'i', monitors: ['m'] } }), 'Unable to attach or mount volumes: unmounted volumes=[v], unattached volumes=[], failed to process volumes=[v]: failed to get Plugin from volumeSpec for volume "v" err=no volume plugin matched')); // prettier-ignore
it('a pod that is given up while it waits leaves nothing', async () => {
  const stop = new AbortController();
  const pod = podWith({ name: 'v', configMap: { name: 'c' } }, { name: 'w', emptyDir: {} });
  const mounting = b.disk.mount(pod, stop.signal);
  await b.until(() => b.told().length > 0);
  stop.abort(new Error('deleted'));
  await expect(mounting).rejects.toThrow('deleted');
  await b.ended(pod);
  expect(await readdir(join(b.host.pods, 'uid-p'))).toEqual([]);
  await configMap('c', { a: '1' });
  await b.world.settle();
  expect([b.host.references.size, b.disk.mountedOf('uid-p').size]).toEqual([0, 0]);
});
it('what pods have left that nobody knows is removed, and nothing of others', async () => {
  const pod = podWith({ name: 'v', emptyDir: {} }, { name: 's', emptyDir: { medium: 'Memory' } });
  await b.mounted(pod);
  const strange = b.pod('q', { volumes: [{ name: 'v', emptyDir: {} }] });
  await b.mounted(strange);
  await mkdir(join(b.host.pods, 'uid-p', 'volumes', 'kubernetes.io~local-volume', 'pv', 'data'), { recursive: true });
  b = b.restarted();
  await b.disk.open((uid) => uid === 'uid-q');
  await b.until(async () => !(await exists(b.folder(pod, 'empty-dir', 'v'))) && b.mounts.all.length === 0);
  expect(await exists(b.folder(strange, 'empty-dir', 'v'))).toBe(true);
  // It may be somebody's data: left where it is, and told of.
  expect(await exists(join(b.folder(pod, 'local-volume', 'pv'), 'data'))).toBe(true);
  await b.until(() => b.world.complaints.length > 0);
});
it('a pod that the API does not have any more leaves no folder', async () => {
  const pod = podWith({ name: 'v', emptyDir: {} });
  await b.mounted(pod);
  await b.ended(pod);
  b.disk.forget('uid-p');
  await b.until(async () => (await readdir(b.host.pods)).length === 0);
});
