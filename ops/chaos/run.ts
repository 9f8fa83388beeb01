import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as timeout } from 'node:timers/promises';
import { checkAcknowledged } from './acknowledged.ts';
import { Client } from './client.ts';
import type { Committed, Violation } from './committed.ts';
import { converged, keepScaling, prepare } from './convergence.ts';
import { findKubectl } from '../fetch/kubectl.ts';
import { useKubectl, type Command } from './kubectl-user.ts';
import { heal, inject, type Injected } from './inject.ts';
import { checkLeadership, reignsOf, type Reign } from './leadership.ts';
import { checkLinearizable } from './linearizable.ts';
import { startLocalCluster, type LocalCluster, type LocalClusterOptions } from './local-cluster.ts';
import { openLogReader } from './log-reader.ts';
import type { Operation } from './operation.ts';
import { createRandom } from './random.ts';
import { scheduleOf, type Fault, type FaultKind } from './schedule.ts';
import { checkCommands, checkService } from './service.ts';
import { settleUnknown } from './settle.ts';
import { checkWatch, type WatchHistory } from './watch-check.ts';
import { Watcher } from './watcher.ts';
import { isOurs, runWriter } from './writer.ts';

export interface ChaosOptions {
  readonly seed: number;
  readonly seconds: number;
  readonly faults: readonly FaultKind[];
  readonly cluster: LocalClusterOptions;
  /** Clients that read and write at once; default 8. */
  readonly writers?: number | undefined;
  /** Somebody works with kubectl all the while. */
  readonly kubectl?: boolean | undefined;
  /** Instead of what follows from seed, seconds and faults. */
  readonly schedule?: readonly Fault[] | undefined;
  /** Aborted: no further fault is done, and what was recorded until then is checked. */
  readonly signal?: AbortSignal | undefined;
  readonly onStep?: ((text: string) => void) | undefined;
}
export type Recorded = Operation & { readonly server: string };
/** What happened, on one clock (ms), and what of it must not have. */
export interface ChaosResult {
  /** Where the cluster was. With violations its data and logs stay there; otherwise it is gone. */
  readonly dir: string;
  readonly seed: number;
  readonly seconds: number;
  readonly schedule: readonly Fault[];
  readonly began: number;
  readonly ended: number;
  readonly faults: readonly Injected[];
  readonly operations: readonly Recorded[];
  readonly commands: readonly Command[];
  readonly watchers: readonly WatchHistory[];
  readonly reigns: readonly Reign[];
  readonly committed: number;
  /** From the end of the last fault until all was as it should be, ms. */
  readonly convergedMs: number | undefined;
  readonly violations: readonly Violation[];
}

const KEYS = 6;
const WATCHERS = 4;
/** The log is read before the store compacts it (5 min). */
const READ_EVERY_MS = 30_000;
const REST_MS = 10;
const CONVERGE_MS = 60_000;
/** More than nats-server takes to elect, and the store to go on. */
const LAST_WRITE_MS = 20_000;

/** One run on a cluster of its own: faults by schedule while clients write and watch, then the checks of what they saw. */
export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const step = options.onStep ?? ((): void => undefined);
  const cluster = await startLocalCluster({ ...options.cluster, step });
  let keep = false;
  try {
    const result = await harass(cluster, options, step);
    keep = result.violations.length > 0;
    return result;
  } finally {
    step('end');
    await cluster.stop(keep);
  }
}

