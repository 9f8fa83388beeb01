import { simulate } from '../../../bus/memory/simulation.ts';
import { createProcesses } from './cluster.ts';
import { followLog } from './history.ts';
import type { Foundation } from './run.ts';

/** Nothing new for so long: all that a new cluster makes by itself is there. */
const QUIET_MS = 5_000;

/** The store of a cluster that was just made, without nodes: every run goes on from a copy of it. */
export async function layFoundation(): Promise<Foundation> {
  const simulation = simulate('foundation');
  const cluster = createProcesses(simulation, { etcd: 1, apiservers: 1, controllerManagers: 1, schedulers: 1, nodes: [], replicated: false }); // prettier-ignore
  const history = followLog(cluster.log);
  for (const process of cluster.processes.values()) process.start();
  const isWhole = (): boolean =>
    history.objects('ServiceAccount').length >= 4 && history.objects('ConfigMap').length >= 4;
  await simulation.run(isWhole, 60_000);
  await simulation.advance(QUIET_MS);
  const content = [...cluster.log.now.read(1)];
  const atMs = simulation.clock.now();
  cluster.end();
  return { content, atMs };
}
