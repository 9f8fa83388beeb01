import type { LogEntry } from '../../../bus/log.ts';
import { simulate, type LogRecord } from '../../../bus/memory/simulation.ts';
import type { Committed } from '../committed.ts';
import { checkLeadership } from '../leadership.ts';
import { createRandom } from '../random.ts';
import { createProcesses, type SimulatedProcesses } from './cluster.ts';
import { dangling, staleCaches } from './end-state.ts';
import { scheduleFaults, type Done } from './faults.ts';
import { followLog, type History } from './history.ts';
import type { Invariant } from './invariant.ts';
import { finalConditions, finalizers, identity, namespacesHold, oneController } from './invariants/objects.ts';
import { boundOnce, endsOnce, ownAddress, replicasKept } from './invariants/pods.ts';
import type { Scenario, Stage } from './scenario.ts';
import { layoutOf, simulatedSchedule, type SimulatedFault } from './schedule.ts';
import { createUser } from './user.ts';

export interface SeedOptions {
  readonly scenario: Scenario;
  readonly seed: number;
  /** The store's content at the beginning, and when its last entry was made; see `foundation()`. */
  readonly foundation: Foundation;
  /** For somebody who looks into one seed: what components log, what is done to them, and, by `history`, what is committed. */
  readonly onLog?: ((record: LogRecord) => void) | undefined;
  readonly onFault?: ((done: Done) => void) | undefined;
  readonly onStart?: ((history: History, beganMs: number) => void) | undefined;
  /** What is still not as it must be, once no more faults are done; each time it is something else. */
  readonly onMissing?: ((missing: string | undefined) => void) | undefined;
  /** Instead of the seed's own faults. */
  readonly schedule?: readonly SimulatedFault[] | undefined;
}
export interface Foundation {
  readonly content: readonly LogEntry[];
  readonly atMs: number;
}
export interface SeedResult {
  readonly scenario: string;
  readonly seed: number;
  readonly faults: readonly SimulatedFault[];
  readonly processes: number;
  /** Revisions since the beginning. */
  readonly revisions: number;
  readonly requests: number;
  /** Of the cluster's time, ms. */
  readonly simulatedMs: number;
  /** From the end of the last fault until all was as it must be, ms of the cluster's time. */
  readonly convergedMs: number | undefined;
  /** Of all that was committed: the same seed has the same one. */
  readonly digest: string;
  readonly violations: readonly SeedViolation[];
}
export interface SeedViolation {
  readonly check: string;
  readonly message: string;
  /** Where in the log, if at one place. */
  readonly revision?: number | undefined;
}

const COMMON = [identity, finalizers, oneController, namespacesHold, finalConditions, boundOnce, endsOnce, ownAddress, replicasKept]; // prettier-ignore
/** After all is as it must be: what was begun is still finished. */
const SETTLE_MS = 8_000;
/** Then nothing is written but beats, and little is asked. */
const QUIET_MS = 10_000;
/** In QUIET_MS: leases, and the looks that some controllers take now and then; per process. */
const QUIET_REQUESTS = 20;
const MAX_VIOLATIONS = 5;

/** In one of so many runs everything starts at once, and has to wait for the others. */
const COLD_STARTS = 8;

