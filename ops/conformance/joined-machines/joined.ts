import { join } from 'node:path';
import { eventually } from '../../testing/cluster.ts';
import type { ControlPlane } from './control-plane.ts';
import { CONTROL, openMachine, type Running, type TestMachine } from './machines.ts';

export interface JoinedMachine {
  readonly name: string;
  readonly machine: TestMachine;
  /** Where the node keeps its files. */
  readonly folder: string;
  /** Ends it as a signal does, and starts it with these arguments besides. Resolves when its node is Ready. */
  restart(...args: string[]): Promise<void>;
  /** What it says when it is started with these and ends; '' where it does not end. */
  refusal(...args: string[]): Promise<string>;
  stop(): Promise<number | string>;
  /** As a power cut does, but for what is on the machine; it is to be started again. */
  crash(): Promise<number | string>;
}
export interface Joined {
  readonly control: ControlPlane;
  readonly machines: readonly JoinedMachine[];
}
/** A cluster that machines join at CONTROL. */
export type Joinable = Pick<ControlPlane, 'busCa' | 'token' | 'kubectl'>;
const PATIENCE_MS = 10_000;

/** A machine of its own that joins by the token, as a user types it there. */
export async function joinMachine(o: {
  readonly control: Joinable;
  readonly name: string;
  /** The last byte of its address. */
  readonly place: number;
  readonly dir: string;
  /** The bundle. */
  readonly program: string;
}): Promise<JoinedMachine> {
  const { control, name, place, dir, program } = o;
  const machine = await openMachine(name, place);
  const folder = join(dir, name);
  const start = (args: readonly string[]): Running =>
    machine.start(process.execPath, [
      program, 'run', 'nodes', '--node', name, '--data', folder, '--nats', `nats://${CONTROL}:4222`, '--ca', control.busCa, '--token', control.token, '--runtime', 'cri', '--node-ip', `${machine.ip},${machine.ip6}`, '--log', join(dir, `${name}.log`), ...args,
    ]);
  const isReady = async (): Promise<void> => {
    const ended = new Promise<never>((_, reject) => running.process.once('exit', () => reject(new Error(running.said()))));
    ended.catch(() => undefined);
    await Promise.race([ended, eventually(`${name} runs`, () => running.said().includes(`running: node ${name}`) || undefined, 60_000)]);
    await Promise.race([ended, control.kubectl(['wait', '--for=condition=Ready', `node/${name}`, '--timeout=60s'])]);
  };
  let running = start([]);
  await isReady();
  const stop = (): Promise<number | string> => running.stop();
  return {
    name,
    machine,
    folder,
    stop,
    crash: () => running.crash(),
    async restart(...args) {
      await stop();
      running = start(args);
      await isReady();
    },
    async refusal(...args) {
      await stop();
      const refused = start(args);
      const ended = new Promise<true>((resolve) => refused.process.once('exit', () => resolve(true)));
      const has = await Promise.race([ended, new Promise<false>((resolve) => void setTimeout(() => resolve(false), PATIENCE_MS))]);
      if (!has) await refused.stop();
      running = start([]);
      await isReady();
      return has ? refused.said() : '';
    },
  };
} // prettier-ignore
