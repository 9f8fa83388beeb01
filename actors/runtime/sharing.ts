import { StateMachine, type AnyStateMachine } from 'xstate';

/** What a machine binds to itself when it is made. */
const BOUND = ['transition', 'getInitialSnapshot', 'getPersistedSnapshot', 'restoreSnapshot', 'start'] as const;

/**
 * `sharing(machine).provide(…)` is `machine.provide(…)` at a tenth of its price: the states are those of `machine` and not
 * made again, which matters where each informer and each controller of a process has effects of its own. All that is
 * asked of a state depends on its chart alone; effects are looked up in the machine that a snapshot names.
 */
export function sharing<M extends AnyStateMachine>(machine: M): Pick<M, 'provide'> {
  const provide = (more: Partial<AnyStateMachine['implementations']>): AnyStateMachine => {
    const own = Object.create(machine) as AnyStateMachine;
    const { actors, actions, delays, guards } = machine.implementations;
    own.implementations = {
      actors: { ...actors, ...more.actors },
      actions: { ...actions, ...more.actions },
      delays: { ...delays, ...more.delays },
      guards: { ...guards, ...more.guards },
    };
    for (const name of BOUND) Object.assign(own, { [name]: (StateMachine.prototype[name] as () => unknown).bind(own) });
    return own;
  };
  return { provide };
}
