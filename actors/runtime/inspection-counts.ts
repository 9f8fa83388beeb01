import type { StateValue } from 'xstate';

/** Paths of the innermost states: one, or one for each parallel region. */
export function leavesOf(value: StateValue | undefined): readonly string[] {
  if (value === undefined) return [];
  if (typeof value === 'string') return [value];
  const out: string[] = [];
  const visit = (below: StateValue, path: string): void => {
    if (typeof below === 'string') out.push(path + below);
    // A region whose states are all parallel and empty has none further in.
    else if (Object.keys(below).length === 0) out.push(path.slice(0, -1));
    else for (const key of Object.keys(below)) visit(below[key]!, `${path}${key}.`);
  };
  visit(value, '');
  return out;
}

/** One innermost state of one chart. */
export interface Cell {
  readonly machine: string;
  readonly state: string;
  count: number;
  isDirty: boolean;
  /** Events handled there since they were last taken, by type. */
  readonly handled: Map<string, number>;
}
/**
 * How many actors are in which state of which chart, and what they handle: what ten thousand actors come to is a few
 * dozen numbers.
 */
export class Counts {
  readonly #cells = new Map<string, Map<string, Cell>>();
  readonly #onDirty: () => void;
  /** `onDirty` is called with every change. */
  constructor(onDirty: () => void) {
    this.#onDirty = onDirty;
  }
  /** The cells of a state value, the same objects each time. */
  cells(machine: string, value: StateValue | undefined): readonly Cell[] {
    return leavesOf(value).map((state) => this.#cell(machine, state));
  }
  #cell(machine: string, state: string): Cell {
    let cells = this.#cells.get(machine);
    if (cells === undefined) this.#cells.set(machine, (cells = new Map<string, Cell>()));
    let cell = cells.get(state);
    if (cell === undefined) cells.set(state, (cell = { machine, state, count: 0, isDirty: false, handled: new Map() }));
    return cell;
  }
  enter(cells: readonly Cell[]): void {
    for (const cell of cells) {
      cell.count++;
      cell.isDirty = true;
    }
    this.#onDirty();
  }
  leave(cells: readonly Cell[]): void {
    for (const cell of cells) {
      cell.count--;
      cell.isDirty = true;
    }
    this.#onDirty();
  }
  handled(cells: readonly Cell[], event: string): void {
    const cell = cells[0];
    if (cell === undefined) return;
    const { handled } = cell;
    handled.set(event, (handled.get(event) ?? 0) + 1);
    this.#onDirty();
  }
  /** Cells that have changed since they were last taken; all that are not empty if `whole`. */
  takeCounts(whole: boolean): (readonly [string, string, number])[] {
    const out: (readonly [string, string, number])[] = [];
    for (const cell of this.#all()) {
      if (whole ? cell.count > 0 : cell.isDirty) out.push([cell.machine, cell.state, cell.count]);
      cell.isDirty = false;
    }
    return out;
  }
  takeHandled(): (readonly [string, string, string, number])[] {
    const out: (readonly [string, string, string, number])[] = [];
    for (const cell of this.#all()) {
      for (const [event, n] of cell.handled) out.push([cell.machine, cell.state, event, n]);
      cell.handled.clear();
    }
    return out;
  }
  clear(): void {
    this.#cells.clear();
  }
  *#all(): Generator<Cell> {
    for (const cells of this.#cells.values()) yield* cells.values();
  }
}
