export interface Demand {
  readonly seconds: number;
  readonly average: number;
  readonly deviation: number;
  readonly max: number;
}
/** How a number behaved over time: average and standard deviation, weighted by how long each value lasted. Source: fairqueuing integrator.go. */
export class Integrator {
  #value = 0;
  #max = 0;
  #lastMs: number;
  #seconds = 0;
  #sum = 0;
  #squares = 0;
  constructor(nowMs: number) {
    this.#lastMs = nowMs;
  }
  set(value: number, nowMs: number): void {
    if (nowMs !== this.#lastMs) this.#advance(nowMs);
    this.#value = value;
    if (value > this.#max) this.#max = value;
  }
  #advance(nowMs: number): void {
    const seconds = Math.max(0, nowMs - this.#lastMs) / 1000;
    this.#lastMs = nowMs;
    this.#seconds += seconds;
    this.#sum += this.#value * seconds;
    this.#squares += this.#value * this.#value * seconds;
  }
  /** What there was since the last time; begins anew. */
  take(nowMs: number): Demand {
    this.#advance(nowMs);
    const average = this.#seconds > 0 ? this.#sum / this.#seconds : 0;
    const variance = this.#seconds > 0 ? this.#squares / this.#seconds - average * average : 0;
    const demand = { seconds: this.#seconds, average, deviation: Math.sqrt(Math.max(0, variance)), max: this.#max };
    this.#seconds = this.#sum = this.#squares = 0;
    this.#max = this.#value;
    return demand;
  }
}
