import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { neighbours } from '../../bus/nats/threads.ts';
import { CONNECTION, type Order, type Reply } from './orders.ts';
import { killInside, wake } from './inner-process.ts';
import type { ProcessSpec } from './spec.ts';

/** An order without the number by which its answer is known. */
type Wish = Order extends infer O ? (O extends Order ? Omit<O, 'id'> : never) : never;

/** A thread or a process of ours with components of its own; started again with backoff when it ends by itself. */
export interface Supervised {
  readonly name: string;
  /** Of the process; that of this one for a thread, undefined while it is being started again. */
  readonly pid: number | undefined;
  /** Resolves when its components serve for the first time; rejects when it was stopped before, or failed at its start. */
  readonly ready: Promise<void>;
  /** Rejects with what the other end says, or when it ends before it has answered. */
  order(wish: Wish): Promise<void>;
  /** Has it answer a connection that was accepted here; false when it cannot. */
  hand(socket: Socket): boolean;
  /** Lets it drain and ends it. */
  stop(): Promise<void>;
  /** Ends it at once, for good. */
  kill(): Promise<void>;
}
export const RESTART_MS = [100, 500, 1000, 5000];
/** Longer than anything that drains takes. */
const STOP_MS = 12_000;

interface Channel {
  readonly pid: number | undefined;
  send(message: Order): void;
  hand(socket: Socket): boolean;
  kill(): void;
}
interface Ears {
  reply(reply: Exclude<Reply, { failed: string }>): void;
  ended(why: string): void;
}
/**
 * A thread: at rest, a further Node process takes some 50 MB for the program itself, and nothing is shared but the bus
 * all the same.
 */
export const superviseThread = (name: string, spec: () => ProcessSpec, warn: (text: string) => void): Supervised =>
  supervise(name, spec, warn, openThread);
interface SuperviseOptions {
  readonly onReady?: () => void;
  readonly onGone?: () => void;
  /** Of a real node: which addresses of pods it has. */
  readonly onPodCIDRs?: (podCIDRs: readonly string[]) => void;
}
/**
 * A process: replicas that fail alone, and use a processor each. `through`: what it is started behind, such as a program
 * that enters a node's namespaces.
 */
export const superviseProcess = (
  spec: ProcessSpec,
  warn: (text: string) => void,
  options: SuperviseOptions & { readonly through?: readonly string[] } = {},
): Supervised =>
  supervise(spec.name, () => spec, warn, (spec, ears) => openProcess(spec, ears, options.through), options); // prettier-ignore

/**
 * For those not on the request path. Of two flags the last counts: half of the usual room for young objects, 4 MB; and
 * V8's last compiler only for what really is hot, not for what a start repeats: its pages alone are 5 MB.
 */
const SMALL = ['--max-semi-space-size=4', '--invocation-count-for-turbofan=100000'];
const bodyOf = (spec: ProcessSpec): string[] => ['process', '--spec', JSON.stringify(spec)];
function openThread(spec: ProcessSpec, ears: Ears): Channel {
  const thread = new Worker(process.argv[1]!, { argv: bodyOf(spec), name: spec.name });
  let why = 'it ended';
  thread.on('message', (reply: Reply) => {
    if (!('failed' in reply)) ears.reply(reply);
  });
  thread.on('error', (error) => (why = error instanceof Error ? error.message : String(error)));
  // It has none any more once it has ended.
  const { threadId } = thread;
  thread.once('exit', () => {
    neighbours.ended(threadId);
    ears.ended(why);
  });
  return {
    pid: process.pid,
    send: (message) => thread.postMessage(message),
    hand: () => false,
    kill: () => void thread.terminate(),
  };
}
function openProcess(spec: ProcessSpec, ears: Ears, through: readonly string[] = []): Channel {
  const isFast = spec.components.includes('apiserver') || spec.components.includes('etcd');
  const args = [...process.execArgv, ...(isFast ? [] : SMALL), process.argv[1]!, ...bodyOf(spec)];
  // A group of its own: Ctrl-C in the terminal is for us, who drain in order.
  // What the runtime itself has to say goes where the components log.
  const log = openSync(join(spec.dir, 'logs', `${spec.name}.log`), 'a', 0o600);
  // Memory of its own for each of the threads that a runtime has would be 14 MB more, and of the second 2 MB.
  const env = { ...process.env, MALLOC_ARENA_MAX: isFast ? (process.env['MALLOC_ARENA_MAX'] ?? '1') : '1' };
  const stdio = ['ignore' as const, log, log, 'ipc' as const];
  const [program = '', ...rest] = [...through, process.execPath, ...args];
  const child: ChildProcess = spawn(program, rest, { detached: true, stdio, env });
  closeSync(log);
  let why: string | undefined;
  child.on('message', (reply: Reply) => {
    if ('failed' in reply) why = reply.failed;
    else ears.reply(reply);
  });
  child.once('error', (error) => ears.ended(error.message));
  child.once('exit', (code, signal) => ears.ended(why ?? signal ?? `exit status ${code}`));
  const failed = (): void => undefined;
  return {
    pid: child.pid,
    send: (message) => {
      if (through.length > 0 && message.do === 'stop') wake(child.pid);
      if (child.connected) child.send(message, failed);
    },
    hand: (socket) => {
      if (!child.connected) return false;
      child.send(CONNECTION, socket, {}, (error) => error !== null && socket.destroy());
      return true;
    },
    kill: () => (through.length > 0 ? killInside(child.pid) : void child.kill('SIGKILL')),
  };
}

