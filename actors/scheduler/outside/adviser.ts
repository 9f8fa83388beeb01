import type { Rejection } from '../plugins/plugin.ts';
import type { Candidate } from '../preemption.ts';
import type { NodeInfo } from '../snapshot/node-info.ts';
import type { PodInfo } from '../snapshot/pod-info.ts';

/**
 * Who is asked about a pod besides the plugins of this process: an extender, over HTTP, or a plugin of the user's own, in
 * a thread. Whatever it is asked settles, within a time of its own; what it throws is what users are told.
 */
export interface Adviser {
  /** On whose account a pod waits. */
  readonly name: string;
  /** If it fails, placing goes on without it. */
  readonly isIgnorable: boolean;
  isInterested(pod: PodInfo): boolean;
  /** What holds for all nodes; undefined: nothing. */
  readonly preFilter?: ((pod: PodInfo, signal: AbortSignal) => Promise<Beforehand | undefined>) | undefined;
  readonly filter?: ((pod: PodInfo, nodes: readonly NodeInfo[], signal: AbortSignal) => Promise<Filtered>) | undefined;
  /** If `score` fails, it has no preference. */
  readonly scoresIfItCan?: boolean | undefined;
  /** By node, to be added to what the plugins give it: weighted. */
  readonly score?:
    | ((pod: PodInfo, nodes: readonly NodeInfo[], signal: AbortSignal) => Promise<ReadonlyMap<string, number>>)
    | undefined;
  /** Whom it agrees to evict, of who would be. */
  readonly preempt?:
    | ((pod: PodInfo, candidates: readonly Candidate[], signal: AbortSignal) => Promise<readonly Candidate[]>)
    | undefined;
  /** The node is chosen, and the pod counted there. Throws: the pod is not to go there. */
  readonly reserve?: ((pod: PodInfo, node: string, signal: AbortSignal) => Promise<void>) | undefined;
  /** The pod does not go there after all. Never throws. */
  readonly unreserve?: ((pod: PodInfo, node: string) => void) | undefined;
  /** Resolves, which may take long, to undefined when the pod may go there, or to why not. */
  readonly permit?: ((pod: PodInfo, node: string, signal: AbortSignal) => Promise<string | undefined>) | undefined;
  readonly preBind?: ((pod: PodInfo, node: string, signal: AbortSignal) => Promise<void>) | undefined;
  /** Resolves to whether it has bound the pod; if not, the next is asked. */
  readonly bind?: ((pod: PodInfo, node: string) => Promise<boolean>) | undefined;
  /** Never throws. */
  readonly postBind?: ((pod: PodInfo, node: string) => void) | undefined;
}
export interface Filtered {
  readonly feasible: readonly NodeInfo[];
  readonly refused: ReadonlyMap<string, Rejection>;
}
export type Beforehand = { readonly reject: string } | { readonly only: ReadonlySet<string> };