async function harass(
  cluster: LocalCluster,
  options: ChaosOptions,
  step: (text: string) => void,
): Promise<ChaosResult> {
  const { seed, seconds } = options;
  const names = (nats: boolean): string[] =>
    cluster.members.filter(({ kind }) => (kind === 'nats-server') === nats).map(({ name }) => name);
  const schedule =
    options.schedule ??
    scheduleOf({ seed, seconds, kinds: options.faults, servers: names(true), components: names(false) });
  const clients = cluster.kubeconfigs.map((file) => new Client(file));
  const reader = await openLogReader(cluster.dir, cluster.natsUrls);
  const stop = new AbortController();
  const watchStop = new AbortController();
  const operations: Recorded[] = [];
  const faults: Injected[] = [];
  const keys = Array.from({ length: KEYS }, (_, i) => `chaos-key-${i + 1}`);
  const watchers = Array.from({ length: WATCHERS }, (_, i) => new Watcher(`watcher-${i + 1}`, clients, i));
  try {
    await prepare(clients);
    const began = performance.now();
    const writing = Array.from({ length: options.writers ?? 8 }, (_, i) =>
      runWriter(
        {
          name: `writer-${i + 1}`,
          clients,
          random: createRandom(seed * 1_000 + i),
          keys,
          restMs: REST_MS,
          record: (operation) => operations.push(operation),
        },
        stop.signal,
      ),
    );
    const watching = watchers.map((watcher) => watcher.run(watchStop.signal));
    const scaling = keepScaling(clients, createRandom(seed + 7), stop.signal);
    const kubectl = options.kubectl ? useKubectl(await findKubectl(), cluster.frontKubeconfig, stop.signal) : undefined;
    const reading = setInterval(() => void reader.read().catch(() => undefined), READ_EVERY_MS);
    const violations: Violation[] = [];
    const notBack = (target: string) => (error: unknown) => {
      violations.push({ check: 'service', message: `${target} did not come back`, facts: [(error as Error).message] });
    };
    try {
      for (const fault of schedule) {
        const wait = began + fault.at - performance.now();
        if (wait > 0) await sleep(wait, options.signal);
        if (options.signal?.aborted) break;
        await inject(cluster, fault, (injected) => {
          faults.push(injected);
          const after = Math.round(injected.from - began) / 1_000;
          step(`${after.toFixed(1)} s: ${fault.kind} ${injected.members.join(' and ')} for ${fault.forMs} ms`);
        }).catch(notBack(fault.target));
      }
      const rest = began + seconds * 1_000 - performance.now();
      if (rest > 0) await sleep(rest, options.signal);
      const limit = performance.now() + LAST_WRITE_MS;
      while (!heardOut(faults, operations) && performance.now() < limit && !options.signal?.aborted) await sleep(50);
    } finally {
      clearInterval(reading);
      stop.abort();
    }
    step('healing; waiting until all is as it should be');
    const healed = performance.now();
    await Promise.all(cluster.members.map((member) => heal(member).catch(notBack(member.name))));
    await Promise.all([...writing, scaling]);
    const commands = (await kubectl) ?? [];
    const late = await converged(clients, CONVERGE_MS);
    const convergedMs = late === undefined ? performance.now() - healed : undefined;
    if (late !== undefined)
      violations.push({ check: 'service', message: 'the cluster did not recover', facts: [late] });
    step('reading the log');
    await reader.read();
    const last = oursOf(reader.entries).at(-1)?.revision ?? 0;
    const limit = performance.now() + 10_000;
    while (watchers.some(({ revision }) => revision < last) && performance.now() < limit) await sleep(50);
    const ended = performance.now();
    watchStop.abort();
    await Promise.all(watching);
    // A write without an answer may have been done since, and a watcher may have heard of it.
    await reader.read();
    const ours = oursOf(reader.entries);
    step(`checking ${operations.length} operations, ${ours.length} changes`);
    if (reader.holes.length > 0) {
      violations.push({ check: 'log', message: 'compacted before it was read: no check by it', facts: reader.holes });
      violations.push(...linearizability(operations));
    } else {
      violations.push(...linearizability(settleUnknown(operations, ours)));
      violations.push(...checkAcknowledged(operations, ours));
      for (const watcher of watchers) violations.push(...checkWatch(watcher, ours, last));
      violations.push(...checkLeadership(reader.entries));
    }
    violations.push(...checkService(operations, faults), ...checkCommands(commands));
    if (violations.length > 0)
      writeFileSync(join(cluster.dir, 'history.json'), JSON.stringify({ began, operations, committed: ours, faults }));
    return {
      dir: cluster.dir, seed, seconds, schedule, began, ended, faults, operations, commands, watchers, violations, convergedMs,
      committed: ours.length, reigns: reignsOf(reader.entries),
    }; // prettier-ignore
  } finally {
    stop.abort();
    watchStop.abort();
    for (const client of clients) client.close();
    await reader.close();
  }
}

const PREFIX = '/registry/configmaps/default/';
const oursOf = (log: readonly Committed[]): Committed[] =>
  log
    .filter(({ key }) => key.startsWith(PREFIX) && isOurs(key.slice(PREFIX.length)))
    .map((entry) => ({ ...entry, key: entry.key.slice(PREFIX.length) }));

function linearizability(operations: readonly Operation[]): Violation[] {
  const verdict = checkLinearizable(operations);
  if (verdict.kind === 'linearizable') return [];
  if (verdict.kind === 'undecided')
    return [{ check: 'linearizable', message: `the history of ${verdict.key} could not be decided`, facts: [] }];
  const facts = verdict.stuck.map(
    ({ client, ask, outcome, invokedAt, returnedAt }) =>
      `${client}: ${JSON.stringify(ask)} -> ${JSON.stringify(outcome)} (${invokedAt.toFixed(1)} to ${returnedAt.toFixed(1)})`,
  );
  return [{ check: 'linearizable', message: `no order explains the answers about ${verdict.key}`, facts }];
}
/** Whether a write was acknowledged since the last fault: what it did is not known before. */
const heardOut = (faults: readonly Injected[], operations: readonly Recorded[]): boolean =>
  operations.some(
    ({ ask, outcome, invokedAt }) =>
      outcome.kind === 'done' && ask.kind !== 'get' && invokedAt >= (faults.at(-1)?.from ?? 0),
  );
/** An end that is wished early is no error. */
const sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
  timeout(ms, undefined, signal && { signal }).catch(() => undefined);
