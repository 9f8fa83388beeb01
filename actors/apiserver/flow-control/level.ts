import type { PriorityLevelConfiguration } from '../../../schemas/generated/flowcontrol-v1.ts';
import { Integrator } from './integrator.ts';
import { EXEMPT, QueueSet, REJECTING, type Queuing } from './queue-set.ts';

/** Smoothed demand sinks slowly, rises at once. Source: apf_controller.go seatDemandSmoothingCoefficient. */
const SMOOTHING = 0.977;

export interface LevelSpec {
  readonly name: string;
  readonly uid: string;
  readonly queuing: Queuing;
  readonly shares: number;
  readonly lendablePercent: number;
  /** undefined: as much as there is. */
  readonly borrowingPercent: number | undefined;
}
/** What a configuration asks for; undefined: it contradicts itself and counts as absent. */
export function levelSpec({ metadata, spec }: PriorityLevelConfiguration): LevelSpec | undefined {
  const { type, exempt, limited } = spec ?? {};
  const name = metadata.name ?? '';
  if ((type === 'Exempt') !== (name === 'exempt') || (type === 'Limited') !== (limited !== undefined)) return undefined;
  const { nominalConcurrencyShares = 0, lendablePercent = 0 } = limited ?? exempt ?? {};
  const common = { name, uid: metadata.uid ?? '', shares: nominalConcurrencyShares, lendablePercent };
  if (limited === undefined) return { ...common, queuing: EXEMPT, borrowingPercent: undefined };
  const { queues = 0, handSize = 0, queueLengthLimit = 0 } = limited.limitResponse?.queuing ?? {};
  if (queues > 0 && (handSize < 1 || handSize > queues)) return undefined;
  const queuing = queues < 1 ? REJECTING : { queues, handSize, lengthLimit: queueLengthLimit };
  return { ...common, queuing, borrowingPercent: limited.borrowingLimitPercent };
}

/** A priority level: its requests, the seats that it has, and those that it would like. All limits in seats. */
export class Level<Owner = unknown> {
  spec: LevelSpec;
  readonly set: QueueSet<Owner>;
  readonly #demand: Integrator;
  nominal = 0;
  min = 0;
  max = 0;
  current = 0;
  /** The most that is believed of one request. */
  maxSeats = 0;
  /** Nobody wants it any more; it stays until its last request is gone. */
  quiescing = false;
  highWatermark = 0;
  average = 0;
  deviation = 0;
  smoothed = 0;
  target = 0;
  /** How far it is in the turns that levels take at the machine: see gate.ts. */
  turn = 0;
  constructor(spec: LevelSpec, nowMs: number) {
    this.spec = spec;
    this.set = new QueueSet(spec.queuing, 0, nowMs);
    this.#demand = new Integrator(nowMs);
  }
  get isExempt(): boolean {
    return this.spec.queuing.queues < 0;
  }
  noteDemand(nowMs: number): void {
    this.#demand.set(this.set.seatsInUse + this.set.seatsWaiting, nowMs);
  }
  /** Ends a period of observation. */
  observe(nowMs: number): void {
    const { seconds, average, deviation, max } = this.#demand.take(nowMs);
    this.highWatermark = Math.round(max);
    if (seconds <= 0) return;
    this.average = average;
    this.deviation = deviation;
    const envelope = average + deviation;
    this.smoothed = Math.max(envelope, SMOOTHING * this.smoothed + (1 - SMOOTHING) * envelope);
  }
  limitTo(seats: number, nowMs: number): void {
    this.current = seats;
    this.set.configure(this.spec.queuing, seats, nowMs);
  }
}
