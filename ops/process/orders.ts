import { parentPort } from 'node:worker_threads';
import type { Socket } from 'node:net';
import { HandedConnections } from './handed-connections.ts';
import type { ComponentName, ProcessSpec } from './spec.ts';
import { startProcess, type RunningProcess } from './start.ts';

/** What the supervisor tells a thread or process of its own to do; each is answered by a Reply of the same id. */
export type Order =
  | { readonly id: number; readonly do: 'stop' }
  | { readonly id: number; readonly do: 'begin' | 'end'; readonly component: ComponentName }
  | { readonly id: number; readonly do: 'setNodes'; readonly names: readonly string[] };
/** Comes with the connection itself: the API server of this process is to answer it. */
export const CONNECTION = 'connection';
export type Reply =
  | { readonly ready: true }
  | { readonly failed: string }
  /** Of a real node: these addresses of pods are its own. */
  | { readonly podCIDRs: readonly string[] }
  /** `error`: why it could not be done. */
  | { readonly done: number; readonly error?: string };

/** Body of a supervised thread or process: runs its components until it is told to stop, and does what it is told. */
export async function runSupervised(json: string): Promise<void> {
  const spec = JSON.parse(json) as ProcessSpec;
  const connections = new HandedConnections();
  const reply = talk((message, handle) => {
    if (message !== CONNECTION) return void follow(message as Order);
    if (handle !== undefined) connections.hand(handle);
  });
  const running = await startProcess(spec, spec.handed ? connections : undefined, (podCIDRs) => reply({ podCIDRs }));
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopping ??= running.stop());
  const follow = async (order: Order): Promise<void> => {
    try {
      await (order.do === 'stop' ? stop() : carryOut(running, order));
      reply({ done: order.id });
    } catch (error) {
      reply({ done: order.id, error: (error as Error).message });
    }
    if (order.do === 'stop') leave();
  };
  if (parentPort === null) {
    // Whoever started this process has gone; nobody would end it.
    process.once('disconnect', () => void stop().finally(() => process.exit(0)));
    // A Ctrl-C in the terminal is for the supervisor, which ends its processes in order.
    for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined);
    process.once('SIGTERM', () => void stop().finally(() => process.exit(0)));
  }
  void running.failed.then((why) => {
    reply({ failed: why });
    if (parentPort !== null) throw new Error(why);
    process.exitCode = 1;
    leave();
  });
  await running.ready;
  reply({ ready: true });
}
const carryOut = (running: RunningProcess, order: Exclude<Order, { do: 'stop' }>): Promise<void> =>
  order.do === 'setNodes'
    ? running.setNodes(order.names)
    : order.do === 'begin'
      ? running.begin(order.component)
      : running.end(order.component);

/** Listens to the supervisor; returns how to answer it. */
function talk(onMessage: (message: unknown, handle: Socket | undefined) => void): (reply: Reply) => void {
  const port = parentPort;
  if (port !== null) {
    port.on('message', (message) => onMessage(message, undefined));
    return (reply) => port.postMessage(reply);
  }
  if (process.send === undefined) throw new Error('this command is for the supervisor alone');
  process.on('message', (message, handle) => onMessage(message, handle as Socket | undefined));
  return (reply) => void (process.connected && process.send?.(reply));
}
/** Ends this thread or process once what was said has left. */
function leave(): void {
  if (parentPort !== null || !process.connected) process.exit();
  process.removeAllListeners('disconnect');
  process.once('disconnect', () => process.exit());
  process.disconnect();
}
