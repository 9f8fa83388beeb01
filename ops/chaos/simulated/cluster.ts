import { startApiserver, type Apiserver } from '../../../actors/apiserver/actor.ts';
import { startEtcd } from '../../../actors/etcd/actor.ts';
import type { ApiClient } from '../../../actors/runtime/api-client.ts';
import { createApiClient } from '../../../actors/runtime/client.ts';
import type { Component } from '../../../actors/runtime/component.ts';
import type { Bus } from '../../../bus/bus.ts';
import type { LogEntry } from '../../../bus/log.ts';
import { createMemoryHub, type MemoryHub } from '../../../bus/memory/bus.ts';
import { createMemoryLog, type MemoryLog } from '../../../bus/memory/log.ts';
import type { SimulatedProcess, Simulation } from '../../../bus/memory/simulation.ts';
import { announce } from '../../../bus/presence.ts';
import { apiOf } from '../../../bus/subjects.ts';
import { startControllerManager } from '../../process/controller-manager.ts';
import { startNodes } from '../../process/nodes.ts';
import { startSchedulerProcess } from '../../process/scheduler.ts';
import { linkLog, LOG, type LogLink } from './log-link.ts';
import { createWeather, type ChangingWeather } from './weather.ts';

/** Of what the cluster consists. */
export interface Layout {
  readonly etcd: number;
  readonly apiservers: number;
  readonly controllerManagers: number;
  readonly schedulers: number;
  readonly nodes: readonly string[];
  /** The log has copies on several servers: then routes between them can be bad. */
  readonly replicated: boolean;
}
export type ProcessKind = 'etcd' | 'apiserver' | 'controllers' | 'scheduler' | 'node';

/** One process of the cluster, which can be harmed. What is done twice is done once. */
export interface Process {
  readonly name: string;
  readonly kind: ProcessKind;
  readonly running: boolean;
  readonly component: Component | undefined;
  /** A new process of the same name, on the same machine. */
  start(): void;
  /** As by SIGKILL, or a power cut. */
  crash(): void;
  /** As by SIGSTOP. */
  pause(): void;
  resume(): void;
  setConnected(connected: boolean): void;
  /** The clock of its machine differs by so much from now on, ms; a process that starts again finds it so. */
  setClock(offsetMs: number): void;
}
export interface SimulatedProcesses {
  readonly simulation: Simulation;
  readonly hub: MemoryHub;
  readonly log: MemoryLog;
  readonly weather: ChangingWeather;
  /** By name: `etcd-0`, `apiserver-0`, `controllers-0`, `scheduler-0`, and the nodes'. */
  readonly processes: ReadonlyMap<string, Process>;
  /** The API as the administrator. */
  readonly admin: ApiClient;
  /** Since the beginning. */
  readonly requests: number;
  /** Servers of the log elect a leader for as long. */
  setElecting(electing: boolean): void;
  /** The process that runs now under that name, as an API server. */
  apiserver(name: string): Apiserver | undefined;
  /** Nothing happens any more. */
  end(): void;
}

/** What all requests to the API begin with. */
const API = apiOf('*').slice(0, apiOf('*').indexOf('*'));
/** A fixed key: what is signed with it must not differ between runs, and nothing outside believes it. */
const CLUSTER_CA = '-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n';

/** Of API servers: histories are the same on every machine. */
const MACHINE = { hostname: 'machine', advertiseAddress: '172.18.0.250' };

