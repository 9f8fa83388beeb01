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
  /** How many events were handled there since they were last taken, by type. */
  readonly handled: Map<string, { count: number }>;
}
/** Of one chart. */
interface Chart {
  readonly cells: Map<string, Cell>;
  /** The same, one by one: nearly always an actor is in one state. */
  readonly single: Map<string, readonly Cell[]>;
}
/** Types of events of one state that are remembered when there were none of them lately. */
const MAX_TYPES = 100;

/** The path of an actor that is in one innermost state. */
function pathOf(value: StateValue | undefined): string | undefined {
  if (typeof value !== 'object') return value;
  let path = '';
  for (let below: StateValue | undefined = value; typeof below === 'object';) {
    const keys: string[] = Object.keys(below);
    if (keys.length !== 1) return undefined;
    const key = keys[0]!;
    below = below[key];
    path += typeof below === 'string' ? `${key}.${below}` : `${key}.`;
  }
  return path;
}
/**
 * How many actors are in which state of which chart, and what they handle: what ten thousand actors come to is a few
 * dozen numbers.
 */
export class Counts {
  readonly #charts = new Map<string, Chart>();

  /** The cells of a state value, the same objects each time. */
  cells(machine: string, value: StateValue | undefined): readonly Cell[] {
    let chart = this.#charts.get(machine);
    if (chart === undefined) this.#charts.set(machine, (chart = { cells: new Map(), single: new Map() }));
    const path = pathOf(value);
    if (path === undefined) return leavesOf(value).map((state) => cellOf(machine, chart, state));
    let single = chart.single.get(path);
    if (single === undefined) chart.single.set(path, (single = [cellOf(machine, chart, path)]));
    return single;
  }
  enter(cells: readonly Cell[]): void {
    for (const cell of cells) {
      cell.count++;
      cell.isDirty = true;
    }
  }
  leave(cells: readonly Cell[]): void {
    for (const cell of cells) {
      cell.count--;
      cell.isDirty = true;
    }
  }
  handled(cells: readonly Cell[], event: string): void {
    const handled = cells[0]?.handled;
    const known = handled?.get(event);
    if (known !== undefined) known.count++;
    else handled?.set(event, { count: 1 });
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
      for (const [event, known] of cell.handled) {
        if (known.count > 0) out.push([cell.machine, cell.state, event, known.count]);
        known.count = 0;
      }
      if (cell.handled.size > MAX_TYPES) cell.handled.clear();
    }
    return out;
  }
  clear(): void {
    this.#charts.clear();
  }
  *#all(): Generator<Cell> {
    for (const { cells } of this.#charts.values()) yield* cells.values();
  }
}
function cellOf(machine: string, { cells }: Chart, state: string): Cell {
  let cell = cells.get(state);
  if (cell === undefined) cells.set(state, (cell = { machine, state, count: 0, isDirty: false, handled: new Map() }));
  return cell;
}
