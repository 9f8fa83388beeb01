import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { Bus } from '../../bus/bus.ts';
import type { ApiClient } from '../../actors/runtime/api-client.ts';
import { createApiClient } from '../../actors/runtime/client.ts';
import * as resources from '../../actors/runtime/resources.ts';
import { connectTool } from '../cluster/connect.ts';
import { clusterPaths } from '../cluster/paths.ts';
import type { ReplicaInfo } from '../process/replicas.ts';
import { eventually, readJson, upForTest, type Finished, type TestCluster } from '../testing/cluster.ts';
import { askBus, askHttp1, askHttp2, watchBus, watchHttp1, type Asker } from '../testing/load.ts';

let dir: string;
let cluster: TestCluster;
let bus: Bus;
let api: ApiClient;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'kubus-scale-'));
  // As users run it: replicas start from one file in a fifth of the time.
  const program = join(dir, 'program/kubus.mjs');
  execFileSync(process.execPath, [join(import.meta.dirname, '../build/bundle.ts'), program]);
  cluster = await upForTest(['--nodes', '1'], { dir, program });
  const tool = await connectTool(clusterPaths(cluster.data), 'admin');
  bus = tool.bus;
  api = createApiClient(bus, tool.world, 'admin');
});
afterAll(async () => {
  await bus?.drain();
  await cluster?.stop();
  rmSync(dir, { recursive: true, force: true });
});
const kubus = (...args: string[]): Promise<Finished> => cluster.kubus(...args, '--name', cluster.name);
const json = async <T>(...args: string[]): Promise<T> => {
  const { status, stdout, stderr } = await kubus(...args, '--output', 'json');
  expect([status, stderr]).toEqual([0, '']);
  return JSON.parse(stdout) as T;
};
interface Told {
  readonly replicas: readonly ReplicaInfo[];
  readonly nodes: number;
}
const namesOf = ({ replicas }: Told, component: string): string[] =>
  replicas.filter((r) => r.component === component).map((r) => r.name);
const alive = (pid: number | undefined): boolean => {
  try {
    return process.kill(pid!, 0);
  } catch {
    return false;
  }
};

