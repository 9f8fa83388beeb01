import { link, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testWorld } from '../../../actors/runtime/testing/world.ts';
import type { StatsSummary } from '../../../bus/protocol/node.ts';
import type { Pod } from '../../../schemas/generated/core-v1.ts';
import { usageReader, type GroupUsage } from '../../cgroups/usage.ts';
import { cadvisorMetrics } from './cadvisor.ts';
import { diskUse, volumeFs } from './disk.ts';
import { networkStats } from './network.ts';
import { processes } from './processes.ts';
import { createSampler, type Sampler } from './sampler.ts';
import { createNodeUsage } from './summary.ts';
import { createVolumeCounts } from './volumes.ts';

let folder: string;
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'kbi-'))));
afterAll(() => rm(folder, { recursive: true }));
async function files(at: string, texts: Record<string, string>): Promise<string> {
  const path = join(folder, at);
  await mkdir(path, { recursive: true });
  for (const [name, text] of Object.entries(texts)) await writeFile(join(path, name), text);
  return path;
}
const NONE: GroupUsage = { cpuNanos: 0, memoryBytes: 0, workingSetBytes: 0, rssBytes: 0, pageFaults: 0, majorPageFaults: 0, pids: 0 }; // prettier-ignore

describe('what a group uses', () => {
  it('by the files of the first version', async () => {
    const cpuacct = await files('v1/cpuacct/g', { 'cpuacct.usage': '123456789\n' });
    await files('v1/memory/g', { 'memory.usage_in_bytes': '5000\n', 'memory.stat': 'cache 9\ntotal_inactive_file 2000\ntotal_rss 1000\ntotal_pgfault 7\ntotal_pgmajfault 1\n' }); // prettier-ignore
    await files('v1/pids/g', { 'pids.current': '4\n' });
    const at = (name: string): [string, string] => [name, join(folder, 'v1', name)];
    const controllers = new Map([at('cpuacct'), at('memory'), at('pids')]);
    const read = usageReader({ version: 1, controllers, mounts: [cpuacct] });
    expect(await read('/g')).toEqual({ cpuNanos: 123_456_789, memoryBytes: 5000, workingSetBytes: 3000, rssBytes: 1000, pageFaults: 7, majorPageFaults: 1, pids: 4 }); // prettier-ignore
    expect(await read('/nowhere')).toBeUndefined();
  });
  it('by those of the second, the group of all included', async () => {
    const stat = { 'cpu.stat': 'usage_usec 1500\nuser_usec 1\n', 'memory.stat': 'anon 100\nfile 300\nkernel 50\ninactive_file 250\npgfault 3\n' }; // prettier-ignore
    await files('v2/g', { ...stat, 'memory.current': '900\n', 'pids.current': '2\n' });
    await files('v2', stat);
    const read = usageReader({ version: 2, mount: join(folder, 'v2') });
    expect(await read('/g')).toMatchObject({ cpuNanos: 1_500_000, memoryBytes: 900, workingSetBytes: 650, rssBytes: 100, pids: 2 }); // prettier-ignore
    expect(await read('/')).toMatchObject({ memoryBytes: 450, workingSetBytes: 200, pids: 0 });
    expect(await read('/nowhere')).toBeUndefined();
  });
});

describe('how much of the processors', () => {
  const bench = () => {
    const world = testWorld();
    const rates = new Map([['a', 0.5]]);
    let reads = 0;
    const sampler = createSampler(world.clock, async (path) => {
      reads++;
      const rate = rates.get(path);
      return rate === undefined ? undefined : { ...NONE, cpuNanos: world.clock.now() * 1e6 * rate };
    });
    const ask = async (...paths: string[]) => {
      let answer: Awaited<ReturnType<Sampler['sample']>> | undefined;
      void sampler.sample(paths).then((found) => (answer = found));
      await world.until(() => answer !== undefined, 2_000);
      return answer!;
    };
    return { world, rates, ask, reads: () => reads };
  };
  it('is known a second after the first question, from two readings then', async () => {
    const b = bench();
    expect((await b.ask('a', 'nowhere')).get('a')?.nanoCores).toBe(500_000_000);
    expect(b.reads()).toBe(4);
    await b.world.advance(10_000);
    expect((await b.ask('a')).get('a')?.nanoCores).toBe(500_000_000);
    expect(b.reads()).toBe(5);
  });
  it('what has just come has used nothing, and two questions at once say the same', async () => {
    const b = bench();
    await b.ask('a');
    await b.world.advance(5_000);
    b.rates.set('b', 1);
    const first = await b.ask('a', 'b');
    expect(first.get('b')?.nanoCores).toBe(0);
    expect((await b.ask('a', 'b')).get('a')).toEqual(first.get('a'));
    await b.world.advance(5_000);
    // Who asks for some does not make others forgotten.
    await b.ask('a');
    expect((await b.ask('a', 'b')).get('b')?.nanoCores).toBe(1e9);
  });
});

