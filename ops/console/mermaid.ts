import type { AnyStateMachine, StateNode } from 'xstate';
import { eventLabel, guardName } from './names.ts';

const id = (node: { id: string }): string => node.id.replaceAll(/[^A-Za-z0-9]/g, '_');
const INDENT = '  ';

/** A chart as a Mermaid `stateDiagram-v2`: nested and parallel states, every transition with its event and guard. */
export function toMermaid(machine: AnyStateMachine): string {
  const lines = ['stateDiagram-v2'];
  const transitions: string[] = [];
  const visit = (node: StateNode, depth: number): void => {
    const pad = INDENT.repeat(depth);
    const children = Object.values<StateNode>(node.states);
    if (node !== (machine.root as StateNode)) {
      if (children.length === 0) lines.push(`${pad}state ${JSON.stringify(node.key)} as ${id(node)}`);
      else lines.push(`${pad}state ${JSON.stringify(node.key)} as ${id(node)} {`);
    }
    const inner = node === (machine.root as StateNode) ? pad : pad + INDENT;
    children.forEach((child, i) => {
      if (node.type === 'parallel' && i > 0) lines.push(`${inner}--`);
      visit(child, node === (machine.root as StateNode) ? depth : depth + 1);
    });
    if (node.type === 'compound' && node.initial)
      for (const target of node.initial.target ?? []) lines.push(`${inner}[*] --> ${id(target)}`);
    if (node.type === 'final') transitions.push(`${INDENT}${id(node)} --> [*]`);
    if (node !== (machine.root as StateNode) && children.length > 0) lines.push(`${pad}}`);
    for (const list of [...node.transitions.values(), node.always ?? []]) {
      for (const t of list) {
        const guard = t.guard === undefined ? '' : ` [${guardName(t.guard)}]`;
        for (const target of t.target ?? [node]) {
          // Transitions of the whole machine would be drawn from every state: they are said in a note instead.
          if (node === (machine.root as StateNode))
            transitions.push(
              `${INDENT}note right of ${id(target)}: on ${eventName(t.eventType)}${guard}, from anywhere`,
            );
          else transitions.push(`${INDENT}${id(node)} --> ${id(target)}: ${eventName(t.eventType)}${guard}`);
        }
      }
    }
  };
  visit(machine.root as StateNode, 1);
  return [...lines, ...transitions].join('\n');
}
/** Mermaid gives `:` a meaning. */
const eventName = (type: string): string => eventLabel(type).replaceAll(':', ' ');
