import type { MachineInfo, StateInfo, TransitionInfo } from '../../protocol.ts';

export interface ChartState extends StateInfo {
  readonly depth: number;
  /** Path of the state around it; of the machine itself undefined. */
  readonly parent: string | undefined;
}
/** One arrow: a transition to one of its targets. */
export interface ChartTransition extends TransitionInfo {
  /** Path of the state entered; the source itself where none is. */
  readonly target: string;
  /** It leaves no state: it only acts, or only keeps the event from the states around. */
  readonly internal: boolean;
}
/** A machine, ready to be drawn and told. */
export interface Chart {
  readonly id: string;
  readonly about: string;
  readonly external: boolean;
  /** In document order, the machine itself (path '') first. */
  readonly states: readonly ChartState[];
  readonly byPath: ReadonlyMap<string, ChartState>;
  readonly transitions: readonly ChartTransition[];
}

/** Reads one machine; targets that lead nowhere are left out. */
export function readChart(machine: MachineInfo): Chart {
  const states: ChartState[] = [];
  const visit = (state: StateInfo, parent: string | undefined, depth: number): void => {
    states.push({ ...state, parent, depth });
    for (const child of state.states) visit(child, state.path, depth + 1);
  };
  visit(machine.root, undefined, 0);
  const byPath = new Map(states.map((s) => [s.path, s]));
  const transitions = machine.transitions
    .filter((t) => byPath.has(t.source))
    .flatMap((t): ChartTransition[] =>
      t.targets.length === 0
        ? [{ ...t, target: t.source, internal: true }]
        : t.targets.filter((path) => byPath.has(path)).map((target) => ({ ...t, target, internal: false })),
    );
  return {
    id: machine.id,
    about: machine.about,
    external: machine.source === 'external',
    states,
    byPath,
    transitions,
  };
}

/** Whether a path lies strictly below another; the machine itself is ''. */
export const isBelow = (path: string, of: string): boolean => path !== of && (of === '' || path.startsWith(`${of}.`));
/** These states and all around them, the machine ('') included. */
export function withAncestors(innermost: readonly string[]): Set<string> {
  const found = new Set<string>(['']);
  for (const path of innermost)
    for (let at = path.length; at > 0; at = path.lastIndexOf('.', at - 1)) found.add(path.slice(0, at));
  return found;
}
/** Actors in each state or below it, from the counts of innermost states. */
export function countsByState(chart: Chart, innermost: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  const count = (state: StateInfo): number => {
    const below = state.states.map(count);
    // An actor counts once in each region of a parallel state, so each region's sum is the number of actors.
    const inside = state.type === 'parallel' ? Math.max(0, ...below) : below.reduce((a, b) => a + b, 0);
    const all = (innermost.get(state.path) ?? 0) + inside;
    found.set(state.path, all);
    return all;
  };
  count(chart.states[0]!);
  return found;
}
/** `syncing.dirty`; of parallel regions `a.x + b.y`. */
export const statesText = (paths: readonly string[]): string => (paths.length === 0 ? 'none' : paths.join(' + '));
/** `pod.deleted [isDeleted]`; with actions `pod.deleted / forget`. */
export function labelOf(t: TransitionInfo, withActions = false): string {
  const guard = t.guard === undefined ? '' : ` [${t.guard}]`;
  return `${t.label}${guard}${withActions && t.actions.length > 0 ? ` / ${t.actions.join(', ')}` : ''}`;
}
/** `xstate.after.backoff.key.backingOff` -> `after backoff`, for events that no transition of the chart names. */
export const eventText = (type: string): string =>
  type === ''
    ? 'always'
    : type
        .replace(/^xstate\.after\.([^.]+)\..*$/, 'after $1')
        .replace(/^xstate\.(done|error|snapshot)\.(?:actor|state)\.(.*)$/, '$1 $2')
        .replace(/^xstate\.init$/, 'start');
