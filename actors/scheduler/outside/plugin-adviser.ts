import { MAX_SCORE, type Rejection } from '../plugins/plugin.ts';
import type { NodeInfo } from '../snapshot/node-info.ts';
import type { PodInfo } from '../snapshot/pod-info.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import type { Adviser, Beforehand, Filtered } from './adviser.ts';
import type { Hook, NodeView, PluginThread } from './plugin-types.ts';

interface Options {
  readonly thread: PluginThread;
  readonly snapshot: Snapshot;
  readonly weight: number;
  /** Where it stands in the profile: other hooks are not asked. */
  readonly hooks: ReadonlySet<Hook>;
  /** Hears what no pod is told of. */
  readonly onFailure: (hook: string, error: unknown) => void;
}

/** A plugin of the user's own as one who is asked about pods. Source of the texts: scheduler framework/runtime. */
export function pluginAdviser({ thread, snapshot, weight, hooks, onFailure }: Options): Adviser {
  const { name } = thread;
  const quoted = JSON.stringify(name);
  const told = toldTo(thread);
  const has = (hook: Hook): boolean => hooks.has(hook) && thread.hooks.includes(hook);
  const ask = (hook: Hook | 'unreserve', pod: PodInfo, nodes: readonly NodeInfo[], signal?: AbortSignal, timeoutMs?: number): Promise<unknown> =>
    thread.call(
      () => ({ hook, pod: pod.pod, nodes: nodes.map((node) => node.name), changed: hook === 'unreserve' ? [] : told(nodes) }),
      { ...(signal && { signal }), ...(timeoutMs !== undefined && { timeoutMs }) },
    ); // prettier-ignore
  const failing = (how: string) => (error: unknown): never => {
    throw new Error(`${how}: ${(error as Error).message}`, { cause: error });
  }; // prettier-ignore
  const at = (node: string): NodeInfo[] => {
    const found = snapshot.get(node);
    return found === undefined ? [] : [found];
  };
  async function preFilter(pod: PodInfo, signal: AbortSignal): Promise<Beforehand | undefined> {
    const said = (await ask('preFilter', pod, [], signal).catch(failing(`running PreFilter plugin ${quoted}`))) as
      { readonly reject?: string; readonly nodes?: readonly string[] } | undefined;
    if (said === undefined) return undefined;
    return said.nodes === undefined ? { reject: String(said.reject) } : { only: new Set(said.nodes) };
  }
  async function filter(pod: PodInfo, nodes: readonly NodeInfo[], signal: AbortSignal): Promise<Filtered> {
    const why = (await ask('filter', pod, nodes, signal).catch(failing(`running ${quoted} filter plugin`))) as
      readonly (string | undefined)[];
    const refused = new Map<string, Rejection>();
    nodes.forEach((node, i) => {
      if (why[i] !== undefined) refused.set(node.name, { plugin: name, reasons: [why[i]], resolvable: true });
    });
    return { feasible: nodes.filter((node) => !refused.has(node.name)), refused };
  } // prettier-ignore
  async function score(pod: PodInfo, nodes: readonly NodeInfo[], signal: AbortSignal): Promise<ReadonlyMap<string, number>> {
    const fail = failing(`running Score plugins: plugin ${quoted} failed with`);
    const given = (await ask('score', pod, nodes, signal).catch(fail)) as readonly number[];
    return new Map(
      nodes.map((node, i) => {
        const own = given[i];
        if (typeof own !== 'number' || !(own >= 0 && own <= MAX_SCORE))
          throw new Error(`plugin ${quoted} returns an invalid score ${String(own)}, it should in the range of [0, ${MAX_SCORE}] after normalizing`);
        return [node.name, own * weight];
      }),
    );
  } // prettier-ignore
  async function permit(pod: PodInfo, node: string, signal: AbortSignal): Promise<string | undefined> {
    const late = Symbol('late');
    const answer = await ask('permit', pod, at(node), signal, thread.permitTimeoutMs).catch((error: unknown) =>
      (error as { readonly late?: boolean }).late === true ? late : failing(`running Permit plugin ${quoted}`)(error),
    );
    if (answer === late)
      return `rejected due to timeout after waiting ${thread.permitTimeoutMs / 1_000}s at plugin ${name}`;
    return answer as string | undefined;
  }
  const quietly = (hook: 'unreserve' | 'postBind', pod: PodInfo, node: string): void =>
    void ask(hook, pod, at(node)).catch((error: unknown) => onFailure(hook, error));
  const asking = (hook: 'reserve' | 'preBind', point: string) =>
    has(hook)
      ? async (pod: PodInfo, node: string, signal: AbortSignal): Promise<void> => {
          await ask(hook, pod, at(node), signal).catch(failing(`running ${point} plugin ${quoted}`));
        }
      : undefined;
  return {
    name,
    isIgnorable: false,
    isInterested: () => true,
    preFilter: has('preFilter') ? preFilter : undefined,
    filter: has('filter') ? filter : undefined,
    score: has('score') ? score : undefined,
    reserve: asking('reserve', 'Reserve'),
    unreserve: has('reserve') ? (pod, node) => quietly('unreserve', pod, node) : undefined,
    permit: has('permit') ? permit : undefined,
    preBind: asking('preBind', 'PreBind'),
    postBind: has('postBind') ? (pod, node) => quietly('postBind', pod, node) : undefined,
  };
}
/** What of some nodes a thread does not know yet. */
function toldTo(thread: PluginThread): (nodes: readonly NodeInfo[]) => (NodeView & { readonly name: string })[] {
  let versions = new Map<string, number>();
  let { generation } = thread;
  return (nodes) => {
    if (generation !== thread.generation) {
      generation = thread.generation;
      versions = new Map();
    }
    const changed: (NodeView & { readonly name: string })[] = [];
    for (const info of nodes) {
      if (versions.get(info.name) === info.version || info.node === undefined) continue;
      versions.set(info.name, info.version);
      changed.push({ name: info.name, node: info.node, pods: [...info.pods.values()].map(({ pod }) => pod) });
    }
    return changed;
  };
}
