import { availableParallelism } from 'node:os';
import type { Worker } from 'node:worker_threads';
import { type MessagePort } from 'node:worker_threads';
import { layFoundation } from './foundation.ts';
import { runSeed, type SeedResult } from './run.ts';
import type { ScenarioName } from './scenario-names.ts';
import { scenarioOf } from './scenarios/index.ts';

/** One run: which story, which seed. */
export interface Task {
  readonly scenario: ScenarioName;
  readonly seed: number;
}
export interface SweepOptions {
  readonly tasks: readonly Task[];
  /** Threads; default one a processor. With one, all is done in this one. */
  readonly jobs?: number | undefined;
  /** Starts a thread that calls `serveTasks`. */
  readonly startThread: () => Worker;
  readonly signal?: AbortSignal | undefined;
  readonly onResult: (result: SeedResult) => void;
}
/** Youngest objects that a thread has room for, MB: what a run makes is mostly gone with it, and need not be looked at before. */
export const YOUNG_MB = 128;
/** To a thread: the next of them; from it: what came of one. */
type Order = Task | 'enough';

/** All tasks, shared among threads; what comes of each does not depend on which, nor in which order. */
export async function sweep(o: SweepOptions): Promise<void> {
  const left = [...o.tasks];
  const next = (): Task | undefined => (o.signal?.aborted ? undefined : left.shift());
  const jobs = Math.min(o.jobs ?? availableParallelism(), left.length);
  if (jobs <= 1) {
    const foundation = await layFoundation();
    for (let task = next(); task; task = next()) {
      const { scenario, seed } = task;
      o.onResult(await runSeed({ scenario: scenarioOf(scenario), seed, foundation }));
    }
    return;
  }
  await Promise.all(Array.from({ length: jobs }, () => drive(o.startThread(), next, o.onResult)));
}

function drive(thread: Worker, next: () => Task | undefined, onResult: (result: SeedResult) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const order = (): void => thread.postMessage((next() ?? 'enough') satisfies Order);
    thread.on('message', (result: SeedResult | 'ready') => {
      if (result !== 'ready') onResult(result);
      order();
    });
    thread.on('error', reject);
    thread.on('exit', () => resolve());
  });
}

/** A thread's side of sweep(). */
export async function serveTasks(port: MessagePort): Promise<void> {
  // Errors are part of a run's life; where they were made is not, until somebody looks into one.
  Error.stackTraceLimit = 0;
  const foundation = await layFoundation();
  const done = Promise.withResolvers<void>();
  port.on('message', (order: Order) => {
    if (order === 'enough') {
      port.close();
      done.resolve();
      return;
    }
    const scenario = scenarioOf(order.scenario);
    runSeed({ scenario, seed: order.seed, foundation }).then(
      (result) => port.postMessage(result),
      (error: unknown) => done.reject(error),
    );
  });
  port.postMessage('ready');
  await done.promise;
}
