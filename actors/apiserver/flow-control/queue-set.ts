import type { FlowRequest } from './flow-request.ts';
import { Queue } from './queue.ts';

export interface Queuing {
  /** 0: what has no seat is refused; negative: nobody ever waits. */
  readonly queues: number;
  readonly handSize: number;
  /** Of each queue. */
  readonly lengthLimit: number;
}
export const EXEMPT: Queuing = { queues: -1, handSize: 0, lengthLimit: 0 };
export const REJECTING: Queuing = { queues: 0, handSize: 0, lengthLimit: 0 };

/**
 * The requests of one priority level: fair queuing for a server that serves several at once, of different width. A progress
 * meter R counts the seat-seconds that each queue that has requests was given since the beginning; the next request is that
 * which would be finished first if all queues were served at the same time. Pure: who calls says what time it is, and calls
 * `next` until it has nothing. Source: apiserver pkg/util/flowcontrol/fairqueuing/queueset.
 */
export class QueueSet<Owner = unknown> {
  queuing: Queuing;
  /** Seats. */
  limit: number;
  readonly queues: Queue<Owner>[] = [];
  readonly executing = new Set<FlowRequest<Owner>>();
  waiting = 0;
  seatsInUse = 0;
  seatsWaiting = 0;
  dispatched = 0;
  rejected = 0;
  cancelled = 0;
  /** Seat-seconds. */
  progress = 0;
  #lastMs: number;
  #robin = 0;
  #enqueued = 0;
  #active = 0;
  readonly #filled: Queue<Owner>[] = [];
  constructor(queuing: Queuing, limit: number, nowMs: number) {
    this.queuing = queuing;
    this.limit = limit;
    this.#lastMs = nowMs;
    this.#fit();
  }
  get isIdle(): boolean {
    return this.waiting === 0 && this.executing.size === 0;
  }
  /** Queues that are too many go once they are empty. */
  configure(queuing: Queuing, limit: number, nowMs: number): void {
    this.#advance(nowMs);
    this.queuing = queuing;
    this.limit = limit;
    this.#fit();
  }
  #fit(): void {
    const wanted = Math.max(0, this.queuing.queues);
    while (this.queues.length < wanted) this.queues.push(new Queue(this.queues.length));
    while (this.queues.length > wanted && this.queues.at(-1)!.isIdle && this.queues.at(-1)!.seatsInUse === 0)
      this.queues.pop();
    this.#robin = this.queues.length === 0 ? 0 : this.#robin % this.queues.length;
  }
  #advance(nowMs: number): void {
    const seconds = (nowMs - this.#lastMs) / 1000;
    if (seconds === 0) return;
    this.#lastMs = nowMs;
    if (this.#active === 0 || seconds < 0) return;
    // What is in use, not what could be: while something else than the limit holds requests back, queues get less, and a
    // meter that ran ahead of them would have who comes later wait for all who wait already.
    this.progress += (this.seatsInUse / this.#active) * seconds;
  }
  /**
   * Takes a request in: it executes, waits, or has no place (false). `held`: somebody else than the limit keeps requests
   * from executing; they wait in queues that are longer by what could execute but for that.
   */
  arrive(request: FlowRequest<Owner>, hand: readonly number[], held: boolean, nowMs: number): boolean {
    this.#advance(nowMs);
    request.arrivedR = this.progress;
    if (this.queuing.queues <= 0) {
      if (this.#fits(request.seats)) {
        this.#execute(request, nowMs);
        return true;
      }
      this.rejected++;
      return false;
    }
    const queue = this.#emptiest(hand);
    const { lengthLimit } = this.queuing;
    if (queue.length >= lengthLimit && (this.seatsInUse >= this.limit || held)) {
      const longer = Math.floor(Math.max(0, this.limit - this.seatsInUse) / Math.max(1, this.#filled.length));
      if (queue.length >= lengthLimit + longer) {
        this.rejected++;
        return false;
      }
    }
    if (queue.isIdle) {
      queue.nextR = this.progress;
      this.#active++;
    }
    queue.push(request);
    if (queue.slot < 0) queue.slot = this.#filled.push(queue) - 1;
    this.waiting++;
    this.seatsWaiting += request.seats;
    queue.bound();
    return true;
  }
  /** Begins at another card each time: else flows with overlapping hands would favour the same queues. */
  #emptiest(hand: readonly number[]): Queue<Owner> {
    const offset = this.#enqueued++ % hand.length;
    let best: Queue<Owner> | undefined;
    for (let i = 0; i < hand.length; i++) {
      const queue = this.queues[hand[(offset + i) % hand.length]!]!;
      if (queue.work === 0 && queue.length === 0) return queue;
      if (best === undefined || queue.work < best.work) best = queue;
    }
    return best!;
  }
  /** Has the request execute whose turn it is; undefined: none may. */
  next(nowMs: number): FlowRequest<Owner> | undefined {
    if (this.waiting === 0 || this.seatsInUse >= this.limit) return undefined;
    this.#advance(nowMs);
    const queue = this.#earliest(nowMs);
    const request = queue.head!;
    // Nobody passes a wide request for which there is no room yet: it would never get it.
    if (!this.#fits(request.seats)) return undefined;
    this.#robin = queue.index;
    this.#leaveQueue(queue, request);
    if (request.finalSeats > this.limit) {
      request.additionalMs = (request.finalSeats * request.additionalMs) / this.limit;
      request.finalSeats = this.limit;
    }
    this.#execute(request, nowMs);
    queue.begin(request);
    return request;
  }
  #earliest(nowMs: number): Queue<Owner> {
    const [first] = this.#filled;
    if (this.#filled.length === 1) return first!;
    const count = this.queues.length;
    let best = first!;
    let finish = Number.POSITIVE_INFINITY;
    let turn = 0;
    for (const queue of this.#filled) {
      const end = queue.finishR(nowMs);
      const after = (queue.index - this.#robin - 1 + count) % count;
      if (end < finish || (end === finish && after < turn)) [best, finish, turn] = [queue, end, after];
    }
    return best;
  }
  #leaveQueue(queue: Queue<Owner>, request: FlowRequest<Owner>): void {
    queue.remove(request);
    this.waiting--;
    this.seatsWaiting -= request.seats;
    if (queue.length > 0) return;
    const last = this.#filled.pop()!;
    if (last !== queue) {
      this.#filled[queue.slot] = last;
      last.slot = queue.slot;
    }
    queue.slot = -1;
  }
  #fits(seats: number): boolean {
    if (this.queuing.queues < 0) return true;
    if (seats > this.limit) return this.executing.size === 0;
    return this.seatsInUse + seats <= this.limit;
  }
  #execute(request: FlowRequest<Owner>, nowMs: number): void {
    request.state = 'executing';
    request.startedMs = nowMs;
    this.dispatched++;
    this.seatsInUse += request.seats;
    this.executing.add(request);
  }
  /** Takes a request out that waits; false: it does not. */
  cancel(request: FlowRequest<Owner>, nowMs: number): boolean {
    const { queue } = request;
    // Who was refused is in none.
    if (request.state !== 'waiting' || queue === undefined) return false;
    this.#advance(nowMs);
    request.state = 'done';
    this.#leaveQueue(queue, request);
    queue.bound();
    if (queue.isIdle) this.#active--;
    this.rejected++;
    this.cancelled++;
    this.#fit();
    return true;
  }
  /** A request was dealt with. Returns how many ms its seats stay taken: then `release` is due; 0: they are free. */
  finish(request: FlowRequest<Owner>, nowMs: number): number {
    if (request.state !== 'executing') return 0;
    this.#advance(nowMs);
    this.executing.delete(request);
    const { queue } = request;
    if (queue !== undefined) {
      queue.end(request, nowMs);
      if (queue.isIdle) this.#active--;
    }
    request.state = 'lingering';
    if (request.additionalMs > 0) return request.additionalMs;
    this.release(request, nowMs);
    return 0;
  }
  release(request: FlowRequest<Owner>, nowMs: number): void {
    if (request.state !== 'lingering') return;
    this.#advance(nowMs);
    request.state = 'done';
    this.seatsInUse -= request.seats;
    if (request.queue === undefined) return;
    request.queue.seatsInUse -= request.seats;
    if (this.queues.length > this.queuing.queues) this.#fit();
  }
}
