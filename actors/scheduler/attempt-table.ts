import { transition, type StateFrom } from 'xstate';
import { ATTEMPT_EVENTS, attemptMachine, type AttemptEvent, type AttemptState } from './machine.ts';

type Table = ReadonlyMap<AttemptState, ReadonlyMap<AttemptEvent, AttemptState>>;

/** The attempt chart as a table: what XState would answer, asked once for every state and event. */
export function tabulate(): Table {
  const table = new Map<AttemptState, Map<AttemptEvent, AttemptState>>();
  for (const name of Object.keys(attemptMachine.states) as AttemptState[]) {
    const row = new Map<AttemptEvent, AttemptState>();
    table.set(name, row);
    const from: StateFrom<typeof attemptMachine> = attemptMachine.resolveState({ value: name });
    if (from.status === 'done') continue;
    for (const type of ATTEMPT_EVENTS)
      if (from.can({ type })) row.set(type, transition(attemptMachine, from, { type })[0].value);
  }
  return table;
}
const table = tabulate();

/** The state after `event`; an event that the chart does not foresee is a bug here, not something to pass over. */
export function next(state: AttemptState, event: AttemptEvent): AttemptState {
  const to = table.get(state)?.get(event);
  if (to === undefined) throw new Error(`scheduling attempt: '${event}' cannot happen in state '${state}'`);
  return to;
}
