import { createRandom, type Random } from './random.ts';

export const FAULTS = ['kill', 'pause', 'partition', 'slow', 'quorum'] as const;
export type FaultKind = (typeof FAULTS)[number];

/** Something that is done to a cluster, and undone later. Times are ms from the beginning of the run. */
export interface Fault {
  readonly kind: FaultKind;
  /** Name of a process, `store-leader`, or for `quorum` the nats-servers that end together, joined by `+`. */
  readonly target: string;
  readonly at: number;
  readonly forMs: number;
  /** `slow`: how much later each byte arrives, ms. */
  readonly delayMs?: number | undefined;
}
export const STORE_LEADER = 'store-leader';

/** How long each lasts, ms. Elections need up to 9 s: some faults are over before one, some are not. */
const DURATIONS: Readonly<Record<FaultKind, readonly [number, number]>> = {
  kill: [50, 2_000],
  pause: [300, 6_000],
  partition: [300, 8_000],
  slow: [1_000, 6_000],
  quorum: [500, 8_000],
};

export interface ScheduleOptions {
  readonly seed: number;
  readonly seconds: number;
  readonly kinds: readonly FaultKind[];
  /** Names of the processes, nats-servers and others. */
  readonly servers: readonly string[];
  readonly components: readonly string[];
}

/** Faults one after the other until the time is over: the same for the same options. Those that need 3 servers wait for 3. */
export function scheduleOf({ seed, seconds, kinds, servers, components }: ScheduleOptions): Fault[] {
  const random = createRandom(seed);
  const possible = kinds.filter((kind) => kind !== 'quorum' || servers.length >= 3);
  const faults: Fault[] = [];
  if (possible.length === 0) return faults;
  // Every kind has its turn before one has a second.
  let turn: FaultKind[] = [];
  for (let at = random.between(500, 1_500); ;) {
    if (turn.length === 0) turn = shuffled(possible, random);
    const kind = turn.pop()!;
    const [shortest, longest] = DURATIONS[kind];
    const forMs = random.between(shortest, longest);
    if (at + forMs > seconds * 1_000) return faults;
    const target = targetOf(kind, random, servers, components);
    faults.push({ kind, target, at, forMs, ...(kind === 'slow' && { delayMs: random.between(20, 400) }) });
    at += forMs + random.between(500, 3_000);
  }
}

function targetOf(kind: FaultKind, random: Random, servers: readonly string[], components: readonly string[]): string {
  if (kind === 'quorum')
    return shuffled(servers, random)
      .slice(0, Math.ceil(servers.length / 2))
      .join('+');
  // A third of all concerns the store: what is hardest to get right.
  const place = random.next();
  if (place < 1 / 6) return STORE_LEADER;
  return random.pick(place < 1 / 3 ? servers : components);
}
function shuffled<T>(list: readonly T[], random: Random): T[] {
  const left = [...list];
  return list.map(() => left.splice(random.between(0, left.length - 1), 1)[0]!);
}
