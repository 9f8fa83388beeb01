import type { AnyStateMachine, StateNode } from 'xstate';
import { eventLabel, guardName } from './names.ts';
import type { MachineInfo, StateInfo, TransitionInfo } from './protocol.ts';

/** A chart as plain data from which it can be drawn. */
export function machineInfoOf(
  machine: AnyStateMachine,
  o: { readonly id: string; readonly about: string; readonly source: MachineInfo['source'] },
): MachineInfo {
  const transitions: TransitionInfo[] = [];
  const visit = (node: StateNode): StateInfo => {
    for (const list of [...node.transitions.values(), node.always ?? []]) {
      for (const t of list) {
        transitions.push({
          source: pathOf(node),
          targets: (t.target ?? []).map((target) => pathOf(target as StateNode)),
          event: t.eventType,
          label: eventLabel(t.eventType),
          ...(t.guard !== undefined && { guard: guardName(t.guard) }),
          actions: namesOf(t.actions),
          ...(t.description !== undefined && { description: t.description }),
        });
      }
    }
    const initial = node.type === 'compound' ? node.initial?.target?.[0] : undefined;
    return {
      path: pathOf(node),
      key: node.key,
      type: node.type,
      ...(initial !== undefined && { initial: pathOf(initial as StateNode) }),
      ...(node.description !== undefined && { description: node.description }),
      entry: namesOf(node.entry),
      exit: namesOf(node.exit),
      invokes: node.invoke.map((invoke) => invoke.id),
      states: Object.values<StateNode>(node.states).map(visit),
    };
  };
  const root = visit(machine.root as StateNode);
  return { ...o, root, transitions };
}
const pathOf = (node: StateNode): string => node.path.join('.');
/** What XState adds by itself (its own entry and exit actions for invokes and delays) is no name of the author's. */
const namesOf = (actions: readonly unknown[]): readonly string[] =>
  actions.map(actionName).filter((name) => !/^xstate\.(spawnChild|stopChild|raise|cancel)$/.test(name));
function actionName(action: unknown): string {
  if (typeof action === 'string') return action;
  return (action as { type?: string }).type ?? ((action as { name?: string }).name || 'inline');
}
