import type { Bus } from '../bus.ts';
import { createConnection } from '../connection.ts';
import type { ConnectionOptions } from '../connection.ts';
import { soon } from '../real-world.ts';
import type { World } from '../world.ts';
import { seededRandom } from './random.ts';
import type { SimulatedProcess, Simulation } from './simulation.ts';
import { EVERYONE, MemorySwitch, MemoryTransport } from './transport.ts';
import type { Deliver } from './transport.ts';

export interface MemoryHubOptions {
  /** World of every connection that brings none; required without `simulation`. */
  readonly world?: World | undefined;
  /** Gives each connection a world of its own and each message a seeded latency. */
  readonly simulation?: Simulation | undefined;
  /** Least and greatest time a message takes on a simulation, microseconds; default 50 to 400. */
  readonly latencyMicros?: readonly [number, number] | undefined;
  /** Messages that nobody receives although both connections stay, as when a route between servers breaks. */
  readonly loses?: ((message: { readonly subject: string; readonly from: string }) => boolean) | undefined;
  /** On a simulation: what lies between two connections now. */
  readonly weather?: Weather | undefined;
}
/** What is between two connections whose servers are apart: a message may be lost, or late. They stay in order. */
export interface Weather {
  loses(from: string, to: string): boolean;
  /** How much later it comes, microseconds. */
  delayMicros(from: string, to: string): number;
}

export interface MemoryConnectionOptions extends Partial<ConnectionOptions> {
  readonly world?: World;
  /** Whose messages these are: they come when it is not paused. */
  readonly process?: Pick<SimulatedProcess, 'do'> | undefined;
}
export interface MemoryHub {
  /** A connection of its own; `name` must be unique among those that live. */
  connect(name: string, options?: MemoryConnectionOptions): Bus;
  /** Cuts the connection, or mends it: it hears and says nothing in between, and its Bus knows. */
  setConnected(name: string, connected: boolean): void;
  /** What the connection says takes so much longer from now on, as if its process were paused between saying and sending. */
  setDelay(name: string, ms: number): void;
  /** Ends the connection as a killed process would: nobody is told, and its Bus does nothing any more. */
  kill(name: string): void;
}

/** A bus within one process: what each says reaches the others as bytes, later and in order, as over a wire. */
export function createMemoryHub(options: MemoryHubOptions): MemoryHub {
  const delays = new Map<string, number>();
  const processes = new Map<string, Pick<SimulatedProcess, 'do'>>();
  const deliver = options.simulation
    ? simulatedDelivery(options.simulation, options.latencyMicros ?? [50, 400], delays, processes, options.weather)
    : nextTurnDelivery();
  const random = options.simulation ? options.simulation.world('memory-hub').random : seededRandom('memory-hub');
  const hub = new MemorySwitch(deliver, random, options.loses);
  const connections = new Map<string, MemoryTransport>();
  return {
    connect: (name, connectionOptions = {}) => {
      const known = connections.get(name);
      if (known?.connected) throw new Error(`${name} is connected already`);
      const transport = new MemoryTransport(name, hub);
      connections.set(name, transport);
      if (connectionOptions.process) processes.set(name, connectionOptions.process);
      const world = connectionOptions.world ?? options.world ?? options.simulation?.world(`bus/${name}`);
      if (!world) throw new Error('a memory hub needs a world or a simulation');
      return createConnection(transport, world, { role: name, ...connectionOptions });
    },
    setConnected: (name, connected) => connections.get(name)?.setConnected(connected),
    setDelay: (name, ms) => void delays.set(name, ms * 1000),
    kill: (name) => void connections.get(name)?.close(),
  };
}

/** All that was sent in one turn of the event loop arrives in the next, in the order in which it was sent. */
function nextTurnDelivery(): Deliver {
  let due: (() => void)[] = [];
  return (_from, _to, fn) => {
    if (due.push(fn) > 1) return;
    soon(() => {
      const now = due;
      due = [];
      for (const arrive of now) arrive();
    });
  };
}

function simulatedDelivery(
  simulation: Simulation,
  [least, most]: readonly [number, number],
  delays: ReadonlyMap<string, number>,
  processes: ReadonlyMap<string, Pick<SimulatedProcess, 'do'>>,
  weather: Weather | undefined,
): Deliver {
  /** Until when what each says waits to be sent. */
  const held = new Map<string, number>();
  const hold = (from: string, to: string, fn: () => void): void => {
    const now = simulation.now();
    const until = Math.max(now + (delays.get(from) ?? 0), held.get(from) ?? 0);
    if (until <= now) {
      send(from, to, fn);
      return;
    }
    held.set(from, until);
    simulation.after(until - now, () => send(from, to, fn));
  };
  const random = simulation.world('memory-hub/latency').random;
  const last = new Map<string, Map<string, number>>();
  const send: Deliver = (from, to, fn) => {
    let senders = last.get(to);
    if (!senders) last.set(to, (senders = new Map<string, number>()));
    if (from !== EVERYONE && weather?.loses(from, to)) return;
    let at = simulation.now() + least + Math.floor(random() * (most - least + 1));
    if (weather) at += weather.delayMicros(from, to);
    if (from === EVERYONE) for (const time of senders.values()) at = Math.max(at, time);
    else at = Math.max(at, senders.get(from) ?? 0);
    senders.set(from, at);
    const process = processes.get(to);
    simulation.after(at - simulation.now(), process ? () => process.do(fn) : fn);
  };
  return hold;
}
