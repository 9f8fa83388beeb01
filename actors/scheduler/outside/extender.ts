/** `createExtender({ world, call, configuration })`: an HTTP extender as one who is asked about pods. Source: scheduler extender.go. */
import type { World } from '../../../bus/world.ts';
import type { Pod } from '../../../schemas/generated/core-v1.ts';
import { goQuote } from '../../../schemas/meta/go-quote.ts';
import type { Outbound } from '../../runtime/outbound/outbound.ts';
import type { ExtenderConfiguration } from '../config/configuration.ts';
import { MAX_SCORE, type Rejection } from '../plugins/plugin.ts';
import type { Candidate } from '../preemption.ts';
import type { NodeInfo } from '../snapshot/node-info.ts';
import type { PodInfo } from '../snapshot/pod-info.ts';
import type { Adviser, Filtered } from './adviser.ts';

/** On whose account pods wait that extenders refuse: any event may help them. Source: framework ExtenderName. */
const EXTENDER = 'Extender';
/** Extenders give 0 to 10. Source: kube-scheduler extender/v1 MaxExtenderPriority. */
const MAX_PRIORITY = 10;

interface FilterResult {
  readonly Nodes?: { readonly items?: readonly { readonly metadata?: { readonly name?: unknown } }[] | null } | null;
  readonly NodeNames?: readonly unknown[] | null;
  readonly FailedNodes?: Readonly<Record<string, unknown>> | null;
  readonly FailedAndUnresolvableNodes?: Readonly<Record<string, unknown>> | null;
  readonly Error?: unknown;
}
interface MetaVictims {
  readonly Pods?: readonly ({ readonly UID?: unknown } | null)[] | null;
  readonly NumPDBViolations?: unknown;
}
interface Options {
  readonly world: World;
  readonly call: Outbound;
  readonly configuration: ExtenderConfiguration;
}

