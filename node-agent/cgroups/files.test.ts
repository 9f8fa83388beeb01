import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { groupsOf } from './files.ts';
import { hierarchyOf } from './hierarchy.ts';

const V1 = `25 1 0:22 / /sys/fs/cgroup rw - tmpfs tmpfs rw
26 25 0:23 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
27 25 0:24 /docker/1 /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
28 25 0:25 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd
29 25 0:26 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,nsdelegate
30 25 0:23 / /var/lib/somewhere/else/cpu rw - cgroup cgroup rw,cpu,cpuacct
`;
describe('which hierarchy is mounted', () => {
  it('the first version, and the unified one beside it', () => {
    expect(hierarchyOf(V1)).toEqual({
      version: 1,
      controllers: new Map([
        ['cpu', '/sys/fs/cgroup/cpu,cpuacct'],
        ['cpuacct', '/sys/fs/cgroup/cpu,cpuacct'],
        ['memory', '/sys/fs/cgroup/memory'],
      ]),
      mounts: ['/sys/fs/cgroup/cpu,cpuacct', '/sys/fs/cgroup/memory', '/sys/fs/cgroup/systemd', '/sys/fs/cgroup/unified'],
    }); // prettier-ignore
  });
  it('the second version', () => {
    const mountinfo = '30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n';
    expect(hierarchyOf(mountinfo)).toEqual({ version: 2, mount: '/sys/fs/cgroup' });
  });
  it('a mount point with a space', () => {
    expect(hierarchyOf('30 24 0:26 / /a\\040b rw - cgroup2 cgroup2 rw\n')).toEqual({ version: 2, mount: '/a b' });
  });
  it.each(['', 'nonsense\n- \n', '25 1 0:22 / / rw - ext4 /dev/vda rw\n'])('none', (text) => expect(hierarchyOf(text)).toBeUndefined()); // prettier-ignore
});

describe('groups of the second version', () => {
  let mount: string;
  const text = async (...path: string[]): Promise<string> => readFile(join(mount, ...path), 'utf8');
  /** The kernel makes these files with each group. */
  const kernel = async (...path: string[]): Promise<void> => {
    const group = join(mount, ...path);
    await mkdir(group, { recursive: true });
    await writeFile(join(group, 'cgroup.controllers'), 'cpuset cpu io memory hugetlb pids rdma\n');
    await writeFile(join(group, 'cgroup.subtree_control'), 'memory\n');
  };
  beforeAll(async () => {
    mount = await mkdtemp(join(tmpdir(), 'kbi-'));
    for (const path of ['', 'kubus', 'kubus/c', 'kubus/c/pods']) await kernel(path);
  });
  afterAll(() => rm(mount, { recursive: true }));

  it('those above have their controllers handed down, once', async () => {
    const groups = groupsOf({ version: 2, mount });
    await groups.make('/kubus/c/pods');
    for (const path of ['', 'kubus', 'kubus/c'])
      expect(await text(path, 'cgroup.subtree_control')).toBe('+cpuset +cpu +io +pids');
    // What is made itself is the runtime's to hand down.
    expect(await text('kubus/c/pods', 'cgroup.subtree_control')).toBe('memory\n');
  });
  it('limits are what the kernel reads', async () => {
    const groups = groupsOf({ version: 2, mount });
    await groups.set('/kubus/c/pods', { cpuShares: 1024, cpuQuota: 20_000, cpuPeriod: 100_000, memory: 4096, pids: 7 });
    expect(await Promise.all(['cpu.weight', 'cpu.max', 'memory.max', 'pids.max'].map((file) => text('kubus/c/pods', file)))).toEqual(['39', '20000 100000', '4096', '7']); // prettier-ignore
    await groups.set('/kubus/c/pods', { cpuQuota: -1, memory: -1 });
    expect(await text('kubus/c/pods', 'cpu.max')).toBe('max 100000');
    expect(await groups.get('/kubus/c/pods')).toEqual({ cpuShares: 998, cpuQuota: -1, memory: -1 });
  });
  it('what is not said is left', async () => {
    const groups = groupsOf({ version: 2, mount });
    await groups.set('/kubus/c', { memory: 1 });
    expect(await text('kubus/c', 'memory.max')).toBe('1');
    await expect(text('kubus/c', 'cpu.max')).rejects.toThrow('ENOENT');
  });
});

describe('groups of the first version name the processors of what they lie in', () => {
  let root: string;
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'kbi-'));
    for (const [file, text] of [['cpus', '0-1\n'], ['mems', '0\n']]) await writeFile(join(root, `cpuset.${file}`), text!); // prettier-ignore
  });
  afterAll(() => rm(root, { recursive: true }));
  const groups = () => groupsOf({ version: 1, controllers: new Map([['cpuset', root]]), mounts: [root] });
  const cpus = (...path: string[]): Promise<string> => readFile(join(root, ...path, 'cpuset.cpus'), 'utf8');

  it('from the top, and as they are narrowed on the way', async () => {
    const one = groups();
    await one.make('/kubus/pods/a');
    expect(await Promise.all([cpus('kubus'), cpus('kubus', 'pods'), cpus('kubus', 'pods', 'a')])).toEqual(Array(3).fill('0-1\n')); // prettier-ignore
    await writeFile(join(root, 'kubus/pods/cpuset.cpus'), '1\n');
    await one.make('/kubus/pods/b');
    expect(await cpus('kubus', 'pods', 'b')).toBe('1\n');
    await one.make('/kubus/pods/a');
    expect(await cpus('kubus', 'pods', 'a')).toBe('0-1\n');
  });
  it('also where what they lie in was removed meanwhile', async () => {
    const one = groups();
    await one.make('/other/pods/a');
    await rm(join(root, 'other'), { recursive: true });
    await one.make('/other/pods/b');
    expect(await Promise.all([cpus('other', 'pods'), cpus('other', 'pods', 'b')])).toEqual(['0-1\n', '0-1\n']);
  });
  it('a dozen at once', async () => {
    const one = groups();
    const names = Array.from({ length: 12 }, (_, i) => `p${i}`);
    await Promise.all(names.map((name) => one.make(`/many/pods/${name}`)));
    expect(await Promise.all(names.map((name) => cpus('many', 'pods', name)))).toEqual(Array(12).fill('0-1\n'));
  });
});