/** One cluster, one schedule of faults, one story: all by the seed. */
export async function runSeed(o: SeedOptions): Promise<SeedResult> {
  const { scenario, seed } = o;
  const simulation = simulate(`${scenario.name}/${seed}`, {
    startMs: o.foundation.atMs + 3_600_000,
    ...(o.onLog && { onLog: o.onLog }),
  });
  const layout = layoutOf(seed, scenario.nodes);
  const cluster = createProcesses(simulation, layout, o.foundation.content);
  const history = followLog(cluster.log);
  const began = simulation.clock.now();
  const violations: SeedViolation[] = [];
  const report = (check: string, message: string, revision?: number): void => {
    if (violations.length < MAX_VIOLATIONS) violations.push({ check, message, ...(revision !== undefined && { revision }) }); // prettier-ignore
  };
  watch(history, [...COMMON, ...(scenario.invariants ?? [])].map((make) => make()), report); // prettier-ignore
  const effects: Committed[] = [];
  history.onChange(({ revision, key, term }) => void (term && effects.push({ revision, key, value: '', term })));
  o.onStart?.(history, began);

  const faults = o.schedule ?? simulatedSchedule({ seed, layout, forMs: scenario.faultsForMs, kinds: scenario.faults, nodes: scenario.harmsNodes }); // prettier-ignore
  await begin(cluster, seed % COLD_STARTS === 0);
  const trouble = scheduleFaults(cluster, history, faults, o.onFault ?? ((): void => undefined));
  let told = false;
  const story = scenario
    .run(stageOf(cluster, history, seed))
    .catch((error: unknown) => report('story', `a user was refused: ${(error as Error).message}`))
    .finally(() => (told = true));
  const dueMs = scenario.faultsForMs + 15_000;
  let convergedMs: number | undefined;
  try {
    await simulation.run(() => told && (trouble.over || simulation.clock.now() - began > dueMs), 600_000);
    await story;
    trouble.heal();
    // Whoever was not undone by its own fault.
    for (const process of cluster.processes.values()) process.start();
    const healed = simulation.clock.now();
    let looked = -1;
    let missing: string | undefined;
    const isSo = (): boolean => {
      if (looked === history.revision) return missing === undefined;
      looked = history.revision;
      const now = scenario.missing(history) ?? dangling(history);
      if (now !== missing) o.onMissing?.(now);
      missing = now;
      return missing === undefined;
    };
    try {
      await simulation.run(isSo, scenario.convergeMs);
      convergedMs = simulation.clock.now() - healed;
      await simulation.advance(SETTLE_MS);
      await checkQuiet(cluster, history, report);
      if (!isSo()) report('convergence', `it was as it must be and is not any more: ${missing}`, history.lastRealChange?.revision); // prettier-ignore
    } catch (error) {
      if (missing === undefined) throw error;
      report('convergence', `not so ${scenario.convergeMs / 1000} s after the last fault: ${missing}`);
    }
    for (const stale of await staleCaches(cluster, history)) report('cache', stale);
  } catch (error) {
    report('run', (error as Error).message);
  }
  for (const { message, facts } of checkLeadership(effects)) report('leadership', [message, ...facts].join('; '));
  const result: SeedResult = {
    scenario: scenario.name, seed, faults, processes: cluster.processes.size, revisions: history.changes, requests: cluster.requests,
    simulatedMs: simulation.clock.now() - began, convergedMs, digest: history.digest(), violations,
  }; // prettier-ignore
  cluster.end();
  return result;
}

/** As `kubus up` does it: first what the others stand on. */
async function begin({ simulation, processes }: SimulatedProcesses, atOnce: boolean): Promise<void> {
  for (const kind of ['etcd', 'apiserver'] as const) {
    const first = [...processes.values()].filter((process) => process.kind === kind);
    for (const process of first) process.start();
    let ready = atOnce;
    void Promise.all(first.map(({ component }) => component!.ready)).then(() => (ready = true));
    await simulation.run(() => ready, 60_000);
  }
  for (const process of processes.values()) process.start();
}

function watch(
  history: History,
  invariants: readonly Invariant[],
  report: (check: string, message: string, revision: number) => void,
): void {
  history.onChange((change) => {
    for (const { name, check } of invariants) {
      const wrong = check(change, history);
      if (wrong !== undefined) report(name, wrong, change.revision);
    }
  });
}

async function checkQuiet(
  cluster: SimulatedProcesses,
  history: History,
  report: (check: string, message: string, revision?: number) => void,
): Promise<void> {
  const { requests } = cluster;
  const { realChanges } = history;
  await cluster.simulation.advance(QUIET_MS);
  const written = history.realChanges - realChanges;
  const last = history.lastRealChange;
  if (written > 0) report('quiet', `${written} writes in ${QUIET_MS / 1000} s in which nothing happened, the last to ${last?.key}`, last?.revision); // prettier-ignore
  const asked = cluster.requests - requests;
  const most = QUIET_REQUESTS * cluster.processes.size;
  if (asked > most) report('quiet', `${asked} requests in ${QUIET_MS / 1000} s in which nothing happened, more than ${most}`); // prettier-ignore
}

function stageOf(cluster: SimulatedProcesses, history: History, seed: number): Stage {
  const { simulation, processes, admin } = cluster;
  const user = createUser(admin, simulation.clock);
  const random = createRandom(seed * 13 + 5);
  return {
    user,
    random,
    history,
    cluster,
    until: async (holds, ms) => {
      for (const limit = simulation.clock.now() + ms; !holds() && simulation.clock.now() < limit;) await user.sleep(20);
    },
    nodeGoes: async (name) => {
      processes.get(name)!.crash();
      await user.sleep(random.between(10, 2_000));
      await user.remove({ group: '', version: 'v1', resource: 'nodes' }, name, undefined);
    },
    nodeComes: (name) => {
      // Even if it runs again already: a kubelet whose Node was deleted registers when it is started, and not before.
      processes.get(name)!.crash();
      processes.get(name)!.start();
    },
  };
}
