/**
 * Lets all who wait share one round trip, but only one that starts after they asked: who comes while one is under way
 * waits for the next.
 */
export class SharedBarrier {
  readonly #run: () => Promise<void>;
  #current: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(run: () => Promise<void>) {
    this.#run = run;
  }

  wait(): Promise<void> {
    if (this.#current === undefined) return this.#start();
    this.#next ??= this.#current
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined;
        return this.#start();
      });
    return this.#next;
  }

  #start(): Promise<void> {
    const run = this.#run();
    this.#current = run;
    const clear = (): void => {
      if (this.#current === run) this.#current = undefined;
    };
    run.then(clear, clear);
    return run;
  }
}
