import type { DaemonSet } from '../../../schemas/generated/apps-v1.ts';
import type { Node, Pod } from '../../../schemas/generated/core-v1.ts';
import { scaled } from '../../runtime/int-or-percent.ts';
import type { Intent } from '../../runtime/intent.ts';
import { isPodTerminal } from '../../runtime/pods.ts';
import { eligibility, targetNode, templateGeneration, type Eligibility } from './eligibility.ts';

/** One look at a DaemonSet: what all of its parts ask for. */
export class Pass {
  readonly daemonSet: DaemonSet;
  readonly now: number;
  /** Of the present template. */
  readonly hash: string;
  readonly generation: string | undefined;
  readonly minReadySeconds: number;
  readonly nodes: ReadonlyMap<string, Node>;
  /** The set's pods by the node that they are on or made for. */
  readonly byNode: ReadonlyMap<string, readonly Pod[]>;
  /** Events. */
  readonly news: Intent[] = [];
  /** Nodes whose failed pod is deleted now. */
  readonly failed: string[] = [];
  /** ms until the first failed pod that must still wait may be deleted. */
  postponedMs: number | undefined;
  private readonly backoffMs: (node: string) => number;
  private readonly known = new Map<Node, Eligibility>();
  private readonly judge: (node: Node) => Eligibility;

  constructor(
    daemonSet: DaemonSet,
    nodes: ReadonlyMap<string, Node>,
    pods: readonly Pod[],
    hash: string,
    backoffMs: (node: string) => number,
    now: number,
  ) {
    this.daemonSet = daemonSet;
    this.now = now;
    this.hash = hash;
    this.generation = templateGeneration(daemonSet);
    this.minReadySeconds = daemonSet.spec?.minReadySeconds ?? 0;
    this.nodes = nodes;
    this.backoffMs = backoffMs;
    this.judge = eligibility(daemonSet);
    const byNode = new Map<string, Pod[]>();
    for (const pod of pods) {
      // It is over and only waits for a finalizer or a kubelet.
      if (isPodTerminal(pod) && pod.metadata.deletionTimestamp !== undefined) continue;
      const node = targetNode(pod);
      if (node === undefined) continue;
      const there = byNode.get(node);
      if (there) there.push(pod);
      else byNode.set(node, [pod]);
    }
    this.byNode = byNode;
  }
  eligible(node: Node): Eligibility {
    let known = this.known.get(node);
    if (!known) this.known.set(node, (known = this.judge(node)));
    return known;
  }
  /** Whether more than one pod may be on a node. Source: util.AllowsSurge. */
  get surges(): boolean {
    return this.limits(1).maxSurge > 0;
  }
  /** Both zero would allow nothing: one pod may be missing then. Source: updatedDesiredNodeCounts. */
  limits(desired: number): { readonly maxSurge: number; readonly maxUnavailable: number } {
    const { type, rollingUpdate } = this.daemonSet.spec?.updateStrategy ?? {};
    if (type !== 'RollingUpdate') return { maxSurge: 0, maxUnavailable: 0 };
    const maxSurge = scaled(rollingUpdate?.maxSurge, desired, true);
    const maxUnavailable = scaled(rollingUpdate?.maxUnavailable, desired, true);
    return { maxSurge, maxUnavailable: desired > 0 && maxSurge === 0 ? Math.max(1, maxUnavailable) : maxUnavailable };
  }
  say(type: 'Normal' | 'Warning', reason: string, message: string): void {
    this.news.push({ op: 'event', type, regarding: this.daemonSet, reason, message });
  }
  /** Whether the node's failed pod must be left for a while; if not, it is noted as being deleted. */
  postpones(node: string): boolean {
    const waitMs = this.backoffMs(node);
    if (waitMs === 0) {
      this.failed.push(node);
      return false;
    }
    this.postponedMs = Math.min(this.postponedMs ?? waitMs, waitMs);
    return true;
  }
}
