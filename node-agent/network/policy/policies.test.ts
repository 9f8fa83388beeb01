import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort } from '../../../schemas/generated/networking-v1.ts';
import type { LabelSelector } from '../../../schemas/generated/meta-v1.ts';
import { parseCidr, parseIp } from '../../../schemas/meta/ip.ts';
import { selectorFromObject, type Labels } from '../../../schemas/meta/selectors.ts';
import { Interpreter, type Packet } from '../testing/nft-interpreter.ts';
import { noPackets } from '../testing/private-machine.ts';
import { EMPTY, type PolicyPod, type Protocol, type Ruleset } from './model.ts';
import { planPolicies, type PolicyWorld } from './plan.ts';
import { renderAll, renderChanges } from './render.ts';

interface World extends PolicyWorld {
  readonly policies: readonly NetworkPolicy[];
  readonly pods: readonly PolicyPod[];
  readonly namespaces: ReadonlyMap<string, Labels>;
}
const worldOf = (policies: readonly NetworkPolicy[], pods: readonly PolicyPod[], namespaces: ReadonlyMap<string, Labels>): World => ({ node: 'n1', policies, pods, namespaces, labelsOf: (name) => namespaces.get(name) }); // prettier-ignore

/** The documentation of the API, word by word. */
function isAllowed({ node, policies, pods, namespaces }: World, packet: Packet): boolean {
  const [from, to] = [packet.from, packet.to].map((ip) => pods.find(({ ips }) => ips.includes(ip)));
  if (packet.from === packet.to) return true;
  const matches = (selector: LabelSelector | undefined, labels: Labels): boolean => selectorFromObject(selector ?? {}).matches(labels); // prettier-ignore
  const isIn = (cidr: string, ip: string): boolean => {
    const [range, one] = [parseCidr(cidr)!, parseIp(ip)!];
    const shift = BigInt((range.family === 4 ? 32 : 128) - range.bits);
    return range.family === one.family && one.value >> shift === range.base >> shift;
  };
  const isPeer = (namespace: string, peer: NetworkPolicyPeer, ip: string, pod: PolicyPod | undefined): boolean => {
    if (peer.ipBlock) return isIn(peer.ipBlock.cidr, ip) && !(peer.ipBlock.except ?? []).some((cidr) => isIn(cidr, ip));
    if (pod === undefined) return false;
    const labels = namespaces.get(pod.namespace);
    if (peer.namespaceSelector ? labels === undefined || !matches(peer.namespaceSelector, labels) : pod.namespace !== namespace) return false; // prettier-ignore
    return matches(peer.podSelector, pod.labels);
  };
  const isPort = ({ protocol = 'TCP', port, endPort }: NetworkPolicyPort): boolean => {
    if (protocol.toLowerCase() !== packet.protocol) return false;
    if (port === undefined) return true;
    if (typeof port === 'number') return port <= packet.port && packet.port <= (endPort ?? port);
    return to?.ports.some((own) => own.name === port && own.protocol === protocol && own.port === packet.port) === true;
  };
  const lets = (direction: 'Ingress' | 'Egress', pod: PolicyPod | undefined, other: PolicyPod | undefined, otherIp: string): boolean => {
    if (pod?.node !== node) return true;
    const selecting = policies.filter(({ metadata, spec }) => metadata.namespace === pod.namespace && matches(spec?.podSelector, pod.labels) && spec!.policyTypes!.includes(direction)); // prettier-ignore
    if (selecting.length === 0) return true;
    const rules = selecting.flatMap(({ spec }) => direction === 'Ingress' ? (spec!.ingress ?? []).map(({ from: peers, ports }) => ({ peers, ports })) : (spec!.egress ?? []).map(({ to: peers, ports }) => ({ peers, ports }))); // prettier-ignore
    return rules.some(({ peers = [], ports = [] }) =>
      (peers.length === 0 || peers.some((peer) => isPeer(pod.namespace, peer, otherIp, other))) &&
      (ports.length === 0 || ports.some(isPort)));
  }; // prettier-ignore
  return lets('Egress', from, to, packet.to) && lets('Ingress', to, from, packet.from);
}

