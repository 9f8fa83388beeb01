/** Requests begun in one turn of the event loop: a millisecond or two of work. With 16 and 32 reads waited longer; 10,000 pods came 5 % sooner at most. */
const TURN_ROOM = 8;

/**
 * Requests that come faster than they are dealt with. nats-server hands over up to two megabytes a turn, thousands of requests;
 * were each dealt with on the spot, all that comes after them on the connection (changes of the store, answers, the PONG
 * that a read waits for) and all other sockets would wait for them. So only some begin in a turn; the others stand here, in order.
 */
export class Intake {
  readonly #soon: (fn: () => void) => void;
  readonly #waiting: (() => void)[] = [];
  #begun = 0;
  #isTurnAhead = false;
  /** `soon`: has a function run in the next turn. */
  constructor(soon: (fn: () => void) => void) {
    this.#soon = soon;
  }
  /** Calls `begin` now or in a later turn, after all that were given before. */
  take(begin: () => void): void {
    if (this.#begun < TURN_ROOM && this.#waiting.length === 0) {
      this.#begun++;
      this.#askForTurn();
      begin();
    } else {
      this.#waiting.push(begin);
      this.#askForTurn();
    }
  }
  #askForTurn(): void {
    if (this.#isTurnAhead) return;
    this.#isTurnAhead = true;
    this.#soon(() => this.#turn());
  }
  #turn(): void {
    this.#isTurnAhead = false;
    const due = this.#waiting.splice(0, TURN_ROOM);
    this.#begun = due.length;
    for (const begin of due) begin();
    if (this.#waiting.length > 0) this.#askForTurn();
  }
}
