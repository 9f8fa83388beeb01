import type { RequestInfo, UserInfo } from '../request.ts';
import type { Queue } from './queue.ts';

/** What a request is expected to cost. Source: apiserver pkg/util/flowcontrol/request width.go. */
export interface Work {
  /** While it is executed. */
  readonly initialSeats: number;
  /** For `additionalMs` afterwards: its event goes to watchers. The requester does not wait for that. */
  readonly finalSeats: number;
  readonly additionalMs: number;
  /** Of the one thread that does everything: in units of a write, not bounded as seats are. */
  readonly units: number;
}
export const PLAIN_WORK: Work = { initialSeats: 1, finalSeats: 0, additionalMs: 0, units: 1 };
/** Nothing is written, and what all that read wait for is asked once for all of them. */
export const READING: Work = { ...PLAIN_WORK, units: 0.5 };

/** The time that a request is supposed to take before it is known. Source: queueset.go estimatedServiceDuration. */
export const SERVICE_SECONDS = 0.003;

export type FlowState = 'waiting' | 'executing' | 'lingering' | 'done';

/** A request from its arrival in a set of queues until its seats are free again. */
export class FlowRequest<Owner = unknown> {
  state: FlowState = 'waiting';
  readonly owner: Owner;
  readonly info: RequestInfo;
  readonly user: UserInfo;
  readonly distinguisher: string;
  readonly work: Work;
  /** Seats that it holds from beginning to end. */
  readonly seats: number;
  finalSeats: number;
  additionalMs: number;
  /** Seat-seconds. */
  readonly totalWork: number;
  readonly arrivedMs: number;
  startedMs = 0;
  /** The progress of its set of queues when it arrived. */
  arrivedR = 0;
  queue: Queue<Owner> | undefined;
  previous: FlowRequest<Owner> | undefined;
  next: FlowRequest<Owner> | undefined;
  constructor(owner: Owner, info: RequestInfo, user: UserInfo, distinguisher: string, work: Work, nowMs: number) {
    this.owner = owner;
    this.info = info;
    this.user = user;
    this.distinguisher = distinguisher;
    this.work = work;
    this.seats = Math.max(work.initialSeats, work.finalSeats);
    this.finalSeats = work.finalSeats;
    this.additionalMs = work.additionalMs;
    this.totalWork = work.initialSeats * SERVICE_SECONDS + (work.finalSeats * work.additionalMs) / 1000;
    this.arrivedMs = nowMs;
  }
}