const labels = fc.dictionary(fc.constantFrom('app', 'tier'), fc.constantFrom('web', 'db'), { maxKeys: 2 });
const selector: fc.Arbitrary<LabelSelector> = fc.oneof(
  { weight: 2, arbitrary: fc.constant({}) },
  labels.map((matchLabels) => ({ matchLabels })),
  fc.record({ key: fc.constantFrom('app', 'tier'), operator: fc.constantFrom('In', 'NotIn', 'Exists', 'DoesNotExist') }).map(({ key, operator }) => ({ matchExpressions: [{ key, operator, ...(operator.endsWith('In') && { values: ['web', 'x'] }) }] })),
); // prettier-ignore
const cidr = fc.constantFrom('0.0.0.0/0', '10.244.0.0/16', '10.244.1.0/24', '10.244.1.2/32', '10.0.0.0/8', '8.8.0.0/16', '::/0', 'fd00::/16', 'fd00:1::2/128'); // prettier-ignore
const holes = fc.array(fc.constantFrom('10.244.1.0/24', '10.244.1.2/31', '10.244.1.2/32', '8.8.8.0/24', 'fd00:1::/32', 'fd00:1::2/128'), { maxLength: 3 }); // prettier-ignore
const block = fc.record({ cidr, except: holes }).map(({ cidr: outer, except }) => ({
  ipBlock: { cidr: outer, except: except.filter((e) => parseCidr(e)!.family === parseCidr(outer)!.family && parseCidr(e)!.bits > parseCidr(outer)!.bits) },
})); // prettier-ignore
const peer: fc.Arbitrary<NetworkPolicyPeer> = fc.oneof(
  selector.map((podSelector) => ({ podSelector })),
  selector.map((namespaceSelector) => ({ namespaceSelector })),
  fc.record({ podSelector: selector, namespaceSelector: selector }),
  block,
);
const protocol = fc.constantFrom('TCP', 'UDP', 'SCTP') satisfies fc.Arbitrary<Protocol>;
const port: fc.Arbitrary<NetworkPolicyPort> = fc.oneof(
  fc.record({ protocol }),
  fc.record({ protocol, port: fc.constantFrom<number | string>(80, 443, 'http', 'dns') }),
  fc.record({ protocol, port: fc.constantFrom(80, 90), endPort: fc.constantFrom(90, 443) }),
);
const rule = fc.record({ peers: fc.array(peer, { maxLength: 3 }), ports: fc.array(port, { maxLength: 3 }) });
const NAMESPACES = ['a', 'b', 'gone'];
const policy: fc.Arbitrary<NetworkPolicy> = fc
  .record({
    namespace: fc.constantFrom('a', 'b'),
    podSelector: selector,
    policyTypes: fc.subarray(['Ingress', 'Egress'] as const, { minLength: 1 }),
    ingress: fc.array(rule, { maxLength: 2 }),
    egress: fc.array(rule, { maxLength: 2 }),
  })
  .map(({ namespace, podSelector, policyTypes, ingress, egress }) => ({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'p', namespace },
    spec: {
      podSelector,
      policyTypes: [...policyTypes],
      ingress: ingress.map(({ peers, ports }) => ({ from: peers, ports })),
      egress: egress.map(({ peers, ports }) => ({ to: peers, ports })),
    },
  }));
const listens = fc.array(fc.record({ name: fc.constantFrom('http', 'dns'), protocol, port: fc.constantFrom(80, 443, 8080) }), { maxLength: 2 }); // prettier-ignore
const pods = fc
  .array(fc.record({ namespace: fc.constantFrom(...NAMESPACES), labels, node: fc.constantFrom('n1', 'n1', 'n2'), ports: listens, families: fc.constantFrom('4', '6', '46', '') }), { minLength: 1, maxLength: 8 })
  .map((of) => of.map(({ families, ...pod }, i): PolicyPod => ({
    ...pod,
    key: `${pod.namespace}/${i}`,
    ips: [...(families.includes('4') ? [`10.244.${pod.node === 'n1' ? 1 : 2}.${i + 2}`] : []), ...(families.includes('6') ? [`fd00:${pod.node === 'n1' ? 1 : 2}::${i + 2}`] : [])],
  }))); // prettier-ignore