describe('scale and restart', { timeout: 240_000 }, () => {
  it('what is asked for and cannot be is said, and changes nothing', async () => {
    for (const [args, status, message] of [
      [['scale', 'apiserver'], 2, '"apiserver" is not <component>=<number>, such as apiserver=3'],
      [['scale', 'nope=2'], 1, 'there is no component "nope" to scale: choose from etcd, apiserver, controller-manager, scheduler, metrics, nodes'],
      [['scale', 'etcd=0'], 1, 'etcd can have from 1 to 32 replicas, not 0: to stop the whole cluster: kubus down'],
      [['scale', 'scheduler=2', 'apiserver=33'], 1, 'apiserver can have from 1 to 32 replicas, not 33'],
      [['restart', 'nodes'], 1, 'there is no component "nodes" to restart: choose from etcd, apiserver, controller-manager, scheduler, metrics'],
    ] as const) {
      const done = await kubus(...args);
      expect([done.status, done.stderr.replace(/^ ✗ .*\n/m, '')]).toEqual([status, `kubus: ${message}\n`]);
    } // prettier-ignore
    const { config } = await json<{ config?: unknown }>('status');
    expect(config).toBeUndefined();
    expect(readJson<{ replicas?: unknown }>(join(cluster.data, 'cluster.json')).replicas).toBeUndefined();
  });

  it('five rolling restarts of API server and store fail no request, and no watch misses or repeats an event', async () => {
    const kubeconfig = join(cluster.data, 'kubeconfig');
    // The first page says where all are; the rest may be more than one message holds.
    const { metadata } = await api.list(resources.configMaps, { namespace: 'default', limit: 1 });
    const from = Number(metadata.resourceVersion);
    const watchers = Array.from({ length: 10 }, (_, i) => (i < 5 ? watchHttp1(kubeconfig, from) : watchBus(api, from)));
    onTestFinished(() => watchers.forEach((watcher) => watcher.stop()));
    const askers: readonly (readonly [name: string, atOnce: number, asker: Asker])[] = [
      ...Array.from({ length: 12 }, (_, i) => [`h1-${i}`, 1, askHttp1(kubeconfig)] as const),
      ...Array.from({ length: 4 }, (_, i) => [`h2-${i}`, 3, askHttp2(kubeconfig)] as const),
      ...Array.from({ length: 8 }, (_, i) => [`bus-${i}`, 1, askBus(api)] as const),
    ];
    const created: string[] = [];
    const failures: string[] = [];
    let going = true;
    const ask = async (asker: Asker, name: string): Promise<void> => {
      for (let i = 0; going; i++) {
        const object = `${name}-${i >> 2}`;
        try {
          if (i % 4 === 0) {
            await asker.create(object);
            created.push(object);
          } else await asker.get(object);
        } catch (error) {
          failures.push(`${object} (${i % 4 === 0 ? 'create' : 'get'}): ${(error as Error).message}`);
        }
      }
    };
    const loops = askers.flatMap(([name, atOnce, asker]) =>
      Array.from({ length: atOnce }, (_, i) => ask(asker, `${name}-${i}`)),
    );
    try {
      for (let i = 0; i < 5; i++) {
        const told = await json<Told>('restart', 'apiserver', 'etcd');
        // The one in the process of `up` is back there.
        expect([namesOf(told, 'apiserver'), namesOf(told, 'etcd')]).toEqual([['apiserver'], ['etcd']]);
      }
    } finally {
      going = false;
      await Promise.all(loops);
    }
    expect(failures).toEqual([]);
    await eventually('all have seen all', () => {
      for (const [i, { seen, seenAt, reopened, faults, revision }] of watchers.entries())
        if (seen.length < created.length) {
          const missing = created.filter((name) => !seenAt.has(name));
          throw new Error(`watcher ${i}, at ${revision}, reopened ${reopened} times, misses ${missing.length}: ${missing.slice(0, 5).join()} ${faults.join()}`); // prettier-ignore
        }
      return true;
    });
    for (const watcher of watchers) {
      watcher.stop();
      expect(watcher.faults).toEqual([]);
      expect(watcher.seen.toSorted()).toEqual(created.toSorted());
      // Once to the one that stood in, once back.
      expect(watcher.reopened).toBeGreaterThanOrEqual(10);
    }
    for (const [, , asker] of askers) asker.close();
  });

  it('replicas come and go, are started again when they are killed, and are there again after down and up', async () => {
    const told = await json<Told>('scale', 'apiserver=2', 'etcd=2', 'scheduler=2', 'controller-manager=0', '--wait');
    expect([namesOf(told, 'apiserver'), namesOf(told, 'etcd'), namesOf(told, 'controller-manager')]).toEqual([
      ['apiserver', 'apiserver-2'], ['etcd', 'etcd-2'], [],
    ]); // prettier-ignore
    const components = await eventually('status shows them', async () => {
      const { components: all } = await json<{ components: { component: string; id: string }[] }>('status');
      const of = (name: string): number => all.filter((c) => c.component === name).length;
      return of('apiserver') === 2 && of('etcd') === 2 && of('scheduler') === 2 && of('controller-manager') === 0
        ? all
        : undefined;
    });
    expect(components.some(({ id }) => id.startsWith('apiserver-2-'))).toBe(true);

    const killed = told.replicas.find((r) => r.name === 'apiserver-2')!.pid!;
    process.kill(killed, 'SIGKILL');
    await eventually('it is back', async () => {
      const now = (await json<{ replicas: ReplicaInfo[] }>('status')).replicas.find((r) => r.name === 'apiserver-2');
      return now?.pid !== undefined && now.pid !== killed && alive(now.pid) ? true : undefined;
    });
    expect(await cluster.kubectl(['get', '--raw', '/readyz'])).toBe('ok');

    const kept = readJson<{ replicas: unknown }>(join(cluster.data, 'cluster.json')).replicas;
    expect(kept).toEqual({ apiserver: 2, etcd: 2, scheduler: 2, 'controller-manager': 0 });
    const before = (await json<{ replicas: ReplicaInfo[] }>('status')).replicas;
    const last = await json<Told>('scale', 'apiserver=1', 'etcd=1', 'scheduler=1', 'controller-manager=1', '--wait');
    expect(last.replicas.map((r) => r.name)).toEqual([
      'etcd',
      'apiserver',
      'controller-manager',
      'scheduler',
      'metrics',
    ]);
    expect(before.filter((r) => r.name.endsWith('-2') && alive(r.pid))).toEqual([]);
  });

  it('an API server is killed: who watched it over the bus goes on at another within a second, and misses nothing', async () => {
    await json<Told>('scale', 'apiserver=2', '--wait');
    const { metadata } = await api.list(resources.configMaps, { namespace: 'default' });
    // The bus deals sessions out: with so many, some are at the one that is killed.
    const watchers = Array.from({ length: 12 }, () => watchBus(api, Number(metadata.resourceVersion)));
    onTestFinished(() => watchers.forEach((watcher) => watcher.stop()));
    const { replicas } = await json<{ replicas: ReplicaInfo[] }>('status');
    const victim = replicas.find(({ name }) => name === 'apiserver-2')!.pid!;
    const acknowledged = new Map<string, number>();
    let going = true;
    // Several at once, for one alone may wait for the dead and have nothing acknowledged that others could miss.
    const writing = Array.from({ length: 8 }, async (_, n) => {
      const asker = askBus(api);
      for (let i = 0; going; i++) {
        const name = `killed-${n}-${i}`;
        // One that the dead was asked for is lost with it.
        await asker.create(name).then(
          () => acknowledged.set(name, performance.now()),
          () => undefined,
        );
      }
    });
    await eventually('all watch', () => (watchers.every(({ seen }) => seen.length > 0) ? true : undefined));
    process.kill(victim, 'SIGKILL');
    const killed = performance.now();
    await eventually('two seconds are over', () => (performance.now() > killed + 2_000 ? true : undefined));
    going = false;
    await Promise.all(writing);
    await eventually('all have seen all', () =>
      watchers.every(({ seenAt }) => [...acknowledged.keys()].every((name) => seenAt.has(name))) ? true : undefined,
    );
    const late = Math.max(
      ...watchers.flatMap(({ seenAt }) => [...acknowledged].map(([name, at]) => seenAt.get(name)! - at)),
    );
    console.log(
      `${watchers.filter(({ reopened }) => reopened > 0).length} of ${watchers.length} watches went on elsewhere; the latest event came ${Math.round(late)} ms after its write was acknowledged`,
    );
    expect(watchers.some(({ reopened }) => reopened > 0)).toBe(true);
    for (const { faults } of watchers) expect(faults).toEqual([]);
    // Half a second until the dead is known to be dead; the rest is for a busy machine.
    expect(late).toBeLessThan(1_000);
    await json<Told>('scale', 'apiserver=1', '--wait');
  });

  it('nodes join, and leave after their pods have moved', async () => {
    expect((await json<Told>('scale', 'nodes=3', '--wait')).nodes).toBe(3);
    const wait = ['wait', '--timeout=30s'];
    await cluster.kubectl([...wait, '--for=condition=Ready', ...[1, 2, 3].map((i) => `node/test-node-${i}`)]);
    await cluster.kubectl(['create', 'deployment', 'web', '--image=web', '--replicas=6']);
    await cluster.kubectl([...wait, '--for=condition=Available', 'deployment/web']);
    expect((await json<Told>('scale', 'nodes=1', '--wait')).nodes).toBe(1);
    expect(await cluster.kubectl(['get', 'nodes', '-o', 'name'])).toBe('node/test-node-1\n');
    await eventually('six pods run on the node that is left', async () => {
      const on = await cluster.kubectl(['get', 'pods', '-o', 'jsonpath={.items[*].spec.nodeName}']);
      return on === Array.from({ length: 6 }, () => 'test-node-1').join(' ') ? true : undefined;
    });
    const cidrs = await cluster.kubectl(['get', 'nodes', '-o', 'jsonpath={.items[*].spec.podCIDR}']);
    expect(cidrs).toBe('10.244.0.0/24');
  });
});
