import { createRandom, type Random } from '../random.ts';
import type { Layout } from './cluster.ts';

/** What can befall the parts of a simulated cluster. */
export const SIMULATED_FAULTS = [
  'crash', 'crash-after-write', 'pause', 'cut', 'loss', 'late', 'clock', 'election',
] as const; // prettier-ignore
export type SimulatedFaultKind = (typeof SIMULATED_FAULTS)[number];

export interface SimulatedFault {
  readonly kind: SimulatedFaultKind;
  /** Of a process; of `election` the log. */
  readonly target: string;
  /** Milliseconds from the beginning; `crash-after-write`: after the next write from then on. */
  readonly at: number;
  readonly forMs: number;
  /**
   * `loss`: share of messages in percent. `late`: the longest, ms. `clock`: by how much, ms. `crash-after-write`: how long
   * after the write, microseconds: 0 is before anyone hears of it.
   */
  readonly amount: number;
}

/** The shape of a run that follows from its seed: one in two has several of everything, one in three copies of its log. */
export function layoutOf(seed: number, nodes: readonly string[]): Layout {
  const random = createRandom(seed * 7 + 1);
  const several = random.next() < 0.5;
  const upTo = (most: number): number => (several ? random.between(1, most) : 1);
  return {
    etcd: upTo(2),
    apiservers: upTo(2),
    controllerManagers: several ? 2 : 1,
    schedulers: upTo(2),
    nodes,
    replicated: random.next() < 1 / 3,
  };
}

const LASTS: Readonly<Record<SimulatedFaultKind, readonly [number, number]>> = {
  crash: [20, 6_000],
  'crash-after-write': [20, 4_000],
  pause: [100, 7_000],
  cut: [50, 6_000],
  loss: [500, 5_000],
  late: [500, 6_000],
  clock: [500, 10_000],
  election: [200, 6_000],
};

export interface SimulatedScheduleOptions {
  readonly seed: number;
  readonly layout: Layout;
  /** No fault begins later, ms. */
  readonly forMs: number;
  /** Kinds that may occur; default all. */
  readonly kinds?: readonly SimulatedFaultKind[] | undefined;
  /** Whether nodes are harmed too; default true. */
  readonly nodes?: boolean | undefined;
}

/** Faults that follow from the seed and the layout alone, in order of their beginning. */
export function simulatedSchedule(o: SimulatedScheduleOptions): SimulatedFault[] {
  const random = createRandom(o.seed);
  const { layout } = o;
  const numbered = (name: string, n: number): string[] => Array.from({ length: n }, (_, i) => `${name}-${i}`);
  const plane = [
    ...numbered('etcd', layout.etcd),
    ...numbered('apiserver', layout.apiservers),
    // Twice: where most of what can go wrong is decided.
    ...numbered('controllers', layout.controllerManagers),
    ...numbered('controllers', layout.controllerManagers),
    ...numbered('scheduler', layout.schedulers),
  ];
  const targets = (o.nodes ?? true) ? [...plane, ...layout.nodes] : plane;
  const possible = (o.kinds ?? SIMULATED_FAULTS).filter(
    (kind) => layout.replicated || (kind !== 'loss' && kind !== 'late' && kind !== 'election'),
  );
  const faults: SimulatedFault[] = [];
  const count = possible.length === 0 ? 0 : random.between(2, 8);
  for (let i = 0; i < count; i++) {
    const kind = random.pick(possible);
    const [shortest, longest] = LASTS[kind];
    faults.push({
      kind,
      target: kind === 'election' ? 'log' : random.pick(targets),
      at: random.between(0, o.forMs),
      // Most are short: what comes back in the middle of things is harder than what comes back to a quiet house.
      forMs: Math.round(shortest + (longest - shortest) * random.next() ** 2),
      amount: amountOf(kind, random),
    });
  }
  return faults.sort((a, b) => a.at - b.at);
}

function amountOf(kind: SimulatedFaultKind, random: Random): number {
  if (kind === 'loss') return random.between(2, 60);
  if (kind === 'late') return random.between(2, 400);
  // What is written down with such a time is waited for as long again, by upstream too.
  if (kind === 'clock') return random.between(1_000, 300_000) * (random.next() < 0.5 ? -1 : 1);
  if (kind === 'crash-after-write') return random.next() < 0.5 ? 0 : random.between(1, 2_000);
  return 0;
}
