import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { AnyStateMachine } from 'xstate';
import { print, printJson, table, UserError } from '../output.ts';
import { toConfig } from '../../console/config.ts';
import { toMermaid } from '../../console/mermaid.ts';
import { machines as all, type Chart } from '../../console/machines.ts';

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
  if (chart === undefined) throw unknown(name, charts);
  if (options.output === 'json') printJson(toConfig(chart.machine));
  else print(toMermaid(chart.machine));
}

/** Writes charts to files: JSON that the XState and Stately editors open, Mermaid for documents. */
export async function exportMachines(
  names: readonly string[],
  options: { out: string; format: 'json' | 'mermaid' | 'all'; output: 'json' | 'text' },
): Promise<void> {
  const charts = await all();
  const missing = names.find((name) => !charts.has(name));
  if (missing !== undefined) throw unknown(missing, charts);
  const folder = resolve(options.out);
  const written: string[] = [];
  const write = (file: string, text: string): void => {
    const path = join(folder, file);
    writeFileSync(path, `${text}\n`);
    written.push(path);
  };
  try {
    mkdirSync(folder, { recursive: true });
    for (const [id, { machine }] of charts) {
      if (names.length > 0 && !names.includes(id)) continue;
      if (options.format !== 'mermaid') write(`${id}.json`, JSON.stringify(toConfig(machine), null, 2));
      if (options.format !== 'json') write(`${id}.mmd`, toMermaid(machine));
    }
  } catch (error) {
    throw new UserError(`${folder} cannot be written (${(error as NodeJS.ErrnoException).code}): choose another --out`);
  }
  if (options.output === 'json') return printJson({ files: written });
  print(`${written.length} files in ${folder}`);
}
const unknown = (name: string, charts: ReadonlyMap<string, Chart>): UserError =>
  new UserError(`there is no machine "${name}": choose from ${[...charts.keys()].join(', ')}`, 2);
const countStates = (machine: AnyStateMachine): number => {
  const count = (node: { states: Record<string, unknown> }): number =>
    Object.values(node.states).reduce<number>((n, s) => n + 1 + count(s as typeof node), 0);
  return count(machine.root);
};
