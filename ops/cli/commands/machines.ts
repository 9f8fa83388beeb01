import type { AnyStateMachine } from 'xstate';
import { print, printJson, table, UserError } from '../output.ts';
import { toConfig } from '../../console/config.ts';
import { toMermaid } from '../../console/mermaid.ts';
import { machines as all } from '../../console/machines.ts';

/** Lists the charts, or prints one as Mermaid or as the JSON that the XState visualizer opens. */
export async function machines(
  name: string | undefined,
  options: { output: 'mermaid' | 'json' | 'text' },
): Promise<void> {
  const charts = await all();
  if (name === undefined) {
    const rows = [...charts].map(([id, { machine, about }]) => ({ name: id, states: countStates(machine), about }));
    if (options.output === 'json') return printJson(rows);
    return print(
      table(
        ['MACHINE', 'STATES', 'OF'],
        rows.map((r) => [r.name, String(r.states), r.about]),
      ),
    );
  }
  const chart = charts.get(name);
  if (chart === undefined)
    throw new UserError(`there is no machine "${name}": choose from ${[...charts.keys()].join(', ')}`, 2);
  if (options.output === 'json') printJson(toConfig(chart.machine));
  else print(toMermaid(chart.machine));
}
const countStates = (machine: AnyStateMachine): number => {
  const count = (node: { states: Record<string, unknown> }): number =>
    Object.values(node.states).reduce<number>((n, s) => n + 1 + count(s as typeof node), 0);
  return count(machine.root);
};
