import type { Node, Pod } from '../../../schemas/generated/core-v1.ts';

/**
 * A scheduler plugin of your own: a TypeScript file whose default export is one of these. It runs in a thread of its own,
 * so that a hook that throws, or never comes back, costs no more than the pod at hand. See docs/scheduler-plugins.md.
 */
export interface SchedulerPlugin {
  /** By which profiles and events name it. */
  readonly name: string;
  /** How long a hook may take; then it has failed, and the thread starts anew. Default 2000. */
  readonly timeoutMs?: number;
  /** How long `permit` may keep a pod waiting; then the pod is refused. Default 60, at most 900. */
  readonly permitTimeoutSeconds?: number;
  /** What it is told in `pluginConfig`; called once, before all else. */
  init?(args: unknown): void | Promise<void>;
  /** Before any node is looked at: a text refuses the pod, a list of names leaves only those nodes. */
  preFilter?(pod: Pod): Result<{ readonly reject: string } | { readonly nodes: readonly string[] } | undefined | void>;
  /** Why the node will not do; undefined: it will. */
  filter?(pod: Pod, node: NodeView): Result<string | undefined | void>;
  /** 0 to 100, if there is no `normalize`. */
  score?(pod: Pod, node: NodeView): Result<number>;
  /** Brings scores to 0 to 100, by name of the node. */
  normalize?(scores: Readonly<Record<string, number>>, pod: Pod): Readonly<Record<string, number>>;
  /** The node is chosen; if this throws, the pod does not go there. */
  reserve?(pod: Pod, node: NodeView): Result<void>;
  /** The pod does not go there after all. */
  unreserve?(pod: Pod, nodeName: string): Result<void>;
  /** Resolves, as late as it likes, when the pod may go there; a text refuses it. */
  permit?(pod: Pod, node: NodeView): Result<string | undefined | void>;
  preBind?(pod: Pod, node: NodeView): Result<void>;
  postBind?(pod: Pod, nodeName: string): Result<void>;
}
type Result<T> = T | Promise<T>;

export interface NodeView {
  readonly node: Node;
  /** Those placed there, bound or about to be. */
  readonly pods: readonly Pod[];
}
/** Hooks that are asked for by name; each stands for the point of the framework of that name. */
export const HOOKS = ['preFilter', 'filter', 'score', 'reserve', 'permit', 'preBind', 'postBind'] as const;
export type Hook = (typeof HOOKS)[number];

/** What a thread says of the plugin that it has loaded. */
export interface PluginDescription {
  readonly name: string;
  readonly hooks: readonly Hook[];
  readonly timeoutMs: number;
  readonly permitTimeoutMs: number;
}
/** What a plugin's thread is asked. */
export interface PluginCall {
  readonly hook: Hook | 'unreserve';
  readonly pod: Pod;
  /** By name, those it is about. */
  readonly nodes: readonly string[];
  /** What has changed of these since it was last told. */
  readonly changed: readonly (NodeView & { readonly name: string })[];
}
/** A plugin in its thread, which is there again after it was ended. */
export interface PluginThread extends PluginDescription {
  /** Differs once it has forgotten what it was told. */
  readonly generation: number;
  /**
   * Rejects with what the plugin throws, or (`late`) when it has not answered in time. `make` is asked once there is a
   * thread to tell. `timeoutMs`: default its own.
   */
  call(
    make: () => PluginCall,
    options: { readonly signal?: AbortSignal; readonly timeoutMs?: number },
  ): Promise<unknown>;
  stop(): void;
}
