import { describe, expect, it } from 'vitest';
import type {
  Affinity,
  Node,
  Pod,
  PodSpec,
  Toleration,
  TopologySpreadConstraint,
} from '../../../schemas/generated/core-v1.ts';
import type { Labels } from '../../../schemas/helpers/label-match.ts';
import { aNode, aPod } from '../testing/objects.ts';
import { snapshotOf, verdicts } from '../testing/place.ts';
import { interPodAffinity } from './inter-pod-affinity.ts';
import { nodeAffinity } from './node-affinity.ts';
import { nodeName } from './node-name.ts';
import { nodePorts } from './node-ports.ts';
import { nodeResourcesFit } from './node-resources-fit.ts';
import { nodeUnschedulable } from './node-unschedulable.ts';
import type { FilterPlugin } from './plugin.ts';
import { podTopologySpread } from './pod-topology-spread.ts';
import { taintToleration } from './taint-toleration.ts';

interface Case {
  readonly it: string;
  readonly pod: Pod;
  readonly nodes: readonly Node[];
  readonly placed?: Readonly<Record<string, readonly Pod[]>>;
  readonly namespaces?: Readonly<Record<string, Labels>>;
  readonly want: Readonly<Record<string, string>>;
}
const table = (plugin: FilterPlugin, cases: readonly Case[]): unknown =>
  describe(plugin.name, () => {
    it.each(cases)('$it', ({ pod, nodes, placed, namespaces, want }) => {
      expect(verdicts(plugin, pod, snapshotOf(nodes, placed, namespaces))).toEqual(want);
    });
  });
const spec = (s: Partial<PodSpec>): Pod => aPod('p', { spec: s });
const tolerating = (...tolerations: Toleration[]): Pod => spec({ tolerations });
const zone = (name: string, z: string): Node => aNode(name, { labels: { zone: z } });

table(nodeUnschedulable(), [
  {
    it: 'keeps pods off cordoned nodes',
    pod: aPod('p'),
    nodes: [aNode('a'), aNode('b', { spec: { unschedulable: true } })],
    want: { a: 'ok', b: '!node(s) were unschedulable' },
  },
  {
    it: 'lets in who tolerates the cordon',
    pod: tolerating({ key: 'node.kubernetes.io/unschedulable', operator: 'Exists', effect: 'NoSchedule' }),
    nodes: [aNode('b', { spec: { unschedulable: true } })],
    want: { b: 'ok' },
  },
]);
table(nodeName(), [
  {
    it: 'knows one node only',
    pod: spec({ nodeName: 'b' }),
    nodes: [aNode('a'), aNode('b')],
    want: { a: "!node(s) didn't match the requested node name", b: 'ok' },
  },
]);
const tainted = (effect: 'NoSchedule' | 'NoExecute' | 'PreferNoSchedule'): Node =>
  aNode('t', { spec: { taints: [{ key: 'k', value: 'v', effect }] } });
const UNTOLERATED = '!node(s) had untolerated taint(s)';
table(taintToleration(), [
  { it: 'refuses NoSchedule', pod: aPod('p'), nodes: [tainted('NoSchedule')], want: { t: UNTOLERATED } },
  { it: 'refuses NoExecute', pod: aPod('p'), nodes: [tainted('NoExecute')], want: { t: UNTOLERATED } },
  { it: 'does not refuse PreferNoSchedule', pod: aPod('p'), nodes: [tainted('PreferNoSchedule')], want: { t: 'ok' } },
  { it: 'tolerates by equality', pod: tolerating({ key: 'k', value: 'v' }), nodes: [tainted('NoSchedule')], want: { t: 'ok' } },
  { it: 'another value is not tolerated', pod: tolerating({ key: 'k', value: 'w' }), nodes: [tainted('NoSchedule')], want: { t: UNTOLERATED } },
  { it: 'tolerates by existence', pod: tolerating({ key: 'k', operator: 'Exists' }), nodes: [tainted('NoExecute')], want: { t: 'ok' } },
  { it: 'tolerates everything', pod: tolerating({ operator: 'Exists' }), nodes: [tainted('NoExecute')], want: { t: 'ok' } },
  { it: 'another effect is not tolerated', pod: tolerating({ key: 'k', operator: 'Exists', effect: 'NoExecute' }), nodes: [tainted('NoSchedule')], want: { t: UNTOLERATED } },
]); // prettier-ignore

