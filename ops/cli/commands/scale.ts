import { requireUp } from '../../cluster/config.ts';
import { askSupervisor, type ControlAnswer } from '../../process/control.ts';
import { print, printJson, Progress, UserError } from '../output.ts';

const PATIENCE_MS = 10 * 60_000;

const numbers = ({ replicas, nodes }: ControlAnswer): Record<string, number> => {
  const out: Record<string, number> = {};
  for (const { component } of replicas) out[component] = (out[component] ?? 0) + 1;
  return { ...out, nodes };
};

/** `apiserver=3`, several at once: has a running cluster have as many of them, now and at its next starts. */
export async function scale(
  wishes: readonly string[],
  options: { name: string; wait?: boolean; output: string },
): Promise<void> {
  const to: Record<string, number> = {};
  for (const wish of wishes) {
    const [, component, count] = /^([a-z-]+)=(\d{1,6})$/.exec(wish) ?? [];
    if (component === undefined) throw new UserError(`"${wish}" is not <component>=<number>, such as apiserver=3`, 2);
    to[component] = Number(count);
  }
  const { name, output } = options;
  const { paths } = requireUp(name);
  const before = numbers(await askSupervisor(paths, name, { type: 'list' }));
  const ask = (wait: boolean): Promise<ControlAnswer> =>
    askSupervisor(paths, name, { type: 'scale', to, wait }, PATIENCE_MS);
  const label = Object.entries(to)
    .map(([component, count]) => `${component}: ${before[component] ?? 0} -> ${count}`)
    .join(', ');
  const after = options.wait ? await new Progress(output === 'json').step(label, () => ask(true)) : await ask(false);
  if (output === 'json') return printJson({ name, wanted: to, replicas: after.replicas, nodes: after.nodes });
  if (!options.wait) print(`${label} (under way: kubus status shows it; --wait waits for it)`);
}

/** Replaces all replicas of components, one by one; requests go on. */
export async function restart(components: readonly string[], options: { name: string; output: string }): Promise<void> {
  const { name, output } = options;
  const { paths } = requireUp(name);
  const progress = new Progress(output === 'json');
  let last: ControlAnswer | undefined;
  for (const component of components)
    last = await progress.step(`${component}: each replaced in turn`, () =>
      askSupervisor(paths, name, { type: 'restart', component }, PATIENCE_MS),
    );
  if (output === 'json') printJson({ name, replicas: last?.replicas ?? [] });
}
