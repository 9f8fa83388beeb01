import type { ContainerExtendedResourceRequest } from '../../../../schemas/generated/core-v1.ts';
import type { AllocationResult, ResourceClaim } from '../../../../schemas/generated/resource-v1.ts';
import { matchesTerm } from '../../../../schemas/helpers/node-affinity.ts';
import type { NodeInfo } from '../../snapshot/node-info.ts';
import type { PodInfo } from '../../snapshot/pod-info.ts';
import { rejection, type Rejection } from '../plugin.ts';
import type { Allocator } from './allocator/allocate.ts';
import { SearchTimeout } from './allocator/search.ts';
import { Unsound } from './allocator/soundness.ts';
import { asks } from './extended.ts';
import { deadlineOf, readiness } from './readiness.ts';
import { mayBeBacked, NAME } from './view.ts';

/** What a pod gets on a node. */
export interface NodePlan {
  /** For each of the claims that have none yet, in their order. */
  readonly allocations: readonly AllocationResult[];
  /** The claim for the pod's resources as it is to be made for this node; absent where the node has them itself. */
  readonly extended?: ResourceClaim | undefined;
  readonly mappings: readonly ContainerExtendedResourceRequest[];
}
export interface Asking {
  readonly pod: PodInfo;
  /** The user's, and then `extended` if there is one. */
  readonly claims: readonly ResourceClaim[];
  readonly extended: ResourceClaim | undefined;
  /** Undefined if all are allocated. */
  readonly allocator: Allocator | undefined;
  readonly classFor: (resource: string) => string | undefined;
  readonly bindingTimeoutMs: number;
  readonly now: () => number;
}
const reject = (reason: string): Rejection => rejection(NAME, reason);

/** One pod's attempt, as things stand while it lasts: each node is looked at once. Pure but for the allocator's ids. */
export class Attempt {
  readonly asking: Asking;
  readonly plans = new Map<string, NodePlan>();
  /** Indices of claims that hold devices which some node cannot reach, or which do not become ready. */
  readonly unavailable = new Set<number>();
  readonly #verdicts = new Map<string, Rejection | undefined>();
  /** Once no node has done, what is asked besides must not end the attempt. */
  #isOver = false;

  constructor(asking: Asking) {
    this.asking = asking;
  }
  over(): void {
    this.#isOver = true;
  }
  /** Throws where no other node could help. Source: plugins/dynamicresources Filter. */
  judge(node: NodeInfo): Rejection | undefined {
    if (this.#verdicts.has(node.name)) return this.#verdicts.get(node.name);
    let verdict: Rejection | undefined;
    try {
      verdict = this.#judge(node);
    } catch (error) {
      if (!(error instanceof Unsound) && !(error instanceof SearchTimeout)) throw error;
      const why = error instanceof Unsound ? error.message : `node ${node.name}: timed out trying to allocate devices`;
      if (!this.#isOver) throw new Error(`running "${NAME}" filter plugin: ${why}`, { cause: error });
      verdict = reject(why);
    }
    this.#verdicts.set(node.name, verdict);
    return verdict;
  }
  #judge(node: NodeInfo): Rejection | undefined {
    const { claims, extended, allocator } = this.asking;
    const own = extended && this.#extendedOn(node, extended);
    if (own !== undefined && 'plugin' in own) return own;
    if (own === undefined && extended !== undefined && claims.length === 1) return undefined;
    const unavailable = claims.flatMap((claim, i) => (this.#isAvailable(claim, node) ? [] : [i]));
    if (unavailable.length === 0 && allocator !== undefined) {
      const open = claims.filter(({ status }) => status?.allocation === undefined);
      const found = allocator.allocate(
        node,
        open.map((claim) => (claim === extended && own ? own.claim : claim)),
      );
      if ('reason' in found) return reject(found.reason);
      this.plans.set(node.name, { ...found, extended: own?.claim, mappings: own?.mappings ?? [] });
    }
    if (unavailable.length === 0) return undefined;
    for (const i of unavailable) this.unavailable.add(i);
    return reject('resourceclaim not available on the node');
  }
  #isAvailable(claim: ResourceClaim, node: NodeInfo): boolean {
    const { allocation } = claim.status ?? {};
    if (allocation === undefined) return true;
    if (allocation.nodeSelector?.nodeSelectorTerms.some((term) => matchesTerm(term, node)) === false) return false;
    const ready = readiness(claim);
    if (typeof ready !== 'boolean') return false;
    return ready || this.asking.now() <= (deadlineOf(claim, this.asking.bindingTimeoutMs) ?? Infinity);
  }
  /** The pod's own claim as this node needs it; undefined: it does not. Source: filterExtendedResources. */
  #extendedOn(node: NodeInfo, claim: ResourceClaim): { readonly claim: ResourceClaim; readonly mappings: NodePlan['mappings'] } | Rejection | undefined {
    // It was made by an attempt that failed, and has to go first.
    if (claim.spec.devices?.requests !== undefined) return reject('cannot schedule extended resource claim');
    const { pod, claims, classFor } = this.asking;
    const backed = new Map<string, string>();
    for (const [name, amount] of pod.requests) {
      if (amount === 0 || !mayBeBacked(name)) continue;
      const deviceClass = classFor(name);
      if (deviceClass !== undefined && (node.allocatable.get(name) ?? 0) === 0) backed.set(name, deviceClass);
      else if (!node.allocatable.has(name)) return reject('cannot fit resource');
    }
    if (claims.length === 1 && backed.size === 0) return undefined;
    const { requests, mappings } = asks(pod.pod, backed);
    return { claim: { ...claim, spec: { devices: { requests: [...requests] } } }, mappings };
  } // prettier-ignore
  /** How much the node's plan is what the claims would rather have. Source: computeScore. */
  score(node: string): number {
    const plan = this.plans.get(node);
    if (plan === undefined) return 0;
    let score = 0;
    let next = 0;
    for (const { spec, status } of this.asking.claims) {
      const allocation = status?.allocation ?? plan.allocations[next++];
      const given = new Set(allocation?.devices?.results?.map(({ request }) => request));
      for (const { name, firstAvailable = [] } of spec.devices?.requests ?? [])
        for (const [i, one] of firstAvailable.entries())
          if (given.has(`${name}/${one.name}`)) score += MOST_ALTERNATIVES - i;
    }
    return score;
  }
}
/** Source: resource/v1 FirstAvailableDeviceRequestMaxSize. */
const MOST_ALTERNATIVES = 8;
