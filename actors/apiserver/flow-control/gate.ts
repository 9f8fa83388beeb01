import type { FlowRequest } from './flow-request.ts';
import type { Level } from './level.ts';

/**
 * Units of work that are under way at once: see Work. With 16 of 320 requests of one user a third of what the machine can do was
 * lost (writes wait for the store together), with 128 another user's request took twice as long as with 48.
 */
const ROOM = 48;
/**
 * A request under way for several times as long as is usual waits for somebody else (a webhook, a slow disk) and not for the
 * machine: it does not count any more. Within bounds: on a slow machine all take long, and webhooks may all be slow.
 */
const TIMES_USUAL = 4;
const MIN_WAITING_MS = 100;
const MAX_WAITING_MS = 400;
const SMOOTHING = 0.95;
/** Units that begin in one turn of the event loop: between turns others are heard. */
const TURN_ROOM = 48;

/**
 * What one thread can do beside seats. Seats say how many requests of a level may be under way, hundreds with the usual
 * limits, as on a machine of many threads; here they would all be under way together, and one that comes later would be
 * served after them whatever its queue says. So only as many are let in as keep the thread busy; the others stay in their
 * queues, and levels take turns by the seats that they have.
 */
export class Gate<Owner> {
  readonly #under = new Map<FlowRequest<Owner>, number>();
  #units = 0;
  #begun = 0;
  #turn = 0;
  #usualMs = 0;
  isOpen(nowMs: number): boolean {
    if (this.#units >= ROOM) this.#forgetIdle(nowMs);
    return this.#units < ROOM && this.#begun < TURN_ROOM;
  }
  #forgetIdle(nowMs: number): void {
    for (const [request, units] of this.#under) {
      if (nowMs - request.startedMs < this.patienceMs) return;
      this.#under.delete(request);
      this.#units -= units;
    }
  }
  enter(request: FlowRequest<Owner>): void {
    const { units } = request.work;
    this.#under.set(request, units);
    this.#units += units;
  }
  leave(request: FlowRequest<Owner>, nowMs: number): void {
    this.#usualMs = SMOOTHING * this.#usualMs + (1 - SMOOTHING) * (nowMs - request.startedMs);
    const units = this.#under.get(request);
    if (units === undefined) return;
    this.#under.delete(request);
    this.#units -= units;
  }
  /** Of those who have waited. True: it is the first in this turn. */
  begins({ work }: FlowRequest<Owner>): boolean {
    const isFirst = this.#begun === 0;
    this.#begun += work.units;
    return isFirst;
  }
  endTurn(): void {
    this.#begun = 0;
  }
  /** How long until the oldest is taken for idle, ms. */
  get patienceMs(): number {
    return Math.max(MIN_WAITING_MS, Math.min(MAX_WAITING_MS, TIMES_USUAL * this.#usualMs));
  }
  /** A level that had nobody waiting joins the others where they are. */
  join(level: Level<Owner>): void {
    level.turn = Math.max(level.turn, this.#turn);
  }
  /** Takes the next request of the level whose turn it is; undefined: none may begin. */
  next(levels: readonly Level<Owner>[], nowMs: number): FlowRequest<Owner> | undefined {
    let tried: Set<Level<Owner>> | undefined;
    for (;;) {
      let first: Level<Owner> | undefined;
      for (const level of levels)
        if (level.set.waiting > 0 && (first === undefined || level.turn < first.turn) && !tried?.has(level))
          first = level;
      if (first === undefined) return undefined;
      const request = first.set.next(nowMs);
      if (request !== undefined) {
        this.#turn = first.turn;
        first.turn += request.work.units / Math.max(1, first.nominal);
        return request;
      }
      (tried ??= new Set()).add(first);
    }
  }
}