function supervise(
  name: string,
  spec: () => ProcessSpec,
  warn: (text: string) => void,
  open: (spec: ProcessSpec, ears: Ears) => Channel,
  options: SuperviseOptions = {},
): Supervised {
  const ready = Promise.withResolvers<void>();
  ready.promise.catch(() => undefined);
  const answers = new Map<number, { resolve: () => void; reject: (error: Error) => void }>();
  let channel: Channel | undefined;
  let gone = Promise.withResolvers<void>();
  let stopping = false;
  let failures = 0;
  let last = 0;
  let timer: NodeJS.Timeout | undefined;
  const start = (): void => {
    gone = Promise.withResolvers<void>();
    const mine = gone;
    const ended = (why: string): void => {
      if (channel === undefined || mine !== gone) return;
      channel = undefined;
      for (const { reject } of answers.values()) reject(new Error(`${name} ended (${why})`));
      answers.clear();
      mine.resolve();
      options.onGone?.();
      if (stopping) return;
      const wait = RESTART_MS[Math.min(failures++, RESTART_MS.length - 1)]!;
      warn(`${name}: ${why}; starting it again, see: kubus logs ${name}`);
      timer = setTimeout(() => !stopping && start(), wait);
    };
    channel = open(spec(), {
      ended,
      reply: (reply) => {
        if ('ready' in reply) {
          failures = 0;
          ready.resolve();
          options.onReady?.();
        } else if ('podCIDRs' in reply) options.onPodCIDRs?.(reply.podCIDRs);
        else {
          const waiting = answers.get(reply.done);
          answers.delete(reply.done);
          if (reply.error === undefined) waiting?.resolve();
          else waiting?.reject(new Error(reply.error));
        }
      },
    });
  };
  start();
  const order = (wish: Wish): Promise<void> =>
    new Promise((resolve, reject) => {
      if (channel === undefined) return reject(new Error(`${name} is being started`));
      const id = ++last;
      answers.set(id, { resolve, reject });
      channel.send({ ...wish, id });
    });
  return {
    name,
    get pid() {
      return channel?.pid;
    },
    ready: ready.promise,
    order,
    hand: (socket) => channel?.hand(socket) ?? false,
    stop: async () => {
      stopping = true;
      clearTimeout(timer);
      ready.reject(new Error(`${name} was stopped`));
      const current = channel;
      if (current === undefined) return;
      void order({ do: 'stop' }).catch(() => undefined);
      const late = setTimeout(() => {
        warn(`${name} has not ended within ${STOP_MS / 1000} s: cutting it off, see: kubus logs ${name}`);
        current.kill();
      }, STOP_MS);
      await gone.promise;
      clearTimeout(late);
    },
    kill: async () => {
      stopping = true;
      clearTimeout(timer);
      ready.reject(new Error(`${name} was ended`));
      if (channel === undefined) return;
      channel.kill();
      await gone.promise;
    },
  };
}
