import { execFile, spawn } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { realWorld } from '../../bus/real-world.ts';
import type { Pod } from '../../schemas/generated/core-v1.ts';
import { detectHierarchy, hierarchyOf, mountsOf, type Hierarchy } from './hierarchy.ts';
import { createPodCgroups, type NodeCgroups } from './pods.ts';
import { removeTree } from './tree.ts';

const run = promisify(execFile);
/** Whether groups can be made here: root, and a cgroup file system of the first version that limits what is tested. */
function canMakeGroups(): boolean {
  try {
    const found = hierarchyOf(readFileSync('/proc/self/mountinfo', 'utf8'));
    if (found?.version !== 1) return false;
    for (const name of ['cpu', 'memory', 'pids']) accessSync(found.controllers.get(name) ?? '', constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
const podOf = (uid: string, resources: object, extra: object = {}): Pod =>
  ({
    metadata: { name: uid, namespace: 'd', uid },
    spec: { containers: [{ name: 'main', resources }], ...extra },
  }) as Pod;

describe.skipIf(!canMakeGroups())('cgroups of the first version, real', () => {
  const top = `/kbi-${process.pid}`;
  const root = `${top}/c/n/kubepods`;
  let hierarchy: Hierarchy & { version: 1 };
  let cgroups: NodeCgroups;
  const world = realWorld({ level: 'silent' });
  const file = (controller: string, path: string, name: string): string =>
    readFileSync(join(hierarchy.controllers.get(controller)!, path, name), 'utf8').trim();
  /** Runs a shell in a group of its own below the pod's, as a container does. */
  const inside = async (path: string, script: string): Promise<{ code: number; stdout: string }> => {
    const group = join(path, 'main');
    await run('mkdir', [
      '-p',
      ...['memory', 'cpu', 'pids'].map((name) => join(hierarchy.controllers.get(name)!, group)),
    ]);
    const enter = ['memory', 'cpu', 'pids'].map((name) => `echo $$ > ${join(hierarchy.controllers.get(name)!, group)}/cgroup.procs`); // prettier-ignore
    return run('sh', ['-c', [...enter, script].join('\n')]).then(
      ({ stdout }) => ({ code: 0, stdout }),
      (error: { code?: number; stdout: string }) => ({ code: error.code ?? -1, stdout: error.stdout }),
    );
  };
  beforeAll(async () => {
    hierarchy = (await detectHierarchy()) as Hierarchy & { version: 1 };
    const allocatable = { cpuShares: 4096, memory: 2 ** 31, pids: 500 };
    cgroups = createPodCgroups({ world, hierarchy, root, allocatable, machineMemory: 2 ** 33, podPids: 12 });
    await cgroups.start();
  });
  afterAll(async () => {
    await removeTree(top, { clock: world.clock, hierarchy });
    expect(mountsOf(hierarchy).filter((mount) => existsSync(join(mount, top)))).toEqual([]);
  });

  it('all pods together have what is allocatable', () => {
    expect(file('memory', root, 'memory.limit_in_bytes')).toBe(String(2 ** 31));
    expect(file('cpu', root, 'cpu.shares')).toBe('4096');
    expect(file('pids', root, 'pids.max')).toBe('500');
    expect(file('cpu', `${root}/besteffort`, 'cpu.shares')).toBe('2');
  });
  it('what they lie in weighs no less, and what weighs more stays as it is', async () => {
    const shares = (): string[] => [`${top}/c/n`, `${top}/c`, top].map((path) => file('cpu', path, 'cpu.shares'));
    expect(shares()).toEqual(['4096', '4096', '4096']);
    const other = createPodCgroups({ world, hierarchy, root: `${top}/c/m/kubepods`, allocatable: { cpuShares: 2048 }, machineMemory: 2 ** 33 }); // prettier-ignore
    await other.start();
    expect(file('cpu', `${top}/c/m`, 'cpu.shares')).toBe('2048');
    expect(shares()).toEqual(['4096', '4096', '4096']);
  });
  it('who uses more memory than its pod may is ended, and nobody else', async () => {
    const path = await cgroups.create(podOf('m', { limits: { memory: '24Mi', cpu: '500m' }, requests: { memory: '8Mi', cpu: '250m' } })); // prettier-ignore
    expect(path).toBe(`${root}/burstable/podm`);
    expect(file('cpu', path, 'cpu.cfs_quota_us')).toBe('50000');
    expect(file('cpu', path, 'cpu.shares')).toBe('256');
    const { code, stdout } = await inside(
      path,
      'head -c 96000000 /dev/zero | tail -c 90000000 > /dev/null || echo "ended: $?"',
    );
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'ended: 137\n' });
    expect(file('memory', `${path}/main`, 'memory.oom_control')).toMatch(/oom_kill [1-9]/);
  });
  it('a pod may have no more processes than its limit', async () => {
    const path = await cgroups.create(podOf('p', {}));
    const { stdout } = await inside(path, 'for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do sleep 20 > /dev/null 2>&1 & done 2>/dev/null; echo over'); // prettier-ignore
    expect(stdout).not.toContain('over');
    expect(Number(file('pids', path, 'pids.current'))).toBeLessThanOrEqual(12);
  });
  it('a pod that is removed leaves nothing, also where processes were left in it', async () => {
    const path = await cgroups.create(podOf('r', {}));
    const left = spawn('sleep', ['600']);
    const ended = new Promise((resolve) => left.once('exit', (_, signal) => resolve(signal)));
    await inside(path, 'true');
    for (const name of ['memory', 'pids', 'cpu'])
      writeFileSync(join(hierarchy.controllers.get(name)!, path, 'main', 'cgroup.procs'), String(left.pid));
    await cgroups.remove('r');
    await expect(ended).resolves.toBe('SIGKILL');
    expect(mountsOf(hierarchy).filter((mount) => existsSync(join(mount, path)))).toEqual([]);
  });
  it('burstable pods together have the shares that they request, for as long as they are there', async () => {
    const before = Number(file('cpu', `${root}/burstable`, 'cpu.shares'));
    const uids = Array.from({ length: 8 }, (_, i) => `s${i}`);
    await Promise.all(uids.map((uid) => cgroups.create(podOf(uid, { requests: { cpu: '500m' } }))));
    expect(Number(file('cpu', `${root}/burstable`, 'cpu.shares'))).toBe(before + 8 * 512);
    await Promise.all(uids.map((uid) => cgroups.remove(uid)));
    expect(Number(file('cpu', `${root}/burstable`, 'cpu.shares'))).toBe(before);
  });
  it('a resize gives the pod more before its containers, and takes from it after them', async () => {
    const of = (memory: string, cpu: string): Pod => podOf('z', { limits: { memory, cpu }, requests: { memory, cpu } });
    const path = await cgroups.create(of('64Mi', '500m'));
    expect(path).toBe(`${root}/podz`);
    const now = (): string[] => [file('memory', path, 'memory.limit_in_bytes'), file('cpu', path, 'cpu.cfs_quota_us')];
    const seen: string[][] = [];
    await cgroups.update(of('32Mi', '1'), async () => void seen.push(now()));
    expect([...seen, now()]).toEqual([
      [String(64 * 2 ** 20), '100000'],
      [String(32 * 2 ** 20), '100000'],
    ]);
  });
  it('what pods before this kubelet left is swept away', async () => {
    const keep = await cgroups.create(podOf('keep', {}));
    const again = createPodCgroups({ world, hierarchy, root, allocatable: {}, machineMemory: 2 ** 33 });
    await again.start();
    expect(await again.sweep(new Set(['keep']))).toEqual([]);
    expect(existsSync(join(hierarchy.controllers.get('memory')!, keep))).toBe(true);
    expect(existsSync(join(hierarchy.controllers.get('memory')!, root, 'podz'))).toBe(false);
    await again.remove('keep');
    expect(existsSync(join(hierarchy.controllers.get('memory')!, keep))).toBe(false);
    await expect(rmdir(join(hierarchy.controllers.get('memory')!, root, 'besteffort'))).resolves.toBeUndefined();
  });
});