/** A whole cluster whose processes can be harmed, on the memory transport and a simulated clock. None of them runs yet. */
export function createProcesses(
  simulation: Simulation,
  layout: Layout,
  content: readonly LogEntry[] = [],
): SimulatedProcesses {
  const weather = createWeather(simulation.world('weather').random);
  let requests = 0;
  const hub = createMemoryHub({
    simulation,
    weather,
    loses: ({ subject }) => {
      if (subject.startsWith(API)) requests++;
      return false;
    },
  });
  const log = createMemoryLog({
    world: simulation.world('log'),
    bus: hub.connect(LOG, { world: simulation.world('log-bus') }),
    content,
  });
  let electing = false;
  const processes = new Map<string, Process>();
  const add = (kind: ProcessKind, name: string, body: (own: Own) => Component): void => {
    processes.set(name, createProcess(kind, name, body));
  };
  const times = (n: number, fn: (i: number) => void): void => Array.from({ length: n }).forEach((_, i) => fn(i));
  const candidate = ({ world, bus }: Own, component: Component): Component => {
    // As its process would.
    announce(bus, world, { component: component.name, id: component.id, state: () => component.state() });
    return component;
  };

  times(layout.etcd, (i) =>
    add('etcd', `etcd-${i}`, (own) => {
      const isElecting = (): boolean => electing;
      own.link = linkLog({ simulation, log, name: own.name, process: own.process, weather, isElecting, replicated: layout.replicated }); // prettier-ignore
      return startEtcd({ world: own.world, bus: own.bus, log: own.link.log, id: own.id });
    }),
  );
  times(layout.apiservers, (i) =>
    add('apiserver', `apiserver-${i}`, ({ world, bus, id }) => startApiserver({ world, bus, id, ...MACHINE })),
  );
  times(layout.controllerManagers, (i) =>
    add('controllers', `controllers-${i}`, (own) =>
      candidate(own, startControllerManager({ world: own.world, bus: own.bus, id: own.id, clusterCa: CLUSTER_CA })),
    ),
  );
  times(layout.schedulers, (i) =>
    add('scheduler', `scheduler-${i}`, (own) =>
      candidate(own, startSchedulerProcess({ world: own.world, bus: own.bus, id: own.id })),
    ),
  );
  for (const [i, name] of layout.nodes.entries())
    add('node', name, ({ world, bus }) =>
      startNodes({ world, bus, id: name, nodes: [{ name, podCIDR: `10.244.${i}.0/24`, ip: `172.18.0.${i + 2}` }] }),
    );

  interface Own {
    readonly name: string;
    /** Of this process alone, not of the one before it. */
    readonly id: string;
    readonly process: SimulatedProcess;
    readonly world: SimulatedProcess['world'];
    readonly bus: Bus;
    link: LogLink | undefined;
  }
  function createProcess(kind: ProcessKind, name: string, body: (own: Own) => Component): Process {
    let incarnation = 0;
    let own: Own | undefined;
    let component: Component | undefined;
    let offset = 0;
    return {
      name,
      kind,
      get running() {
        return own !== undefined;
      },
      get component() {
        return component;
      },
      start: () => {
        if (own) return;
        const process = simulation.process(`${name}#${++incarnation}`);
        process.setClock(offset);
        const { world } = process;
        own = {
          name,
          id: `${name}-${world.ids.suffix(5)}`,
          process,
          world,
          bus: hub.connect(name, { world, process }),
          link: undefined,
        };
        component = body(own);
        // Who waits for it sees it by what it does.
        component.ready.catch(() => undefined);
      },
      crash: () => {
        own?.process.end();
        own?.link?.end();
        if (own) hub.kill(name);
        own = component = undefined;
      },
      pause: () => own?.process.pause(),
      resume: () => own?.process.resume(),
      setConnected: (connected) => {
        if (!own) return;
        hub.setConnected(name, connected);
        own.link?.setConnected(connected);
      },
      setClock: (offsetMs) => {
        offset = offsetMs;
        own?.process.setClock(offset);
      },
    };
  }

  const world = simulation.world('console');
  return {
    simulation,
    hub,
    log,
    weather,
    processes,
    admin: createApiClient(hub.connect('console', { world }), world, 'admin'),
    get requests() {
      return requests;
    },
    setElecting: (now) => void (electing = now),
    apiserver: (name) => processes.get(name)?.component as Apiserver | undefined,
    end: () => {
      for (const process of processes.values()) process.crash();
      hub.kill('console');
    },
  };
}
