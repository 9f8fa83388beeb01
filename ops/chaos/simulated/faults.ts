import type { Process, SimulatedProcesses } from './cluster.ts';
import type { Change, History } from './history.ts';
import type { SimulatedFault } from './schedule.ts';

/** What was done, ms of the simulation's clock since the epoch. */
export interface Done {
  readonly fault: SimulatedFault;
  readonly at: number;
}

/**
 * Does the faults of a schedule when they are due, and undoes each when it has lasted. `over` resolves when all are undone.
 * What several do to one process at once ends with the last of them.
 */
export function scheduleFaults(
  cluster: SimulatedProcesses,
  history: History,
  schedule: readonly SimulatedFault[],
  onFault: (done: Done) => void,
): { readonly over: boolean; readonly pending: readonly SimulatedFault[]; heal(): void } {
  const { simulation, processes, weather } = cluster;
  const left = new Set(schedule);
  const undo = new Map<SimulatedFault, () => void>();
  /** How many faults want it so now. */
  const holds = new Map<string, number>();
  const hold = (what: string, begin: () => void, end: () => void): (() => void) => {
    const before = holds.get(what) ?? 0;
    holds.set(what, before + 1);
    if (before === 0) begin();
    return () => {
      const now = holds.get(what)! - 1;
      holds.set(what, now);
      if (now === 0) end();
    };
  };
  const inject = (fault: SimulatedFault, process: Process | undefined): (() => void) => {
    const { kind, target, amount } = fault;
    switch (kind) {
      case 'crash':
      case 'crash-after-write':
        process!.crash();
        return hold(`down ${target}`, () => undefined, () => process!.start()); // prettier-ignore
      case 'pause':
        return hold(`pause ${target}`, () => process!.pause(), () => process!.resume()); // prettier-ignore
      case 'cut':
        return hold(`cut ${target}`, () => process!.setConnected(false), () => process!.setConnected(true)); // prettier-ignore
      case 'loss':
        return weather.begin({ of: new Set([target]), loss: amount / 100, lateMicros: 0 });
      case 'late':
        return weather.begin({ of: new Set([target]), loss: 0, lateMicros: amount * 1000 });
      case 'clock':
        process!.setClock(amount);
        return hold(`clock ${target}`, () => undefined, () => process!.setClock(0)); // prettier-ignore
      case 'election':
        return hold('election', () => cluster.setElecting(true), () => cluster.setElecting(false)); // prettier-ignore
    }
  };
  const begin = (fault: SimulatedFault): void => {
    if (!left.has(fault)) return;
    onFault({ fault, at: simulation.clock.now() });
    const end = inject(fault, processes.get(fault.target));
    const heal = (): void => {
      if (!undo.delete(fault)) return;
      left.delete(fault);
      end();
    };
    undo.set(fault, heal);
    simulation.after(fault.forMs * 1000, heal);
  };
  /** Those that wait for a write: of the target, if it is one whose writes can be told. */
  const armed = new Set<SimulatedFault>();
  history.onChange((change) => {
    for (const fault of armed) {
      if (!isBy(change, fault.target)) continue;
      armed.delete(fault);
      simulation.after(fault.amount, () => begin(fault));
    }
  });
  for (const fault of schedule)
    simulation.after(fault.at * 1000, () => {
      if (fault.kind !== 'crash-after-write') begin(fault);
      else if (left.has(fault)) armed.add(fault);
    });
  return {
    get over() {
      return left.size === 0;
    },
    get pending() {
      return [...left];
    },
    heal: () => {
      armed.clear();
      for (const fault of schedule) {
        const heal = undo.get(fault);
        if (heal) heal();
        else left.delete(fault);
      }
    },
  };
}

/** Elected components sign what they write, and nodes write about themselves and their pods; all other has a hand in all. */
function isBy({ term, after, before, key }: Change, target: string): boolean {
  if (/^(?:controllers|scheduler)-/.test(target)) return term?.holder.startsWith(`${target}-`) ?? false;
  if (/^(?:etcd|apiserver)-/.test(target)) return !key.startsWith('/kubus/');
  if (key === `/registry/minions/${target}` || key === `/registry/leases/kube-node-lease/${target}`) return true;
  const spec = ((after ?? before) as { spec?: { nodeName?: string } } | undefined)?.spec;
  return key.startsWith('/registry/pods/') && spec?.nodeName === target && term === undefined;
}
