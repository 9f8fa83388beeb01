/** What runs in the thread of a scheduler plugin of the user's own: loads its file, keeps the nodes that it was told, runs its hooks. */
import { pathToFileURL } from 'node:url';
import { parentPort } from 'node:worker_threads';
import { HOOKS, type NodeView, type PluginCall, type PluginDescription, type SchedulerPlugin } from '../../../actors/scheduler/outside/plugin-types.ts'; // prettier-ignore
import type { Answer, Told } from './messages.ts';

const DEFAULT_TIMEOUT_MS = 2_000;
const DEFAULT_PERMIT_SECONDS = 60;
/** Source: scheduler framework/runtime maxTimeout. */
const MAX_PERMIT_SECONDS = 900;

/** Thrown: Error that says what is wrong with the file. */
async function load(file: string, args: unknown): Promise<SchedulerPlugin> {
  const module = (await import(pathToFileURL(file).href)) as { readonly default?: unknown };
  const plugin = module.default as SchedulerPlugin | undefined;
  if (typeof plugin !== 'object' || plugin === null)
    throw new Error('it has no default export that is a plugin: export default { name: "MyPlugin", filter(pod, node) { ... } }');
  if (typeof plugin.name !== 'string' || plugin.name === '') throw new Error('the plugin has no name');
  const known: ReadonlySet<string> = new Set([...HOOKS, 'name', 'timeoutMs', 'permitTimeoutSeconds', 'init', 'normalize', 'unreserve']);
  const odd = Object.keys(plugin).find((key) => !known.has(key));
  if (odd !== undefined) throw new Error(`plugin ${plugin.name} has no hook "${odd}": choose from ${[...HOOKS, 'normalize', 'unreserve'].join(', ')}`);
  for (const hook of [...HOOKS, 'init', 'normalize', 'unreserve'] as const)
    if (plugin[hook] !== undefined && typeof plugin[hook] !== 'function') throw new Error(`${hook} of plugin ${plugin.name} is no function`);
  await plugin.init?.(args);
  return plugin;
} // prettier-ignore
function describe(plugin: SchedulerPlugin): PluginDescription {
  return {
    name: plugin.name,
    hooks: HOOKS.filter((hook) => plugin[hook] !== undefined),
    timeoutMs: plugin.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    permitTimeoutMs: Math.min(plugin.permitTimeoutSeconds ?? DEFAULT_PERMIT_SECONDS, MAX_PERMIT_SECONDS) * 1_000,
  };
}
/** The same hook for each node, one after the other; nothing is waited for where it answers at once. */
async function each<T>(nodes: readonly NodeView[], ask: (node: NodeView) => T | Promise<T>): Promise<T[]> {
  const answers: T[] = [];
  for (const node of nodes) {
    const answer = ask(node);
    answers.push(answer instanceof Promise ? await answer : answer);
  }
  return answers;
}
async function run(plugin: SchedulerPlugin, { hook, pod, nodes: names }: PluginCall, known: ReadonlyMap<string, NodeView>): Promise<unknown> {
  const nodes = names.map((name) => known.get(name)!);
  switch (hook) {
    case 'preFilter':
      return plugin.preFilter!(pod);
    case 'filter':
      return (await each(nodes, (node) => plugin.filter!(pod, node))).map((why: unknown) => (why ? String(why) : undefined));
    case 'score': {
      const scores = await each(nodes, (node) => plugin.score!(pod, node));
      if (plugin.normalize === undefined) return scores;
      const normalized = plugin.normalize(Object.fromEntries(names.map((name, i) => [name, scores[i]!])), pod);
      return names.map((name) => normalized[name]);
    }
    case 'permit':
      return (await plugin.permit!(pod, nodes[0]!)) || undefined;
    case 'reserve':
    case 'preBind':
      await plugin[hook]!(pod, nodes[0]!);
      return undefined;
    case 'unreserve':
    case 'postBind':
      await plugin[hook]?.(pod, names[0]!);
      return undefined;
  }
} // prettier-ignore

/** Serves the parent of this thread, until that ends it. */
export function servePlugin(): void {
  const port = parentPort!;
  const answer = (message: Answer): void => port.postMessage(message);
  const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
  const nodes = new Map<string, NodeView>();
  let plugin: SchedulerPlugin | undefined;
  port.on('message', (told: Told) => {
    if ('load' in told) {
      load(told.load, told.args).then(
        (loaded) => {
          plugin = loaded;
          answer({ loaded: describe(loaded) });
        },
        (error: unknown) => answer({ failed: textOf(error) }),
      );
    } else if ('ping' in told) answer({ id: told.id });
    else {
      const { id, call } = told;
      for (const { name, node, pods } of call.changed) nodes.set(name, { node, pods });
      run(plugin!, call, nodes).then(
        (result) => {
          try {
            answer({ id, result });
          } catch (error) {
            // What it has answered cannot be told: a function, for one.
            answer({ id, error: textOf(error) });
          }
        },
        (error: unknown) => answer({ id, error: textOf(error) }),
      );
    }
  });
}
