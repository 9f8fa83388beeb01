import { parseDuration } from '../../../schemas/meta/duration.ts';
import { formatQuantity, parseQuantity } from '../../../schemas/meta/quantity.ts';
import { value as quantityNumber } from '../../../schemas/helpers/quantity-number.ts';
import type { KubeletConfiguration } from '../node/configuration.ts';

export type Condition = 'MemoryPressure' | 'DiskPressure' | 'PIDPressure';
/** What is short: as messages name it. */
export type Starved = 'memory' | 'ephemeral-storage' | 'inodes' | 'pids';
interface SignalFacts {
  readonly condition: Condition;
  readonly resource: Starved;
}
const DISK = { condition: 'DiskPressure', resource: 'ephemeral-storage' } as const;
const INODES = { condition: 'DiskPressure', resource: 'inodes' } as const;
const MEMORY = { condition: 'MemoryPressure', resource: 'memory' } as const;
/** Source: kubelet eviction/helpers.go signalToNodeCondition, signalToResource. */
export const SIGNALS = {
  'memory.available': MEMORY,
  'allocatableMemory.available': MEMORY,
  'nodefs.available': DISK,
  'nodefs.inodesFree': INODES,
  'imagefs.available': DISK,
  'imagefs.inodesFree': INODES,
  'containerfs.available': DISK,
  'containerfs.inodesFree': INODES,
  'pid.available': { condition: 'PIDPressure', resource: 'pids' },
} as const satisfies Record<string, SignalFacts>;
export type Signal = keyof typeof SIGNALS;

/** So much, or such a part of what there is. */
type Amount = { readonly quantity: number; readonly text: string } | { readonly part: number };
/** Below which there is too little. */
export interface Threshold {
  readonly signal: Signal;
  readonly value: Amount;
  /** ms for which it may be too little; 0: pods go at once. */
  readonly graceMs: number;
  /** Once there was too little: how much more than the threshold there has to be. */
  readonly minReclaim: Amount | undefined;
}
export interface Observation {
  readonly available: number;
  readonly capacity: number;
  readonly format: 'BinarySI' | 'DecimalSI';
}
export type Observations = ReadonlyMap<Signal, Observation>;

export const amountOf = (amount: Amount, capacity: number): number =>
  'part' in amount ? Math.trunc(capacity * amount.part) : amount.quantity;
export const quantityText = (n: number, format: Observation['format']): string =>
  formatQuantity({ nano: BigInt(Math.trunc(n)) * 1_000_000_000n, format });
export const amountText = (amount: Amount, { capacity }: Observation): string =>
  'part' in amount ? quantityText(amountOf(amount, capacity), 'BinarySI') : amount.text;

type Given = Pick<KubeletConfiguration, 'evictionHard' | 'evictionSoft' | 'evictionSoftGracePeriod' | 'evictionMinimumReclaim' | 'enforceNodeAllocatable'>; // prettier-ignore
type Statements = Readonly<Record<string, string>>;

/** Throws Error in Kubernetes' words. Pure. Source: kubelet eviction ParseThresholdConfig. */
export function parseThresholds(given: Given): Threshold[] {
  const reclaims = parseReclaims(given.evictionMinimumReclaim);
  const graces = parseGraces(given.evictionSoftGracePeriod);
  const hard = parseStatements(given.evictionHard).map(([signal, value]) => ({ signal, value, graceMs: 0 }));
  const soft = parseStatements(given.evictionSoft).map(([signal, value]) => {
    const graceMs = graces.get(signal);
    if (graceMs === undefined) throw new Error(`grace period must be specified for the soft eviction threshold ${signal}`);
    return { signal, value, graceMs };
  });
  const all = [...hard, ...soft].map((threshold): Threshold => ({ ...threshold, minReclaim: reclaims.get(threshold.signal) }));
  if (!given.enforceNodeAllocatable.includes('pods')) return all;
  // Pods together must leave as much of what they may have as the machine must keep.
  const allocatable = all
    .filter(({ signal, graceMs }) => signal === 'memory.available' && graceMs === 0)
    .map((threshold): Threshold => ({ ...threshold, signal: 'allocatableMemory.available' }));
  return [...all, ...allocatable];
} // prettier-ignore
/** Containers are on the disk of images where that is one of its own, else on the node's. Source: UpdateContainerFsThresholds. */
export function withContainerFs(thresholds: readonly Threshold[], hasImageFs: boolean): Threshold[] {
  const like = hasImageFs ? 'imagefs' : 'nodefs';
  const others = thresholds.filter(({ signal }) => !signal.startsWith('containerfs.'));
  const containers = others.flatMap((threshold): Threshold[] => {
    const [of, what] = threshold.signal.split('.');
    return of === like ? [{ ...threshold, signal: `containerfs.${what}` as Signal }] : [];
  });
  return [...others, ...containers];
}
function signalOf(name: string): Signal {
  if (!(name in SIGNALS)) throw new Error(`unsupported eviction signal ${name}`);
  return name as Signal;
}
function parseStatements(statements: Statements): (readonly [Signal, Amount])[] {
  return Object.entries(statements).flatMap(([name, text]): (readonly [Signal, Amount])[] => {
    const signal = signalOf(name);
    if (!text.endsWith('%')) {
      const { nano } = parseQuantity(text);
      if (nano <= 0n) throw new Error(`eviction threshold ${signal} must be positive: ${text}`);
      return [[signal, { quantity: quantityNumber(text), text }]];
    }
    // All and nothing are never reached.
    if (text === '0%' || text === '100%') return [];
    const part = percentage(text);
    if (part < 0) throw new Error(`eviction percentage threshold ${signal} must be >= 0%: ${text}`);
    if (part > 1) throw new Error(`eviction percentage threshold ${signal} must be <= 100%: ${text}`);
    return [[signal, { part }]];
  });
}
function parseGraces(statements: Statements): Map<Signal, number> {
  return new Map(
    Object.entries(statements).map(([name, text]) => {
      const signal = signalOf(name);
      const nanos = parseDuration(text);
      if (typeof nanos === 'string') throw new Error(nanos);
      if (nanos < 0n) throw new Error(`invalid eviction grace period specified: ${text}, must be a positive value`);
      return [signal, Number(nanos / 1_000_000n)];
    }),
  );
}
function parseReclaims(statements: Statements): Map<Signal, Amount> {
  return new Map(
    Object.entries(statements).map(([name, text]): [Signal, Amount] => {
      const signal = signalOf(name);
      if (text.endsWith('%')) {
        const part = percentage(text);
        if (part <= 0) throw new Error(`eviction percentage minimum reclaim ${signal} must be positive: ${text}`);
        return [signal, { part }];
      }
      const { nano } = parseQuantity(text);
      if (nano < 0n) throw new Error(`negative eviction minimum reclaim specified for ${signal}`);
      return [signal, { quantity: quantityNumber(text), text }];
    }),
  );
}
function percentage(text: string): number {
  const digits = text.replace(/%+$/, '');
  if (!/^[+-]?(?:\d+\.?\d*|\.\d+)$/.test(digits)) throw new Error(`strconv.ParseFloat: parsing ${JSON.stringify(digits)}: invalid syntax`); // prettier-ignore
  // The original counts with half the precision.
  return Math.fround(Math.fround(Number(digits)) / 100);
}
