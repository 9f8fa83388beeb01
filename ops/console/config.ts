import type { AnyStateMachine } from 'xstate';

/** Computed while a machine runs: of no meaning to a drawing. */
const COMPUTED: ReadonlySet<string> = new Set(['input', 'params', 'output', 'context', 'systemId']);

/**
 * A chart as plain data that `createMachine` and the XState visualizer (stately.ai/viz, the editor's import) open. Not
 * `machine.definition`: that holds resolved targets, which createMachine refuses. Effects and guards appear by name.
 */
export function toConfig(machine: AnyStateMachine): unknown {
  return JSON.parse(
    JSON.stringify(machine.config, (key, value: unknown) => {
      if (typeof value !== 'function') return value;
      if (COMPUTED.has(key)) return undefined;
      // Built-in actions such as assign are functions that carry what they are.
      return (value as { type?: string }).type ?? (value.name || 'inline');
    }),
  );
}
