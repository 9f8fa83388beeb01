/**
 * Who may change an object is asked a second time if somebody after him changed it and he wishes so.
 * Source: apiserver pkg/admission/reinvocation.go, plugin/webhook/mutating/reinvocationcontext.go.
 */
import { equal } from '../../../../schemas/meta/equal.ts';
import type { AdmissionAttributes, Reinvocation } from '../../request.ts';

/** Whose turn it is, of the parts of one plugin. */
export interface Turns {
  /** 0, or 1 the second time. */
  readonly round: 0 | 1;
  begin(object: object | undefined): void;
  /** Whether a part is asked in this round. Nobody is asked in the second for the first time. */
  isDue(id: string): boolean;
  /** The part that was just asked changed the object: those before it may have something to say to that. */
  changed(): void;
  mayComeAgain(id: string): void;
  end(object: object | undefined): void;
}
interface State {
  willing: Set<string>;
  readonly due: Set<string>;
  last: unknown;
}
const states = new WeakMap<Reinvocation, Map<string, State>>();

export function reinvocationOf(a: AdmissionAttributes, plugin: string): Turns {
  const whole = (a.reinvocation ??= { round: 0, wanted: false });
  let byPlugin = states.get(whole);
  if (byPlugin === undefined) states.set(whole, (byPlugin = new Map<string, State>()));
  let state = byPlugin.get(plugin);
  if (state === undefined) byPlugin.set(plugin, (state = { willing: new Set(), due: new Set(), last: undefined }));
  const { round } = whole;
  const call = (): void => {
    for (const id of state.willing) state.due.add(id);
    state.willing = new Set();
  };
  return {
    round,
    begin(object) {
      if (round === 1 && !equal(state.last, object)) call();
    },
    isDue: (id) => round === 0 || state.due.has(id),
    changed() {
      call();
      whole.wanted = true;
    },
    mayComeAgain: (id) => void state.willing.add(id),
    end(object) {
      // Only who may come again is compared with.
      if (round === 0 && state.willing.size > 0) state.last = object && structuredClone(object);
    },
  };
}