const required = (...nodeSelectorTerms: object[]): Affinity => ({
  nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } },
});
const MISMATCH = "!node(s) didn't match Pod's node affinity/selector";
const zones = [zone('a', '1'), zone('b', '2'), aNode('c', { labels: { zone: '10', gpu: 'yes' } })];
table(nodeAffinity(), [
  { it: 'nodeSelector', pod: spec({ nodeSelector: { zone: '1' } }), nodes: zones, want: { a: 'ok', b: MISMATCH, c: MISMATCH } },
  { it: 'In', pod: spec({ affinity: required({ matchExpressions: [{ key: 'zone', operator: 'In', values: ['1', '2'] }] }) }), nodes: zones, want: { a: 'ok', b: 'ok', c: MISMATCH } },
  { it: 'NotIn, absent keys included', pod: spec({ affinity: required({ matchExpressions: [{ key: 'gpu', operator: 'NotIn', values: ['yes'] }] }) }), nodes: zones, want: { a: 'ok', b: 'ok', c: MISMATCH } },
  { it: 'Exists', pod: spec({ affinity: required({ matchExpressions: [{ key: 'gpu', operator: 'Exists' }] }) }), nodes: zones, want: { a: MISMATCH, b: MISMATCH, c: 'ok' } },
  { it: 'Gt compares numbers', pod: spec({ affinity: required({ matchExpressions: [{ key: 'zone', operator: 'Gt', values: ['9'] }] }) }), nodes: zones, want: { a: MISMATCH, b: MISMATCH, c: 'ok' } },
  { it: 'terms are alternatives', pod: spec({ affinity: required({ matchExpressions: [{ key: 'gpu', operator: 'Exists' }] }, { matchExpressions: [{ key: 'zone', operator: 'In', values: ['2'] }] }) }), nodes: zones, want: { a: MISMATCH, b: 'ok', c: 'ok' } },
  { it: 'an empty term matches nothing', pod: spec({ affinity: required({}) }), nodes: [zone('a', '1')], want: { a: MISMATCH } },
  { it: 'matchFields names the node', pod: spec({ affinity: required({ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['b'] }] }) }), nodes: zones, want: { a: MISMATCH, b: 'ok', c: MISMATCH } },
]); // prettier-ignore

const withPort = (name: string, hostPort: number, hostIP?: string, protocol?: 'TCP' | 'UDP'): Pod =>
  aPod(name, { spec: { containers: [{ name: 'c', ports: [{ containerPort: 80, hostPort, ...(hostIP && { hostIP }), ...(protocol && { protocol }) }] }] } }); // prettier-ignore
const TAKEN = "node(s) didn't have free ports for the requested pod ports";
table(nodePorts(), [
  { it: 'refuses a taken port', pod: withPort('p', 80), nodes: [aNode('a'), aNode('b')], placed: { a: [withPort('q', 80)] }, want: { a: TAKEN, b: 'ok' } },
  { it: 'tells protocols apart', pod: withPort('p', 80, undefined, 'UDP'), nodes: [aNode('a')], placed: { a: [withPort('q', 80)] }, want: { a: 'ok' } },
  { it: 'tells addresses apart', pod: withPort('p', 80, '10.0.0.1'), nodes: [aNode('a')], placed: { a: [withPort('q', 80, '10.0.0.2')] }, want: { a: 'ok' } },
  { it: 'any address meets every address', pod: withPort('p', 80, '10.0.0.1'), nodes: [aNode('a')], placed: { a: [withPort('q', 80)] }, want: { a: TAKEN } },
]); // prettier-ignore