it('a folder takes what is in it, a file of several names once', async () => {
  const at = await files('disk', { one: 'x'.repeat(10_000) });
  await mkdir(join(at, 'deep', 'er'), { recursive: true });
  const before = await diskUse(at);
  expect(before).toMatchObject({ inodes: 4 });
  await link(join(at, 'one'), join(at, 'deep', 'two'));
  expect(await diskUse(at)).toEqual(before);
  await writeFile(join(at, 'deep', 'er', 'three'), 'x'.repeat(50_000));
  const after = await diskUse(at);
  expect(after.bytes - before.bytes).toBeGreaterThanOrEqual(50_000);
  expect(await diskUse(join(at, 'nowhere'))).toEqual({ bytes: 0, inodes: 0 });
  expect(await volumeFs(at, 't')).toMatchObject({ usedBytes: after.bytes, inodesUsed: after.inodes });
  expect(await volumeFs(join(at, 'nowhere'), 't')).toBeUndefined();
});
it('interfaces but the loopback, the default one first', () => {
  const text = 'Inter-|\n face |bytes\n    lo: 9 1 0 0 0 0 0 0 9 1 0 0 0 0 0 0\n  veth0: 1 0 2 0 0 0 0 0 3 0 4 0 0 0 0 0\n  eth0:700 5 1 0 0 0 0 0 800 6 2 0 0 0 0 0\n'; // prettier-ignore
  expect(networkStats(text, 't')).toEqual({
    time: 't', name: 'eth0', rxBytes: 700, rxErrors: 1, txBytes: 800, txErrors: 2,
    interfaces: [
      { name: 'veth0', rxBytes: 1, rxErrors: 2, txBytes: 3, txErrors: 4 },
      { name: 'eth0', rxBytes: 700, rxErrors: 1, txBytes: 800, txErrors: 2 },
    ],
  }); // prettier-ignore
  expect(networkStats('', 't')).toBeUndefined();
});
it('how many processes there may be is the least of what limits them', async () => {
  await files('p/proc/sys/kernel', { pid_max: '4194304\n', 'threads-max': '1000\n' });
  await files('p/proc', { loadavg: '0.1 0.2 0.3 2/345 6789\n' });
  expect(await processes(join(folder, 'p'))).toEqual({ maxpid: 1000, curproc: 345 });
});

describe('the summary', () => {
  async function summary(): Promise<StatsSummary> {
    const world = testWorld();
    const logs = await files('s/logs/main', { '0.log': 'x'.repeat(9_000) });
    const scratch = await files('s/pods/u/volumes/kubernetes.io~empty-dir/scratch', { big: 'x'.repeat(20_000) });
    const data = await files('s/pods/u/volumes/kubernetes.io~csi/pv/mount', { f: 'x' });
    const pod: Pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p', namespace: 'd', uid: 'u' },
      spec: {
        containers: [{ name: 'main', resources: { limits: { memory: '1000' } } }],
        volumes: [
          { name: 'scratch', emptyDir: {} },
          { name: 'data', persistentVolumeClaim: { claimName: 'c' } },
        ],
      },
    };
    const use = (workingSetBytes: number) => ({ ...NONE, workingSetBytes, memoryBytes: workingSetBytes, nanoCores: 7, cpuNanos: 9, pids: 3 }); // prettier-ignore
    const usage = createNodeUsage({
      world,
      nodeName: 'n1',
      since: world.clock.now(),
      sampler: { sample: async (paths) => new Map(paths.map((path) => [path, use(path === '/n/pods/podu/c1' ? 400 : 500)])) }, // prettier-ignore
      paths: { node: '/n', pods: '/n/pods' },
      memory: { capacity: 10_000, allocatable: 8_000 },
      disk: folder,
      volumes: createVolumeCounts({ world, periodMs: 60_000, tellsHealth: false, tell: () => undefined }),
      pods: () => [
        {
          pod,
          path: '/n/pods/podu',
          startTime: '2026-01-01T00:00:00Z',
          containers: [{ name: 'main', id: 'c1', startedAt: world.clock.now(), logs }],
          networkPid: async () => undefined,
          volumes: () => new Map([['scratch', { path: scratch }], ['data', { path: data }]]), // prettier-ignore
        },
      ],
      layers: async () => ({ written: new Map([['c1', { bytes: 64, inodes: 1 }]]), images: folder, imageBytes: 77 }),
      processes: async () => ({ maxpid: 100, curproc: 10 }),
    });
    return usage.summary();
  }
  it('says what node, pods, containers and their files use', async () => {
    const { node, pods } = await summary();
    expect(node).toMatchObject({
      memory: { workingSetBytes: 500, availableBytes: 9_500 },
      systemContainers: [{ name: 'pods', memory: { availableBytes: 7_500 } }],
      runtime: { imageFs: { usedBytes: 77 }, containerFs: { usedBytes: 64 } },
      rlimit: { maxpid: 100, curproc: 10 },
    });
    const [pod] = pods;
    expect(pod).toMatchObject({
      podRef: { uid: 'u' },
      process_stats: { process_count: 3 },
      containers: [{ name: 'main', memory: { workingSetBytes: 400, availableBytes: 600 }, rootfs: { usedBytes: 64 } }],
    });
    const [volume, claimed] = pod!.volume!;
    expect(claimed).toMatchObject({ name: 'data', pvcRef: { name: 'c', namespace: 'd' } });
    expect(volume!.usedBytes).toBeGreaterThanOrEqual(20_000);
    expect(pod!['ephemeral-storage']!.usedBytes).toBe(64 + volume!.usedBytes + pod!.containers[0]!.logs!.usedBytes);
  });
  it('is what users of cAdvisor scrape', async () => {
    const text = cadvisorMetrics(await summary(), 5);
    expect(text).toContain('# TYPE container_memory_working_set_bytes gauge\n');
    expect(text).toContain('container_memory_working_set_bytes{container="main",namespace="d",pod="p"} 400 5\n');
    expect(text).toContain('container_memory_working_set_bytes{container="",namespace="",pod=""} 500 5\n');
    expect(text).toContain('container_cpu_usage_seconds_total{container="main",cpu="total",namespace="d",pod="p"} 9e-9 5\n'); // prettier-ignore
    expect(text).toContain('machine_memory_bytes{} 10000 5\n');
  });
});
