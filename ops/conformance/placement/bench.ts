/**
 * How many pods a second the scheduler places: alone, before an API that is a Map, so that nothing else is measured.
 *
 *   node ops/conformance/placement/bench.ts [--nodes 1000] [--pods 10000] [--only WORKLOAD]... [--rounds 1] [--at-least N]
 *
 * Workloads are those of upstream's scheduler_perf: `basic`, `service` (pods of a Deployment behind a Service), `spread`,
 * `affinity`, `anti-affinity`, `preferred`, `claims`, `unschedulable` (basic while pods wait that fit nowhere). With
 * `--at-least` the exit code is 1 if the first workload is slower.
 */
import { parseArgs } from 'node:util';
import { fakeApi } from '../../../actors/runtime/testing/fake-api.ts';
import { nodes, pods } from '../../../actors/runtime/resources.ts';
import { startScheduler } from '../../../actors/scheduler/actor.ts';
import { noBus } from '../../../actors/scheduler/testing/no-bus.ts';
import { realWorld } from '../../../bus/real-world.ts';
import type { Pod } from '../../../schemas/generated/core-v1.ts';
import { benchNode, WORKLOADS, type Workload } from './workloads.ts';

const { values: flags } = parseArgs({
  options: {
    nodes: { type: 'string', default: '1000' },
    pods: { type: 'string', default: '10000' },
    only: { type: 'string', multiple: true },
    rounds: { type: 'string', default: '1' },
    'at-least': { type: 'string' },
  },
});
const POLL_MS = 5;
const PATIENCE_MS = 300_000;

interface Figure {
  readonly placed: number;
  readonly podsPerSecond: number;
  readonly cpuMs: number;
}
async function measure(workload: Workload): Promise<Figure> {
  const world = realWorld();
  const api = fakeApi(world);
  const client = api.client('bench');
  for (let i = 0; i < Number(flags.nodes); i++) await client.create(nodes, benchNode(i));
  for (const [gvr, object] of workload.beside ?? []) await client.create(gvr, object);
  const scheduler = startScheduler({ world, bus: noBus, id: 'bench', client: api.client('scheduler') });
  await scheduler.ready;
  const count = Number(flags.pods);
  let bound = 0;
  const informed = new AbortController();
  const watching = (async () => {
    for await (const batch of client.watch<Pod>(pods, { signal: informed.signal }))
      for (const { type, object } of batch)
        if (type === 'MODIFIED' && object.metadata.name?.startsWith('p') && object.spec?.nodeName) bound++;
  })().catch(() => undefined);
  const began = performance.now();
  const cpu = process.cpuUsage();
  for (let i = 0; i < (workload.waiting?.count ?? 0); i++) await client.create(pods, workload.waiting!.pod(i));
  for (let i = 0; i < count; i++) await client.create(pods, workload.pod(i));
  while (bound < count && performance.now() - began < PATIENCE_MS)
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  const seconds = (performance.now() - began) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  informed.abort(new Error('over'));
  await watching;
  await scheduler.stop();
  return { placed: bound, podsPerSecond: Math.round(bound / seconds), cpuMs: Math.round((user + system) / 1_000) };
}
let worst = Infinity;
for (const workload of WORKLOADS.filter(({ name }) => flags.only === undefined || flags.only.includes(name)))
  for (let round = 0; round < Number(flags.rounds); round++) {
    const figure = await measure(workload);
    console.log(
      `${workload.name.padEnd(14)} ${String(figure.podsPerSecond).padStart(6)} pods/s  ${figure.placed} placed, ${figure.cpuMs} ms of processor`,
    );
    if (workload === WORKLOADS[0]) worst = Math.min(worst, figure.podsPerSecond);
  }
if (flags['at-least'] !== undefined && worst < Number(flags['at-least'])) {
  console.error(`bench: fewer than ${flags['at-least']} pods/s`);
  process.exit(1);
}
process.exit(0);