const asks = (requests: Record<string, string>, s: Partial<PodSpec> = {}): Pod => aPod('p', { requests, spec: s.containers ? s : { ...s } }); // prettier-ignore
const init = (cpu: string, restartPolicy?: string) => ({ name: `i${cpu}`, resources: { requests: { cpu } }, ...(restartPolicy && { restartPolicy }) }); // prettier-ignore
const main = (cpu: string) => ({ name: 'm', resources: { requests: { cpu } } });
const small = aNode('s', { allocatable: { cpu: '2', memory: '1Gi', pods: '2' } });
table(nodeResourcesFit(), [
  { it: 'fits exactly', pod: asks({ cpu: '1' }), nodes: [small], placed: { s: [aPod('q', { requests: { cpu: '1' } })] }, want: { s: 'ok' } },
  { it: 'one thousandth too much', pod: asks({ cpu: '1001m' }), nodes: [small], placed: { s: [aPod('q', { requests: { cpu: '1' } })] }, want: { s: 'Insufficient cpu' } },
  { it: 'names all that lacks', pod: asks({ cpu: '2', memory: '1Gi' }), nodes: [small], placed: { s: [aPod('q', { requests: { cpu: '1', memory: '1Mi' } })] }, want: { s: 'Insufficient cpu, Insufficient memory' } },
  { it: 'more than the node has is past helping', pod: asks({ cpu: '3' }), nodes: [small], want: { s: '!Insufficient cpu' } },
  { it: 'an unknown resource is past helping', pod: asks({ 'gpu.com/x': '1' }), nodes: [small], want: { s: '!Insufficient gpu.com/x' } },
  { it: 'counts pods', pod: aPod('p'), nodes: [small], placed: { s: [aPod('q'), aPod('r')] }, want: { s: 'Too many pods' } },
  { it: 'an init container counts at its peak', pod: spec({ containers: [main('1')], initContainers: [init('2500m')] }), nodes: [small], want: { s: '!Insufficient cpu' } },
  { it: 'init containers do not add up', pod: spec({ containers: [main('1')], initContainers: [init('2'), init('1500m')] }), nodes: [small], want: { s: 'ok' } },
  { it: 'sidecars add to the containers', pod: spec({ containers: [main('1500m')], initContainers: [init('600m', 'Always')] }), nodes: [small], want: { s: '!Insufficient cpu' } },
  { it: 'and to later init containers', pod: spec({ containers: [main('1')], initContainers: [init('600m', 'Always'), init('1500m')] }), nodes: [small], want: { s: '!Insufficient cpu' } },
  { it: 'overhead counts', pod: spec({ containers: [main('1500m')], overhead: { cpu: '600m' } }), nodes: [small], want: { s: '!Insufficient cpu' } },
  { it: 'pod-level requests stand for the containers', pod: spec({ containers: [main('5')], resources: { requests: { cpu: '1' } } }), nodes: [small], want: { s: 'ok' } },
]); // prettier-ignore

