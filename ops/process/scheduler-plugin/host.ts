import { Worker } from 'node:worker_threads';
import type { PluginCall, PluginDescription, PluginThread } from '../../../actors/scheduler/outside/plugin-types.ts';
import type { Logger } from '../../../bus/world.ts';
import type { Answer, Told } from './messages.ts';

/** How long its file may take to load. */
const LOAD_MS = 10_000;
/** What has not answered a ping for so long is busy with something that may never end. */
const PING_MS = 250;
const RESTART_MS = [0, 100, 500, 1_000, 2_000];

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}
interface Running {
  readonly worker: Worker;
  readonly description: Promise<PluginDescription>;
  ask(message: { readonly call: PluginCall } | { readonly ping: true }): { readonly id: number; readonly answer: Promise<unknown> };
  forget(id: number): void;
} // prettier-ignore

/** Starts the thread that `servePlugin` of thread.ts runs in; overridden in tests. */
export type StartThread = () => Worker;
const startThread: StartThread = () =>
  new Worker(process.argv[1]!, { argv: ['scheduler-plugin'], name: 'scheduler-plugin' });

/**
 * Loads a plugin into a thread. One that hangs is ended with its thread, and started anew for the next pod: in between its
 * hooks fail, and nothing else does. Thrown: Error that says what is wrong with the file.
 */
export async function startPlugin(
  file: string,
  args: unknown,
  log: Pick<Logger, 'warn'>,
  start: StartThread = startThread,
): Promise<PluginThread> {
  let running: Running | undefined = open(file, args, start);
  const description = await running.description.catch((error: Error) => {
    void running?.worker.terminate();
    throw new Error(`scheduler plugin ${file}: ${error.message}`, { cause: error });
  });
  const named = `plugin ${JSON.stringify(description.name)}`;
  let generation = 0;
  let failures = 0;
  let notBefore = 0;
  let stopped = false;
  watch(running);

  function watch(one: Running): void {
    one.worker.once('exit', () => {
      if (running !== one) return;
      running = undefined;
      generation++;
      notBefore = Date.now() + RESTART_MS[Math.min(failures++, RESTART_MS.length - 1)]!;
    });
  }
  /** Its thread, which is started when it is needed again. */
  async function current(): Promise<Running> {
    if (stopped) throw new Error(`${named} is stopped`);
    if (running === undefined) {
      if (Date.now() < notBefore) throw new Error(`${named} is being started again`);
      const fresh = open(file, args, start);
      running = fresh;
      watch(fresh);
    }
    await running.description;
    return running;
  }
  const end = (one: Running, why: string): void => {
    if (running !== one) return;
    running = undefined;
    generation++;
    notBefore = Date.now() + RESTART_MS[Math.min(failures++, RESTART_MS.length - 1)]!;
    log.warn('a scheduler plugin is started anew', { plugin: description.name, why });
    void one.worker.terminate();
  };
  async function call(make: () => PluginCall, o: { readonly signal?: AbortSignal; readonly timeoutMs?: number }): Promise<unknown> {
    const one = await current();
    o.signal?.throwIfAborted();
    const { id, answer } = one.ask({ call: make() });
    const limit = o.timeoutMs ?? description.timeoutMs;
    const { promise: given, reject } = Promise.withResolvers<never>();
    given.catch(() => undefined);
    const timer = setTimeout(() => {
      const late = `${named} has not answered within ${limit} ms`;
      // A hook that waits for something harms nobody but its pod; one that keeps the thread busy harms all.
      void isAlive(one).then((alive) => {
        if (!alive) end(one, late);
        reject(Object.assign(new Error(late), { late: true }));
      });
    }, limit);
    const onAbort = (): void => reject(o.signal!.reason as Error);
    o.signal?.addEventListener('abort', onAbort, { once: true });
    try {
      const result = await Promise.race([answer, given]);
      failures = 0;
      return result;
    } finally {
      clearTimeout(timer);
      o.signal?.removeEventListener('abort', onAbort);
      one.forget(id);
    }
  } // prettier-ignore
  return {
    ...description,
    get generation() {
      return generation;
    },
    call,
    stop() {
      stopped = true;
      void running?.worker.terminate();
      running = undefined;
    },
  };
}
async function isAlive(one: Running): Promise<boolean> {
  const { answer } = one.ask({ ping: true });
  return Promise.race([
    answer.then(
      () => true,
      () => false,
    ),
    new Promise<boolean>((resolve) => setTimeout(() => resolve(false), PING_MS)),
  ]);
}
function open(file: string, args: unknown, start: StartThread): Running {
  const worker = start();
  // A plugin keeps nobody from ending.
  worker.unref();
  const waiting = new Map<number, Waiting>();
  const { promise: description, resolve, reject } = Promise.withResolvers<PluginDescription>();
  description.catch(() => undefined);
  let last = 0;
  let why = 'it ended';
  const tell = (message: Told): void => worker.postMessage(message);
  const timer = setTimeout(() => reject(new Error(`it is not loaded after ${LOAD_MS / 1_000} s`)), LOAD_MS);
  worker.on('message', (message: Answer) => {
    if ('loaded' in message) resolve(message.loaded);
    else if ('failed' in message) reject(new Error(message.failed));
    else {
      const one = waiting.get(message.id);
      waiting.delete(message.id);
      if (message.error === undefined) one?.resolve(message.result);
      else one?.reject(new Error(message.error));
    }
    if (!('id' in message)) clearTimeout(timer);
  });
  worker.on('error', (error) => (why = error instanceof Error ? error.message : String(error)));
  worker.once('exit', () => {
    clearTimeout(timer);
    const error = new Error(`its thread has ended: ${why}`);
    reject(error);
    for (const one of waiting.values()) one.reject(error);
    waiting.clear();
  });
  tell({ load: file, args });
  return {
    worker,
    description,
    ask(message) {
      const id = ++last;
      const { promise: answer, resolve: done, reject: fail } = Promise.withResolvers<unknown>();
      answer.catch(() => undefined);
      waiting.set(id, { resolve: done, reject: fail });
      tell({ id, ...message });
      return { id, answer };
    },
    forget: (id) => void waiting.delete(id),
  };
}
