/**
 * What Kubus adds to the time that the runtime itself takes, on one real node of this machine.
 *
 *   node ops/conformance/real-nodes/latency.ts [--rounds 5] [--pods 30] [--execs 30] [--only pods|exec] [--program kubus.mjs]
 *
 * Each round starts the pods through the API, from the first request to the event that says that the last one runs, and
 * then as many by the same requests to a containerd alone, beside the node's own; and likewise runs commands by exec through
 * the HTTPS door (a connection each, as kubectl) and by ExecSync. By turns, since machines are not equally fast all the time: the
 * ratios are what counts. Needs what run.ts needs, and leaves the machine alone as that does.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createApiClient } from '../../../actors/runtime/client.ts';
import { createInformer } from '../../../actors/runtime/informer.ts';
import { pods } from '../../../actors/runtime/resources.ts';
import { nodePaths } from '../../../node-agent/host/paths.ts';
import { connectCri } from '../../../node-agent/runtime/cri/service.ts';
import type { Pod } from '../../../schemas/generated/core-v1.ts';
import { connectTool } from '../../cluster/connect.ts';
import { clusterPaths } from '../../cluster/paths.ts';
import { machinePaths } from '../../machine/names.ts';
import { eventually, finish, upForTest, type TestCluster } from '../../testing/cluster.ts';
import { apart, isApart } from './apart.ts';
import { cpuTimes } from './cpu-time.ts';
import { execDoor } from './exec-door.ts';
import { buildImages, IMAGES } from './images.ts';
import { median, ms, quantile } from './quantiles.ts';
import { runtimeAlone } from './runtime-alone.ts';

const USAGE = `usage: node ops/conformance/real-nodes/latency.ts [--rounds 5] [--pods 30] [--execs 30] [--only pods|exec] [--program kubus.mjs]

Times what Kubus adds to the runtime alone, by turns: pods that are started at once on one node,
and commands by exec through the HTTPS door against ExecSync. As root; see run.ts for what it needs.`;
const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    pods: { type: 'string', default: '30' },
    execs: { type: 'string', default: '30' },
    only: { type: 'string' },
    program: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
if (flags.help) console.log(USAGE);
else process.exitCode = isApart() ? await all() : await apart(import.meta.filename);

async function all(): Promise<number> {
  const dir = mkdtempSync(join(tmpdir(), 'kl-'));
  try {
    const program = flags.program ?? join(dir, 'kubus.mjs');
    const bundler = join(import.meta.dirname, '../../build/bundle.ts');
    const built = flags.program ?? (await finish(process.execPath, [bundler, program], process.env)).status;
    if (built !== 0 && flags.program === undefined) throw new Error('no bundle');
    const cluster = await upForTest(['--runtime', 'cri', '--nodes', '1', '--wait'], { dir, name: 'l', program });
    try {
      const archives = buildImages(dir);
      await cluster.kubus('load', '--name', cluster.name, ...archives);
      await measure(cluster, archives);
    } finally {
      await cluster.stop();
    }
    return 0;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
async function measure(cluster: TestCluster, archives: readonly string[]): Promise<void> {
  const node = (await cluster.kubectl(['get', 'nodes', '-o', 'jsonpath={.items[0].metadata.name}'])).trim();
  const here = nodePaths(machinePaths(cluster.data).node(node));
  const { bus, world } = await connectTool(clusterPaths(cluster.data), 'admin');
  const api = createApiClient(bus, world, 'admin');
  const cri = await connectCri(world, here.containerd.socket);
  const direct = await runtimeAlone({ world, data: cluster.data, node, archives, images: [IMAGES.tools] });
  const podOf = (name: string): Pod => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', labels: { app: 'many' } },
    spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'main', image: IMAGES.tools, command: ['sleep', '100000'] }] },
  }); // prettier-ignore

  const running = new Set<string>();
  const told = new Set<() => void>();
  const informer = createInformer<Pod>({ client: api, world, gvr: pods, selection: { namespace: 'default' } });
  const see = (pod: Pod): void => {
    if (pod.status?.phase !== 'Running' || running.has(pod.metadata.name!)) return;
    running.add(pod.metadata.name!);
    for (const tell of told) tell();
  };
  informer.on({ add: see, update: see, delete: (pod) => void running.delete(pod.metadata.name!) });
  await informer.synced;
  /** ms until the last one of these runs. */
  async function throughApi(names: readonly string[]): Promise<number> {
    const began = performance.now();
    const all = new Promise<number>((resolve) => {
      const look = (): void => {
        if (!names.every((name) => running.has(name))) return;
        told.delete(look);
        resolve(performance.now() - began);
      };
      told.add(look);
    });
    await Promise.all(names.map((name) => api.create(pods, podOf(name), { namespace: 'default' })));
    return all;
  }
  async function clear(): Promise<void> {
    await cluster.kubectl(['delete', 'pods', '-l', 'app=many', '--now', '--wait']);
    await eventually('nothing is left', async () => ((await cri.sandboxes()).length <= 1 ? true : undefined), 60_000);
  }
  async function podRounds(): Promise<void> {
    const count = Number(flags.pods);
    const ratios: number[] = [];
    for (let round = 0; round < Number(flags.rounds); round++) {
      const names = Array.from({ length: count }, (_, i) => `many-${round}-${i}`);
      const alone = async (): Promise<number> => {
        const all = names.map(podOf).map((pod) => ({ ...pod, metadata: { ...pod.metadata, uid: `direct-${pod.metadata.name}` } })); // prettier-ignore
        const began = performance.now();
        await direct.start(all);
        const took = performance.now() - began;
        await direct.clear();
        return took;
      };
      let kubus = 0;
      let used = '';
      const through = async (): Promise<void> => {
        const before = cpuTimes();
        kubus = await throughApi(names);
        used = [...cpuTimes()].map(([part, ms]) => `${part} ${ms - (before.get(part) ?? 0)}`).join(', ');
        await clear();
      };
      // Each goes first every other time.
      if (round % 2 === 0) await through();
      const runtime = await alone();
      if (round % 2 === 1) await through();
      ratios.push(kubus / runtime);
      console.log(`${count} pods: ${ms(kubus)} by Kubus, ${ms(runtime)} by the runtime alone, x ${(kubus / runtime).toFixed(2)}; CPU ms: ${used}`); // prettier-ignore
    }
    console.log(`${count} pods: x ${median(ratios).toFixed(2)} the runtime alone (median of ${ratios.length})`);
  }
  async function execRounds(): Promise<void> {
    await api.create(pods, podOf('many-exec'), { namespace: 'default' });
    await cluster.kubectl(['wait', '--for=condition=Ready', 'pod/many-exec']);
    const container = (await cri.containers())[0]!.id;
    const exec = execDoor(cluster.kubeconfig);
    const ways: Record<string, () => Promise<unknown>> = {
      'exec through the door': () => exec('many-exec', ['echo', 'x']),
      ExecSync: () => cri.execSync(container, ['echo', 'x'], 10),
    };
    const times = new Map(Object.keys(ways).map((way) => [way, [] as number[]]));
    for (let i = -5; i < Number(flags.execs); i++)
      for (const [way, run] of Object.entries(ways)) {
        const began = performance.now();
        await run();
        if (i >= 0) times.get(way)!.push(performance.now() - began);
      }
    for (const [way, all] of times) console.log(`${way}: ${ms(median(all))} p50, ${ms(quantile(all, 0.9))} p90`);
    const [door, sync] = [...times.values()].map(median);
    console.log(`exec: ${ms(door! - sync!)} more than the runtime`);
    await clear();
  }
  try {
    if (flags.only !== 'exec') await podRounds();
    if (flags.only !== 'pods') await execRounds();
  } finally {
    informer.stop();
    await direct.close();
    cri.close();
    await bus.drain();
  }
}