const spread = (maxSkew: number, o: Partial<TopologySpreadConstraint> = {}): Pod =>
  aPod('p', {
    labels: { app: 'x' },
    spec: { topologySpreadConstraints: [{ maxSkew, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule', labelSelector: { matchLabels: { app: 'x' } }, ...o }] },
  }); // prettier-ignore
const x = (name: string): Pod => aPod(name, { labels: { app: 'x' } });
const SKEWED = "node(s) didn't match pod topology spread constraints";
table(podTopologySpread(), [
  { it: 'keeps the skew', pod: spread(1), nodes: zones, placed: { a: [x('1')], b: [x('2')] }, want: { a: SKEWED, b: SKEWED, c: 'ok' } },
  { it: 'allows as much skew as it says', pod: spread(2), nodes: zones, placed: { a: [x('1')] }, want: { a: 'ok', b: 'ok', c: 'ok' } },
  { it: 'sums up a domain', pod: spread(1), nodes: [zone('a', '1'), zone('b', '1'), zone('c', '2')], placed: { a: [x('1')] }, want: { a: SKEWED, b: SKEWED, c: 'ok' } },
  { it: 'refuses nodes without the key', pod: spread(1), nodes: [zone('a', '1'), aNode('n')], want: { a: 'ok', n: `!${SKEWED} (missing required label)` } },
  { it: 'missing domains count as empty', pod: spread(1, { minDomains: 3 }), nodes: [zone('a', '1'), zone('b', '2')], placed: { a: [x('1')], b: [x('2')] }, want: { a: SKEWED, b: SKEWED } },
  { it: 'terminating pods do not count', pod: spread(1), nodes: [zone('a', '1'), zone('b', '2')], placed: { a: [{ ...x('1'), metadata: { ...x('1').metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } }] }, want: { a: 'ok', b: 'ok' } },
  { it: 'other namespaces do not count', pod: spread(1), nodes: [zone('a', '1'), zone('b', '2')], placed: { a: [aPod('1', { labels: { app: 'x' }, namespace: 'other' })] }, want: { a: 'ok', b: 'ok' } },
  { it: 'nodes that the pod cannot use are no domains', pod: { ...spread(1), spec: { ...spread(1).spec!, nodeSelector: { zone: '1' } } }, nodes: [zone('a', '1'), zone('b', '2')], placed: { a: [x('1')] }, want: { a: 'ok', b: 'ok' } },
]); // prettier-ignore

const near = (kind: 'podAffinity' | 'podAntiAffinity', app: string, o: object = {}): Affinity =>
  ({ [kind]: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'zone', labelSelector: { matchLabels: { app } }, ...o }] } }); // prettier-ignore
const pair = [zone('a', '1'), zone('b', '2')];
const ALONE = "!node(s) didn't match pod affinity rules";
const FOE = "node(s) didn't match pod anti-affinity rules";
table(interPodAffinity(), [
  { it: 'joins its friends', pod: spec({ affinity: near('podAffinity', 'x') }), nodes: pair, placed: { a: [x('1')] }, want: { a: 'ok', b: ALONE } },
  { it: 'waits for friends', pod: spec({ affinity: near('podAffinity', 'x') }), nodes: pair, want: { a: ALONE, b: ALONE } },
  { it: 'the first of its kind may start', pod: aPod('p', { labels: { app: 'x' }, spec: { affinity: near('podAffinity', 'x') } }), nodes: pair, want: { a: 'ok', b: 'ok' } },
  { it: 'but not where the key is missing', pod: aPod('p', { labels: { app: 'x' }, spec: { affinity: near('podAffinity', 'x') } }), nodes: [aNode('n')], want: { n: ALONE } },
  { it: 'shuns its foes', pod: spec({ affinity: near('podAntiAffinity', 'x') }), nodes: pair, placed: { a: [x('1')] }, want: { a: FOE, b: 'ok' } },
  { it: 'is shunned by those there', pod: aPod('p', { labels: { app: 'x' } }), nodes: pair, placed: { b: [spec({ affinity: near('podAntiAffinity', 'x') })] }, want: { a: 'ok', b: "node(s) didn't satisfy existing pods anti-affinity rules" } },
  { it: 'knows its own namespace only', pod: spec({ affinity: near('podAntiAffinity', 'x') }), nodes: pair, placed: { a: [aPod('1', { labels: { app: 'x' }, namespace: 'other' })] }, want: { a: 'ok', b: 'ok' } },
  { it: 'unless told of others', pod: spec({ affinity: near('podAntiAffinity', 'x', { namespaces: ['other'] }) }), nodes: pair, placed: { a: [aPod('1', { labels: { app: 'x' }, namespace: 'other' })] }, want: { a: FOE, b: 'ok' } },
  { it: 'or of their labels', pod: spec({ affinity: near('podAntiAffinity', 'x', { namespaceSelector: { matchLabels: { team: 't' } } }) }), nodes: pair, placed: { a: [aPod('1', { labels: { app: 'x' }, namespace: 'other' })] }, namespaces: { other: { team: 't' } }, want: { a: FOE, b: 'ok' } },
]); // prettier-ignore
