import { createHash } from 'node:crypto';
import type { NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort } from '../../../schemas/generated/networking-v1.ts';
import { selectorFromObject, type Labels, type Selector } from '../../../schemas/meta/selectors.ts';
import { familyOf, type Allowance, type Chain, type Direction, type Family, type PolicyPod, type Protocol, type Ruleset } from './model.ts'; // prettier-ignore
import { blockOf, joinRanges, type Block } from './ranges.ts';

export interface PolicyWorld {
  /** The node whose pods are guarded. */
  readonly node: string;
  readonly policies: Iterable<NetworkPolicy>;
  /** Of the whole cluster. */
  readonly pods: Iterable<PolicyPod>;
  /** undefined: there is no such namespace. */
  readonly labelsOf: (namespace: string) => Labels | undefined;
}
/** Pods that no selector tells apart. */
interface Kind {
  readonly namespace: string;
  readonly labels: Labels;
  readonly pods: PolicyPod[];
}
interface Rule {
  readonly namespace: string;
  readonly peers: readonly NetworkPolicyPeer[];
  readonly ports: readonly NetworkPolicyPort[];
}
interface Policy {
  readonly selector: Selector;
  readonly ingress: readonly Rule[] | undefined;
  readonly egress: readonly Rule[] | undefined;
}
const DEFAULT_PROTOCOL = 'TCP';

/**
 * Which words to and from this node's pods are let through. A pod that no policy of a direction selects hears, or says,
 * all; one that some select, what any of them allows. Source: API documentation of NetworkPolicySpec.
 */
export function planPolicies(world: PolicyWorld): Ruleset {
  const kinds = kindsOf(world.pods);
  const byNamespace = Map.groupBy(world.policies, ({ metadata }) => metadata.namespace!);
  const policies = new Map([...byNamespace].map(([namespace, of]) => [namespace, of.map((p) => policyOf(p, namespace))])); // prettier-ignore
  const local = kinds.flatMap(({ pods }) => pods.filter(({ node }) => node === world.node));
  const families = new Set(local.flatMap(({ ips }) => ips.map(familyOf)));
  const sets = new Sets(kinds, world.labelsOf);
  const chains = new Map<string, Chain>();
  const ruleset = { chains, sets: sets.all, ingress: new Map<string, string>(), egress: new Map<string, string>() };
  for (const kind of kinds) {
    const own = kind.pods.filter(({ node }) => node === world.node);
    const selecting = own.length === 0 ? [] : (policies.get(kind.namespace) ?? []).filter(({ selector }) => selector.matches(kind.labels)); // prettier-ignore
    for (const direction of ['ingress', 'egress'] as const) {
      const rules = selecting.flatMap((policy) => policy[direction] ?? []);
      if (!selecting.some((policy) => policy[direction] !== undefined)) continue;
      // Names of ports are those of who is spoken to, who need not be like another of the same labels.
      for (const alike of Map.groupBy(own, ({ ports }) =>
        direction === 'ingress' ? JSON.stringify(ports) : '',
      ).values()) {
        // prettier-ignore
        const allowances = allowancesOf(direction, rules, alike[0]!, families, sets);
        const name = `${direction === 'ingress' ? 'in' : 'out'}-${nameOf(allowances)}`;
        chains.set(name, { direction, allowances });
        for (const { ips } of alike) for (const ip of ips) ruleset[direction].set(ip, name);
      }
    }
  }
  return ruleset;
}

/** Pods stay the same objects while nothing of them changes. */
const texts = new WeakMap<PolicyPod, string>();
function textOf(pod: PolicyPod): string {
  let text = texts.get(pod);
  if (text === undefined) texts.set(pod, (text = `${pod.namespace}/${JSON.stringify(Object.entries(pod.labels).toSorted())}`)); // prettier-ignore
  return text;
}
function kindsOf(pods: Iterable<PolicyPod>): Kind[] {
  const kinds = new Map<string, Kind>();
  for (const pod of pods) {
    if (pod.ips.length === 0) continue;
    const key = textOf(pod);
    const kind = kinds.get(key);
    if (kind === undefined) kinds.set(key, { namespace: pod.namespace, labels: pod.labels, pods: [pod] });
    else kind.pods.push(pod);
  }
  return [...kinds.values()];
}
function policyOf({ spec }: NetworkPolicy, namespace: string): Policy {
  const types: readonly string[] = spec?.policyTypes ?? ['Ingress', ...(spec?.egress?.length ? ['Egress'] : [])];
  const of = (peers: NetworkPolicyPeer[] | undefined, ports: NetworkPolicyPort[] | undefined): Rule => ({ namespace, peers: peers ?? [], ports: ports ?? [] }); // prettier-ignore
  return {
    selector: selectorFromObject(spec?.podSelector ?? {}),
    ingress: types.includes('Ingress') ? (spec?.ingress ?? []).map(({ from, ports }) => of(from, ports)) : undefined,
    egress: types.includes('Egress') ? (spec?.egress ?? []).map(({ to, ports }) => of(to, ports)) : undefined,
  };
}

