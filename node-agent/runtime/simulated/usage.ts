import { parse } from 'yaml';
import type { Container, Pod } from '../../../schemas/generated/core-v1.ts';
import { parseDuration } from '../../../schemas/meta/duration.ts';
import { parseQuantity } from '../../../schemas/meta/quantity.ts';
import type { RuntimeUsage } from '../interface.ts';
import { SIMULATE } from './script.ts';

/** What is used from a time on, in ms since the container's start, until the next step. */
interface Step {
  readonly atMs: number;
  /** Nano cores, or bytes. */
  readonly amount: number;
}
interface Curves {
  readonly cpu: readonly Step[];
  readonly memory: readonly Step[];
}
/** CPU time that was used before the curves were last changed. */
interface Meter {
  readonly curves: Curves;
  readonly text: string;
  readonly usedBefore: number;
  readonly sinceMs: number;
}
/** How far back an average looks, as of a kubelet. */
const WINDOW_MS = 10_000;
const NANO = 1_000_000_000n;
const NANOS_OF_MS = 1_000_000n;
const MS_OF_SECOND = 1_000;
/** Of what a container asks for, where no script says what it uses; and what one uses that asks for nothing. */
const IDLE = { cpu: { share: 0.05, least: 1_000_000 }, memory: { share: 0.2, least: 2 * 1024 * 1024 } };

/**
 * What simulated containers use, by their pod's script (see script.ts), for all of it or by container:
 *
 *     kubus.dev/simulate: |
 *       usage: { cpu: 250m, memory: 64Mi }
 *       containers:
 *         web: { usage: { cpu: "100m, 400m@60s, 50m@5m" } }   # 400m from its second minute on, 50m after five
 *
 * A script that is changed while the pod runs counts at once. What is not said is a share of what is requested.
 */
export class Usage {
  readonly #meters = new Map<string, Meter>();

  /** At `now`; `startedAt` in ms since the epoch too. CPU time never decreases. */
  read(id: string, pod: Pod, container: Container, startedAt: number, now: number): RuntimeUsage {
    const age = Math.max(0, now - startedAt);
    const { curves, usedBefore, sinceMs } = this.#meterOf(id, pod, container, age);
    const from = Math.max(0, age - WINDOW_MS);
    const average =
      age === 0 ? amountAt(curves.cpu, 0) : (integral(curves.cpu, from, age) / (age - from)) * MS_OF_SECOND;
    return {
      nanoCores: Math.round(average),
      coreNanoSeconds: Math.round(usedBefore + integral(curves.cpu, sinceMs, age)),
      memoryBytes: Math.round(amountAt(curves.memory, age)),
    };
  }
  forget(id: string): void {
    this.#meters.delete(id);
  }
  #meterOf(id: string, pod: Pod, container: Container, age: number): Meter {
    const text = pod.metadata.annotations?.[SIMULATE] ?? '';
    const before = this.#meters.get(id);
    if (before?.text === text) return before;
    const usedBefore = before === undefined ? 0 : before.usedBefore + integral(before.curves.cpu, before.sinceMs, age);
    const meter = { text, curves: curvesOf(text, container), usedBefore, sinceMs: before === undefined ? 0 : age };
    this.#meters.set(id, meter);
    return meter;
  }
}

function amountAt(steps: readonly Step[], ms: number): number {
  let amount = 0;
  for (const step of steps) if (step.atMs <= ms) amount = step.amount;
  return amount;
}
/** Amount times seconds. */
function integral(steps: readonly Step[], from: number, to: number): number {
  let sum = 0;
  for (const [i, { atMs, amount }] of steps.entries()) {
    const begin = Math.max(from, atMs);
    const end = Math.min(to, steps[i + 1]?.atMs ?? to);
    if (end > begin) sum += (amount * (end - begin)) / MS_OF_SECOND;
  }
  return sum;
}

type Fields = Readonly<Record<string, unknown>>;
const fields = (x: unknown): Fields => (typeof x === 'object' && x !== null && !Array.isArray(x) ? (x as Fields) : {});

/** What cannot be read counts as not said, as of the rest of the script. */
function curvesOf(text: string, container: Container): Curves {
  let root: Fields = {};
  try {
    root = text === '' ? {} : fields(parse(text, { prettyErrors: false }));
  } catch {
    // Its other reader tells.
  }
  const own = fields(fields(root['containers'])[container.name])['usage'];
  const usage = { ...fields(root['usage']), ...fields(own) };
  const requests = container.resources?.requests ?? {};
  return {
    cpu: stepsOf(usage['cpu'], 'cpu') ?? idle('cpu', requests['cpu']),
    memory: stepsOf(usage['memory'], 'memory') ?? idle('memory', requests['memory']),
  };
}
function idle(of: 'cpu' | 'memory', request: string | number | undefined): Step[] {
  const { share, least } = IDLE[of];
  return [{ atMs: 0, amount: Math.max(least, (amountOf(request ?? '0', of) ?? 0) * share) }];
}
/** `100m, 400m@60s`; undefined: it says nothing, or something else. */
function stepsOf(value: unknown, of: 'cpu' | 'memory'): Step[] | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  const steps: Step[] = [];
  for (const part of String(value).split(',')) {
    const [quantity = '', at = '0s'] = part.trim().split('@');
    const amount = amountOf(quantity, of);
    const nanos = parseDuration(at.trim());
    if (amount === undefined || typeof nanos === 'string') return undefined;
    steps.push({ atMs: Number(nanos / NANOS_OF_MS), amount });
  }
  return steps.sort((a, b) => a.atMs - b.atMs);
}
function amountOf(text: string | number, of: 'cpu' | 'memory'): number | undefined {
  try {
    const { nano } = parseQuantity(text);
    return nano < 0n ? undefined : Number(of === 'cpu' ? nano : nano / NANO);
  } catch {
    return undefined;
  }
}