export function createExtender({ world, call, configuration: c }: Options): Adviser {
  const managed = new Set(c.managedResources.map(({ name }) => name));
  const { urlPrefix: url, tlsConfig: tls } = c;

  /** Throws: Error, as upstream's client says it. */
  async function send(verb: string, args: object, signal?: AbortSignal): Promise<unknown> {
    const late = new AbortController();
    const timer = world.clock.setTimeout(
      () => late.abort(new Error('context deadline exceeded (Client.Timeout exceeded while awaiting headers)')),
      c.httpTimeoutMs,
    );
    try {
      const target = `${url.replace(/\/+$/, '')}/${verb}`;
      const { status, body } = await call({
        method: 'POST',
        url: target,
        headers: { 'content-type': 'application/json' },
        body: Buffer.from(JSON.stringify(args)),
        signal: signal === undefined ? late.signal : AbortSignal.any([late.signal, signal]),
        ca: tls?.ca,
        serverName: tls?.serverName,
        insecure: tls?.insecure,
        ...(tls?.cert !== undefined && { certificate: { cert: tls.cert, key: tls.key! } }),
      });
      if (status !== 200) throw new Error(`failed ${verb} with extender at URL ${target}, code ${status}`);
      return JSON.parse(Buffer.from(body).toString()) as unknown;
    } finally {
      world.clock.clearTimeout(timer);
    }
  }
  const listed = (nodes: readonly NodeInfo[]): object =>
    c.nodeCacheCapable
      ? { Nodes: null, NodeNames: nodes.map(({ name }) => name) }
      : { Nodes: { metadata: {}, items: nodes.map(({ node }) => node) }, NodeNames: null };

  async function filter({ pod }: PodInfo, nodes: readonly NodeInfo[], signal: AbortSignal): Promise<Filtered> {
    const result = objectOf(await send(c.filterVerb, { Pod: pod, ...listed(nodes) }, signal)) as FilterResult;
    if (typeof result.Error === 'string' && result.Error !== '') throw new Error(result.Error);
    const known = new Map(nodes.map((node) => [node.name, node]));
    const named = (name: unknown): NodeInfo => {
      const node = known.get(String(name));
      // It is not for an extender to find nodes that the plugins refuse, or that there are not.
      if (node === undefined)
        throw new Error(`extender ${goQuote(url)} claims a filtered node ${goQuote(String(name))} which is not found in the input node list`); // prettier-ignore
      return node;
    };
    const names =
      c.nodeCacheCapable && Array.isArray(result.NodeNames)
        ? result.NodeNames
        : listOf(result.Nodes?.items).map((node) => (node as { metadata?: { name?: unknown } } | null)?.metadata?.name);
    const refused = new Map<string, Rejection>();
    const note = (failed: FilterResult['FailedNodes'], resolvable: boolean): void => {
      for (const [name, why] of Object.entries(failed ?? {}))
        if (known.has(name) && !refused.has(name))
          refused.set(name, { plugin: EXTENDER, reasons: why === '' ? [] : [String(why)], resolvable });
    };
    note(result.FailedAndUnresolvableNodes, false);
    note(result.FailedNodes, true);
    return { feasible: [...new Set(names.map(named))], refused };
  }
  async function score({ pod }: PodInfo, nodes: readonly NodeInfo[], signal: AbortSignal): Promise<ReadonlyMap<string, number>> {
    const answer = await send(c.prioritizeVerb, { Pod: pod, ...listed(nodes) }, signal);
    if (!Array.isArray(answer)) throw new Error(`json: cannot unmarshal ${kindOf(answer)} into Go value of type v1.HostPriorityList`);
    const scores = new Map<string, number>();
    for (const one of answer as readonly unknown[]) {
      const { Host, Score = 0 } = objectOf(one) as { readonly Host?: unknown; readonly Score?: unknown };
      if (typeof Score !== 'number' || !Number.isSafeInteger(Score)) throw new Error(`json: cannot unmarshal ${JSON.stringify(Score)} into Go struct field HostPriority.Score of type int64`);
      scores.set(String(Host), (scores.get(String(Host)) ?? 0) + (Score * c.weight * MAX_SCORE) / MAX_PRIORITY);
    }
    return scores;
  } // prettier-ignore
  async function preempt({ pod }: PodInfo, candidates: readonly Candidate[], signal: AbortSignal): Promise<readonly Candidate[]> {
    const byNode = new Map(candidates.map((candidate) => [candidate.node, candidate]));
    const victims = (of: (victim: PodInfo) => unknown): object =>
      Object.fromEntries(candidates.map(({ node, victims: list, violations }) => [node, { Pods: list.map(of), NumPDBViolations: violations }]));
    const result = objectOf(
      await send(c.preemptVerb, c.nodeCacheCapable
        ? { Pod: pod, NodeNameToVictims: null, NodeNameToMetaVictims: victims(({ uid }) => ({ UID: uid })) }
        : { Pod: pod, NodeNameToVictims: victims((victim): Pod => victim.pod), NodeNameToMetaVictims: null }, signal),
    ) as { readonly NodeNameToMetaVictims?: Readonly<Record<string, MetaVictims | null>> | null };
    return Object.entries(result.NodeNameToMetaVictims ?? {}).map(([node, meta]) => {
      const candidate = byNode.get(node);
      if (candidate === undefined) throw new Error(`nodeinfo not found for node name ${goQuote(node)}`);
      // It may spare some, but it may not choose others: whom the plugins would not evict stays.
      const left = listOf(meta?.Pods).map((one) => {
        const uid = String((one as { UID?: unknown } | null)?.UID);
        const victim = candidate.victims.find((known) => known.uid === uid);
        if (victim === undefined) throw new Error(`extender: ${url} claims to preempt pod (UID: ${uid}) on node: ${node}, but the pod is not found on that node`);
        return victim;
      });
      const { NumPDBViolations: violations } = meta ?? {};
      return { node, victims: left, violations: typeof violations === 'number' ? violations : candidate.violations };
    });
  } // prettier-ignore
  async function bind({ pod }: PodInfo, node: string): Promise<boolean> {
    const { name, namespace, uid } = pod.metadata;
    try {
      const result = objectOf(
        await send(c.bindVerb, { PodName: name, PodNamespace: namespace, PodUID: uid, Node: node }),
      ) as { readonly Error?: unknown };
      if (typeof result.Error === 'string' && result.Error !== '') throw new Error(result.Error);
      return true;
    } catch (error) {
      if (!c.ignorable) throw error;
      world.log.warn('a scheduler extender is passed over', { extender: url, err: error });
      return false;
    }
  }
  return {
    name: EXTENDER,
    isIgnorable: c.ignorable,
    scoresIfItCan: true,
    isInterested: ({ pod }) => managed.size === 0 || asksFor(pod, managed),
    filter: c.filterVerb === '' ? undefined : filter,
    score: c.prioritizeVerb === '' ? undefined : score,
    preempt: c.preemptVerb === '' ? undefined : preempt,
    bind: c.bindVerb === '' ? undefined : bind,
  };
}
const asksFor = ({ spec }: Pod, names: ReadonlySet<string>): boolean =>
  [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])].some(({ resources }) =>
    [resources?.requests, resources?.limits].some((amounts) => Object.keys(amounts ?? {}).some((name) => names.has(name))),
  ); // prettier-ignore
const kindOf = (value: unknown): string =>
  Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? (value as readonly unknown[]) : []);
/** Go matches names of fields whatever their case. */
function objectOf(value: unknown): object {
  if (value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value))
    throw new Error(`json: cannot unmarshal ${kindOf(value)} into Go value of type v1.ExtenderFilterResult`);
  return Object.fromEntries(
    Object.entries(value).map(([name, own]) => [FIELDS.get(name.toLowerCase()) ?? name, own as unknown]),
  );
}
const FIELDS: ReadonlyMap<string, string> = new Map(
  ['Nodes', 'NodeNames', 'FailedNodes', 'FailedAndUnresolvableNodes', 'Error', 'Host', 'Score', 'NodeNameToMetaVictims']
    .map((name) => [name.toLowerCase(), name]),
); // prettier-ignore
