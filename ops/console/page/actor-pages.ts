import type { ActorInfo, ActorPage, ActorQuery } from '../protocol.ts';
import { actorKey } from './store.ts';

type Load = (query: ActorQuery, signal: AbortSignal) => Promise<ActorPage>;
interface Loaded {
  readonly at: string | undefined;
  readonly actors: readonly ActorInfo[];
  readonly next: string | undefined;
}
export const PAGE_SIZE = 100;

/** The actors that a query finds, page by page as somebody scrolls to them; pages that are looked at can be asked again. */
export class ActorPages {
  readonly #load: Load;
  readonly #query: ActorQuery;
  readonly #changed: () => void;
  readonly #abort = new AbortController();
  #pages: readonly Loaded[] = [];
  #busy = false;
  problem: string | undefined;

  constructor(load: Load, query: ActorQuery, changed: () => void) {
    this.#load = load;
    this.#query = query;
    this.#changed = changed;
  }
  get actors(): readonly ActorInfo[] {
    // Pages asked at different times may share an actor.
    return [...new Map(this.#pages.flatMap((p) => p.actors).map((a) => [actorKey(a), a])).values()];
  }
  /** Whether there are more than `actors`. */
  get more(): boolean {
    return this.#pages.length === 0 || this.#pages.at(-1)!.next !== undefined;
  }
  get started(): boolean {
    return this.#pages.length > 0 || this.problem !== undefined;
  }
  /** Loads one page more, if there is one and none is on its way. */
  async loadMore(): Promise<void> {
    if (!this.more) return;
    await this.#exclusively(async () => {
      const page = await this.#fetch(this.#pages.at(-1)?.next);
      this.#pages = [...this.#pages, page];
    });
  }
  /** Loads anew the pages on which these rows are. */
  async refresh(first: number, last: number): Promise<void> {
    await this.#exclusively(async () => {
      let row = 0;
      for (const [i, page] of this.#pages.entries()) {
        const end = row + page.actors.length;
        const isLast = i === this.#pages.length - 1;
        if ((row <= last && end > first) || (isLast && end <= first)) {
          const fresh = await this.#fetch(page.at);
          this.#pages = this.#pages.with(i, fresh);
          // The pages after one that ends elsewhere now would repeat or miss actors.
          if (fresh.next !== page.next && !isLast) {
            this.#pages = this.#pages.slice(0, i + 1);
            return;
          }
        }
        row = end;
      }
    });
  }
  close(): void {
    this.#abort.abort();
  }
  async #fetch(at: string | undefined): Promise<Loaded> {
    const query = { ...this.#query, limit: PAGE_SIZE, ...(at === undefined ? {} : { continue: at }) };
    const page = await this.#load(query, this.#abort.signal);
    return { at, actors: page.actors, next: page.continue };
  }
  async #exclusively(work: () => Promise<void>): Promise<void> {
    if (this.#busy || this.#abort.signal.aborted) return;
    this.#busy = true;
    try {
      await work();
      this.problem = undefined;
    } catch (error) {
      if (this.#abort.signal.aborted) return;
      this.problem = (error as Error).message;
    } finally {
      this.#busy = false;
      if (!this.#abort.signal.aborted) this.#changed();
    }
  }
}
