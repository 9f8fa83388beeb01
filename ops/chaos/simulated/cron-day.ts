/**
 * CronJobs on simulated time, and nothing else: how many Jobs a second of this machine are made, run, counted and cleared
 * away, and what is written for each.
 *
 *   node ops/chaos/simulated/cron-day.ts [--cronjobs 100] [--minutes 60] [--nodes 3] [--seed 1]
 *
 * Each CronJob has a Job every minute, whose one pod runs for some seconds; of those that are over, three are kept. A day is
 * --minutes 1440. Start-up is not counted.
 */
import { parseArgs } from 'node:util';
import * as resources from '../../../actors/runtime/resources.ts';
import { simulate } from '../../../bus/memory/simulation.ts';
import type { CronJob } from '../../../schemas/generated/batch-v1.ts';
import { createProcesses } from './cluster.ts';
import { layFoundation } from './foundation.ts';
import { task } from './scenarios/workloads.ts';
import { createUser } from './user.ts';

const { values: flags } = parseArgs({
  options: {
    cronjobs: { type: 'string', default: '100' },
    minutes: { type: 'string', default: '60' },
    nodes: { type: 'string', default: '3' },
    seed: { type: 'string', default: '1' },
  } as const,
});
const count = Number(flags.cronjobs);
const minutes = Number(flags.minutes);
const MINUTE_MS = 60_000;
/** The first minute is not begun anew when all is up. */
const START_MS = 30_000;

const foundation = await layFoundation();
// At the beginning of an hour, so that START_MS later all minutes are whole ones.
const startMs = Math.ceil(foundation.atMs / 3_600_000) * 3_600_000;
const simulation = simulate(`cron-day/${flags.seed}`, { startMs });
const nodes = Array.from({ length: Number(flags.nodes) }, (_, i) => `n${i + 1}`);
const cluster = createProcesses(
  simulation,
  { etcd: 1, apiservers: 1, controllerManagers: 1, schedulers: 1, nodes, replicated: false },
  foundation.content,
);
const writes = new Map<string, number>();
let made = 0;
let gone = 0;
const known = new Set<string>();
cluster.log.subscribe(({ key, value }) => {
  const resource = /^\/registry\/(?:[^/]+\.[^/]+\/)?([^/]+)/.exec(key)?.[1] ?? key;
  writes.set(resource, (writes.get(resource) ?? 0) + 1);
  if (resource !== 'jobs') return;
  if (value === undefined) gone++;
  else if (!known.has(key)) {
    known.add(key);
    made++;
  }
});
for (const process of cluster.processes.values()) process.start();
const user = createUser(cluster.admin, simulation.clock);
let begun = false;
const beginning = (async () => {
  for (let i = 0; i < count; i++) {
    const cronJob: CronJob = {
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      metadata: { name: `cron-${i}`, namespace: 'default' },
      spec: { schedule: '* * * * *', jobTemplate: { spec: { template: task(`cron-${i}`, 'exitAfterMs: 5000') } } },
    };
    await user.create(resources.cronJobs, cronJob);
  }
  begun = true;
})();
await simulation.run(() => begun, START_MS);
await beginning;
await simulation.advance(startMs + START_MS - simulation.clock.now());

writes.clear();
const requests = cluster.requests;
const before = process.cpuUsage();
const began = performance.now();
await simulation.advance(minutes * MINUTE_MS);
const { user: userMicros, system } = process.cpuUsage(before);
const wall = (performance.now() - began) / 1000;
const cpu = (userMicros + system) / 1e6;
const perJob = (n: number): string => (n / made).toFixed(1);
const all = [...writes.values()].reduce((sum, n) => sum + n, 0);
const each = [...writes].sort(([, a], [, b]) => b - a).filter(([, n]) => n / made >= 0.05);
console.log(
  [
    `${made} Jobs of ${count} CronJobs in ${minutes} min of the cluster's time, ${gone} of them cleared away: ${wall.toFixed(1)} s, ${cpu.toFixed(1)} s of processor`,
    `${Math.round(made / wall)} Jobs a second, ${Math.round(made / cpu)} a second of processor; a day of them: ${Math.round((wall / minutes) * 1440)} s`,
    `for each Job ${perJob(cluster.requests - requests)} requests and ${perJob(all)} writes: ${each.map(([resource, n]) => `${resource} ${perJob(n)}`).join(', ')}`,
  ].join('\n'),
);
cluster.end();