/** Sets of addresses that rules name, each made once. */
class Sets {
  readonly all = new Map<string, Set<string>>();
  readonly #kinds: readonly Kind[];
  readonly #labelsOf: PolicyWorld['labelsOf'];
  readonly #members = new Map<string, readonly PolicyPod[]>();
  constructor(kinds: readonly Kind[], labelsOf: PolicyWorld['labelsOf']) {
    this.#kinds = kinds;
    this.#labelsOf = labelsOf;
  }
  /** Of the pods that a peer selects; undefined: of all pods. */
  members(namespace: string, peer: NetworkPolicyPeer | undefined): readonly PolicyPod[] {
    const key = keyOf(namespace, peer);
    let members = this.#members.get(key);
    if (members === undefined) this.#members.set(key, (members = this.#find(namespace, peer)));
    return members;
  }
  #find(namespace: string, peer: NetworkPolicyPeer | undefined): PolicyPod[] {
    if (peer === undefined) return this.#kinds.flatMap(({ pods }) => pods);
    const pods = selectorFromObject(peer.podSelector ?? {});
    const namespaces = peer.namespaceSelector && selectorFromObject(peer.namespaceSelector);
    const isThere = new Map<string, boolean>();
    const isMeant = (name: string): boolean => {
      if (namespaces === undefined) return name === namespace;
      let meant = isThere.get(name);
      if (meant === undefined) {
        const labels = this.#labelsOf(name);
        isThere.set(name, (meant = labels !== undefined && namespaces.matches(labels)));
      }
      return meant;
    };
    return this.#kinds.flatMap((kind) => (isMeant(kind.namespace) && pods.matches(kind.labels) ? kind.pods : []));
  }
  addresses(family: Family, namespace: string, peer: NetworkPolicyPeer): string {
    return this.#named(`p${family}-${nameOf(keyOf(namespace, peer))}`, () =>
      this.members(namespace, peer).flatMap(({ ips }) => ips.filter((ip) => familyOf(ip) === family)),
    );
  }
  /** Where the pods listen under the name of a port. */
  endpoints(family: Family, namespace: string, peer: NetworkPolicyPeer | undefined, block: Block | undefined, name: string, protocol: Protocol): string {
    const key = [keyOf(namespace, block === undefined ? peer : undefined), block?.cidr ?? '', block?.except ?? [], name, protocol];
    return this.#named(`n${family}-${nameOf(key)}`, () =>
      this.members(namespace, block === undefined ? peer : undefined).flatMap(({ ips, ports }) =>
        ports.filter((p) => p.name === name && p.protocol === protocol).flatMap(({ port }) =>
          ips.filter((ip) => familyOf(ip) === family && (block?.contains(ip) ?? true)).map((ip) => `${ip} . ${protocol.toLowerCase()} . ${port}`),
        ),
      ),
    );
  } // prettier-ignore
  #named(name: string, make: () => readonly string[]): string {
    if (!this.all.has(name)) this.all.set(name, new Set(make()));
    return name;
  }
}
/** Peers of the same key select the same. */
const keyOf = (namespace: string, peer: NetworkPolicyPeer | undefined): string =>
  peer === undefined
    ? '*'
    : JSON.stringify([peer.namespaceSelector === undefined ? namespace : peer.namespaceSelector, peer.podSelector ?? {}]); // prettier-ignore
const nameOf = (content: unknown): string =>
  createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, 20);

function allowancesOf(
  direction: Direction,
  rules: readonly Rule[],
  pod: PolicyPod,
  families: ReadonlySet<Family>,
  sets: Sets,
): Allowance[] {
  const out = new Map<string, Allowance>();
  const add = (allowance: Allowance): void => void out.set(JSON.stringify(allowance), allowance);
  for (const rule of rules) {
    const ports = numberedPorts(direction, rule.ports, pod);
    const names = direction === 'egress' ? rule.ports.filter(({ port }) => typeof port === 'string') : [];
    for (const peer of rule.peers.length === 0 ? [undefined] : rule.peers) {
      const block = peer?.ipBlock && blockOf(peer.ipBlock.cidr, peer.ipBlock.except ?? []);
      if (peer?.ipBlock && block === undefined) continue;
      for (const who of whoIs(peer, block, rule.namespace, families, sets))
        for (const port of ports) add({ ...(who && { peer: who }), ...(port && { ports: port }) });
      for (const { port, protocol = DEFAULT_PROTOCOL } of names)
        for (const family of block === undefined ? families : [block.family])
          add({ endpoints: { family, set: sets.endpoints(family, rule.namespace, peer, block, String(port), protocol) } }); // prettier-ignore
    }
  }
  return [...out.values()];
}
function whoIs(peer: NetworkPolicyPeer | undefined, block: Block | undefined, namespace: string, families: ReadonlySet<Family>, sets: Sets): (Allowance['peer'] | undefined)[] {
  if (peer === undefined) return [undefined];
  if (block === undefined) return [...families].map((family) => ({ family, set: sets.addresses(family, namespace, peer) }));
  return families.has(block.family) ? [{ family: block.family, cidr: block.cidr, except: block.except }] : [];
} // prettier-ignore

/** What of a rule's ports is known by number; `[undefined]`: all that there is. */
function numberedPorts(
  direction: Direction,
  ports: readonly NetworkPolicyPort[],
  pod: PolicyPod,
): (Allowance['ports'] | undefined)[] {
  if (ports.length === 0) return [undefined];
  const ranges = new Map<Protocol, [number, number][]>();
  const add = (protocol: Protocol, range: [number, number]): void =>
    void ranges.set(protocol, [...(ranges.get(protocol) ?? []), range]);
  for (const { protocol = DEFAULT_PROTOCOL, port, endPort } of ports) {
    if (port === undefined) add(protocol, [0, 65_535]);
    else if (typeof port === 'number') add(protocol, [port, endPort ?? port]);
    else if (direction === 'ingress')
      for (const own of pod.ports)
        if (own.name === port && own.protocol === protocol) add(protocol, [own.port, own.port]);
  }
  return [...ranges].map(([protocol, of]) => ({ protocol, ranges: joinRanges(of) }));
}
