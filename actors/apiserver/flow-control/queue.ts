import { SERVICE_SECONDS, type FlowRequest } from './flow-request.ts';

/** Requests of some flows that wait, oldest first; any of them may leave at any time. */
export class Queue<Owner = unknown> {
  index: number;
  /** Place among the queues in which somebody waits; -1: nobody does. */
  slot = -1;
  head: FlowRequest<Owner> | undefined;
  tail: FlowRequest<Owner> | undefined;
  length = 0;
  executing = 0;
  seatsInUse = 0;
  /** Of requests that are executed: seats, and seats times the ms of their start. */
  #seats = 0;
  #starts = 0;
  initialSeats = 0;
  maxSeats = 0;
  /** Seat-seconds of those that wait. */
  work = 0;
  /** The reading of the progress meter at which the next request is dispatched in the virtual world. */
  nextR = 0;
  constructor(index: number) {
    this.index = index;
  }
  get isIdle(): boolean {
    return this.length === 0 && this.executing === 0;
  }
  push(request: FlowRequest<Owner>): void {
    request.queue = this;
    request.previous = this.tail;
    if (this.tail === undefined) this.head = request;
    else this.tail.next = request;
    this.tail = request;
    this.length++;
    this.initialSeats += request.work.initialSeats;
    this.maxSeats += request.seats;
    this.work += request.totalWork;
  }
  remove(request: FlowRequest<Owner>): void {
    const { previous, next } = request;
    if (previous === undefined) this.head = next;
    else previous.next = next;
    if (next === undefined) this.tail = previous;
    else next.previous = previous;
    request.previous = request.next = undefined;
    this.length--;
    this.initialSeats -= request.work.initialSeats;
    this.maxSeats -= request.seats;
    // What sums of fractions leave behind.
    this.work = this.length === 0 ? 0 : this.work - request.totalWork;
  }
  begin(request: FlowRequest<Owner>): void {
    this.executing++;
    this.seatsInUse += request.seats;
    this.nextR += request.totalWork;
    this.#note(request, 1);
    this.bound();
  }
  /** Charges for the time that the request took instead of that which was guessed. */
  end(request: FlowRequest<Owner>, nowMs: number): void {
    this.executing--;
    this.nextR -= request.work.initialSeats * (SERVICE_SECONDS - (nowMs - request.startedMs) / 1000);
    this.#note(request, -1);
    this.bound();
  }
  #note({ work, startedMs }: FlowRequest<Owner>, sign: 1 | -1): void {
    this.#seats += sign * work.initialSeats;
    this.#starts += sign * work.initialSeats * startedMs;
  }
  /** Where the oldest that waits would end, with what those take that are under way for longer than was guessed. */
  finishR(nowMs: number): number {
    const over = (nowMs * this.#seats - this.#starts) / 1000 - this.#seats * SERVICE_SECONDS;
    return this.nextR + Math.max(0, over) + this.head!.totalWork;
  }
  /** Dispatch in the virtual world never precedes arrival: who uses less than its share gets no credit for later. */
  bound(): void {
    if (this.head !== undefined && this.nextR < this.head.arrivedR) this.nextR = this.head.arrivedR;
  }
}