const namespaces = fc.record({ a: labels, b: labels }).map((of) => new Map<string, Labels>(Object.entries(of)));
const world = fc.tuple(fc.array(policy, { maxLength: 5 }), pods, namespaces).map((of) => worldOf(...of));

function* packets({ pods: all }: World): Iterable<Packet> {
  const ips = [...all.flatMap((pod) => pod.ips), '8.8.8.8', '8.8.4.4', 'fd99::1'];
  for (const from of ips)
    for (const to of ips)
      if (from.includes(':') === to.includes(':'))
        for (const [kind, number] of [
          ['tcp', 80],
          ['tcp', 443],
          ['udp', 85],
          ['sctp', 8080],
          ['icmp', 0],
        ] as const)
          // prettier-ignore
          yield { from, to, protocol: kind, port: number };
}
const disagreements = (kernel: Interpreter, of: World): unknown[] =>
  [...packets(of)].filter((packet) => kernel.passes(packet) !== isAllowed(of, packet));

describe('network policies, as rules of the kernel', () => {
  it('let through what the API says, of whatever policies and pods', () => {
    fc.assert(
      fc.property(world, (of) => {
        const kernel = new Interpreter();
        kernel.apply(renderAll(planPolicies(of)));
        expect(disagreements(kernel, of)).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });
  it('let API servers through that run beside the nodes, and nobody who says to be one', () => {
    const [pod, key] = ['10.244.1.2', 'deny'];
    const rules: Ruleset = {
      ...EMPTY,
      chains: new Map([[key, { direction: 'ingress', allowances: [] }]]),
      ingress: new Map([[pod, key]]),
    };
    const kernel = new Interpreter();
    kernel.apply(renderAll(rules, { link: 'eth0', addresses: ['10.89.0.254', 'fd00::254'] }));
    const passes = (from: string, link: string, to = pod) => kernel.passes({ from, to, protocol: 'tcp', port: 80, link }); // prettier-ignore
    expect(passes('10.89.0.254', 'eth0')).toBe(true);
    expect(passes('10.89.0.1', 'eth0')).toBe(false);
    expect(passes('10.89.0.254', 'veth7')).toBe(false);
    expect(passes('10.89.0.254', 'veth7', '10.244.1.3')).toBe(false);
    expect([passes('fd00::254', 'eth0', 'fd00::1'), passes('fd00::254', 'veth7', 'fd00::1')]).toEqual([true, false]);
  });
  it('are changed into any others, with nothing left of what was', () => {
    fc.assert(
      fc.property(fc.array(world, { minLength: 2, maxLength: 4 }), (worlds) => {
        const [kernel, fresh] = [new Interpreter(), new Interpreter()];
        let before = EMPTY;
        kernel.apply(renderAll(before));
        for (const of of worlds) {
          const after = planPolicies(of);
          kernel.apply(renderChanges(before, after));
          before = after;
          expect(disagreements(kernel, of)).toEqual([]);
          fresh.apply(renderAll(after));
          expect(kernel.size).toBe(fresh.size);
          expect(renderChanges(after, planPolicies(of))).toBe('');
        }
      }),
      { numRuns: 60 },
    );
  });
});

const why = noPackets();
describe.skipIf(why !== undefined)(
  `network policies, taken by the kernel${why === undefined ? '' : ` (${why})`}`,
  () => {
    it('are, each and from each to the next', () => {
      const worlds = fc.sample(world, { numRuns: 60, seed: 7 });
      let before = EMPTY;
      const transactions = [renderAll(before, { link: 'eth0', addresses: ['10.89.0.254', 'fd6b::254'] })];
      for (const of of worlds) {
        const after = planPolicies(of);
        transactions.push(renderChanges(before, after), renderAll(after));
        before = after;
      }
      const script = transactions.map((_, i) => `nft -f ${i} || exit 1`).join('\n');
      const folder = mkdtempSync(join(tmpdir(), 'kbg-'));
      for (const [i, text] of transactions.entries()) writeFileSync(join(folder, String(i)), text);
      const { status, stderr } = spawnSync('unshare', ['--net', 'sh', '-c', script], { cwd: folder });
      rmSync(folder, { recursive: true });
      expect(stderr.toString()).toBe('');
      expect(status).toBe(0);
    });
  },
);
