import fc from 'fast-check';
import type {
  Affinity,
  Container,
  Node,
  NodeSelectorTerm,
  Pod,
  PodAffinityTerm,
  PodSpec,
  Taint,
  Toleration,
  TopologySpreadConstraint,
} from '../../../schemas/generated/core-v1.ts';
import type { KubeObject, LabelSelector } from '../../../schemas/meta/object.ts';
import { PLACES, prefixOf, type Cluster } from './cluster.ts';
import { storage, withStorage } from './generate-storage.ts';

/** Few words, so that clusters are full of coincidences. */
const ZONE = 'topology.kubernetes.io/zone';
const HOSTNAME = 'kubernetes.io/hostname';
const KEYS = [ZONE, HOSTNAME, 'rack'] as const;
const APPS = ['a', 'b', 'c'] as const;
const IMAGES = ['big:v1', 'small:v1', 'plain'] as const;

const oneOf = <const T>(...values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values);
/** Absent in most cases: `share` of them have it. */
const rarely = <T>(arbitrary: fc.Arbitrary<T>, share = 0.25): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: Math.round((1 - share) * 100), arbitrary: fc.constant(undefined) }, { weight: Math.round(share * 100), arbitrary }); // prettier-ignore
const few = <T>(arbitrary: fc.Arbitrary<T>, maxLength = 2): fc.Arbitrary<T[]> => fc.array(arbitrary, { minLength: 1, maxLength }); // prettier-ignore
/** Leaves out what is undefined. */
const tidy = <T extends object>(o: T): T => Object.fromEntries(Object.entries(o).filter(([, v]) => v !== undefined)) as T; // prettier-ignore

const effect = oneOf('NoSchedule', 'PreferNoSchedule', 'NoExecute');
const taint: fc.Arbitrary<Taint> = fc.record({ key: oneOf('t', 'u'), value: oneOf('x', 'y', ''), effect });
const toleration: fc.Arbitrary<Toleration> = fc.oneof(
  fc.record({ key: oneOf('t', 'u'), operator: fc.constant('Equal'), value: oneOf('x', 'y'), effect: rarely(effect, 0.5) }).map(tidy), // prettier-ignore
  fc.record({ key: oneOf('t', 'u'), operator: fc.constant('Exists'), effect: rarely(effect, 0.5) }).map(tidy),
  fc.record({ operator: fc.constant('Exists'), effect: rarely(effect, 0.7) }).map(tidy),
  fc.constant({ key: 'node.kubernetes.io/unschedulable', operator: 'Exists' }),
);
const amounts = (share: number): fc.Arbitrary<Record<string, string>> =>
  fc.record({
    cpu: rarely(oneOf('100m', '250m', '500m', '1', '1500m', '0'), share),
    memory: rarely(oneOf('64Mi', '200Mi', '1Gi', '1500M', '3Gi', '0'), share),
    'ephemeral-storage': rarely(oneOf('1Gi', '10Gi'), 0.05),
    'example.com/gpu': rarely(oneOf('1', '2'), 0.05),
  }).map(tidy) as fc.Arbitrary<Record<string, string>>; // prettier-ignore
const port = fc.record({ containerPort: fc.constant(80), hostPort: oneOf(80, 81), hostIP: rarely(oneOf('127.0.0.1', '0.0.0.0'), 0.3), protocol: oneOf('TCP', 'UDP') }).map(tidy); // prettier-ignore
const container = (share: number): fc.Arbitrary<Omit<Container, 'name'>> =>
  fc.record({
    image: oneOf(...IMAGES, 'absent'),
    resources: amounts(share).map((requests) => (Object.keys(requests).length === 0 ? undefined : { requests })),
    ports: rarely(few(port), 0.15),
  }).map(tidy) as fc.Arbitrary<Omit<Container, 'name'>>; // prettier-ignore

const selector: fc.Arbitrary<LabelSelector> = fc.oneof(
  { weight: 5, arbitrary: oneOf(...APPS).map((app) => ({ matchLabels: { app } })) },
  { weight: 2, arbitrary: fc.record({ operator: oneOf('In', 'NotIn'), values: few(oneOf(...APPS)) }).map((e) => ({ matchExpressions: [{ key: 'app', ...e }] })) }, // prettier-ignore
  { weight: 1, arbitrary: oneOf('Exists', 'DoesNotExist').map((operator) => ({ matchExpressions: [{ key: 'tier', operator }] })) }, // prettier-ignore
  { weight: 1, arbitrary: fc.constant({}) },
);
const nodeTerm: fc.Arbitrary<NodeSelectorTerm> = fc.oneof(
  { weight: 6, arbitrary: few(fc.oneof(
    fc.record({ key: oneOf('disk', ZONE, 'rack'), operator: oneOf('In', 'NotIn'), values: few(oneOf('ssd', 'hdd', 'z1', 'z2', 'r1')) }),
    fc.record({ key: oneOf('disk', 'rack'), operator: oneOf('Exists', 'DoesNotExist') }),
    fc.record({ key: fc.constant('cores'), operator: oneOf('Gt', 'Lt'), values: oneOf('2', '8').map((v) => [v]) }),
  )).map((matchExpressions) => ({ matchExpressions })) },
  { weight: 1, arbitrary: fc.record({ operator: oneOf('In', 'NotIn'), n: fc.nat(7) }).map(({ operator, n }) => ({ matchFields: [{ key: 'metadata.name', operator, values: [`$n${n}`] }] })) },
  { weight: 1, arbitrary: fc.constant({}) },
); // prettier-ignore
const podTerm: fc.Arbitrary<PodAffinityTerm> = fc.record({
  topologyKey: oneOf(...KEYS),
  labelSelector: fc.oneof({ weight: 9, arbitrary: selector }, { weight: 1, arbitrary: fc.constant(undefined) }),
  namespaces: rarely(few(oneOf('$x', '$y')), 0.2),
  namespaceSelector: rarely(oneOf<LabelSelector>({}, { matchLabels: { team: 'x' } }, { matchLabels: { team: 'y' } }), 0.2), // prettier-ignore
}).map(tidy) as fc.Arbitrary<PodAffinityTerm>; // prettier-ignore
const weight = oneOf(1, 10, 50, 100);
const podTerms = (requires: number, prefers: number) =>
  fc.record({
    requiredDuringSchedulingIgnoredDuringExecution: rarely(few(podTerm), requires),
    preferredDuringSchedulingIgnoredDuringExecution: rarely(few(fc.record({ weight, podAffinityTerm: podTerm })), prefers),
  }).map(tidy); // prettier-ignore
const nodeTerms = fc.record({
  requiredDuringSchedulingIgnoredDuringExecution: rarely(few(nodeTerm, 3).map((nodeSelectorTerms) => ({ nodeSelectorTerms })), 0.25), // prettier-ignore
  preferredDuringSchedulingIgnoredDuringExecution: rarely(few(fc.record({ weight, preference: nodeTerm }), 3), 0.6),
}).map(tidy); // prettier-ignore
const affinity = (share: number): fc.Arbitrary<Affinity> =>
  fc.record({
    nodeAffinity: rarely(nodeTerms, share),
    podAffinity: rarely(podTerms(0.2, 0.5), share),
    podAntiAffinity: rarely(podTerms(0.3, 0.5), share),
  }).map(tidy) as fc.Arbitrary<Affinity>; // prettier-ignore
const spread: fc.Arbitrary<TopologySpreadConstraint> = fc.record({
  maxSkew: oneOf(1, 2, 3),
  topologyKey: oneOf(...KEYS),
  whenUnsatisfiable: oneOf('DoNotSchedule', 'ScheduleAnyway'),
  labelSelector: fc.oneof({ weight: 9, arbitrary: selector }, { weight: 1, arbitrary: fc.constant(undefined) }),
  minDomains: rarely(oneOf(2, 3), 0.2),
  nodeAffinityPolicy: rarely(oneOf('Honor', 'Ignore')),
  nodeTaintsPolicy: rarely(oneOf('Honor', 'Ignore')),
  matchLabelKeys: rarely(oneOf(['tier'], ['absent']), 0.15),
}).map((c) => tidy(c.whenUnsatisfiable === 'DoNotSchedule' ? c : { ...c, minDomains: undefined })) as fc.Arbitrary<TopologySpreadConstraint>; // prettier-ignore

const labels = fc.record({ app: rarely(oneOf(...APPS), 0.9), tier: rarely(oneOf('web', 'db'), 0.4) }).map(tidy) as fc.Arbitrary<Record<string, string>>; // prettier-ignore
const priority = oneOf(0, 0, 0, 10, 100, -5);
const podBase = (o: { readonly share: number; readonly requests: number }) => ({
  labels,
  namespace: oneOf('x', 'x', 'y'),
  containers: few(container(o.requests)),
  initContainers: rarely(few(fc.record({ always: fc.boolean(), container: container(0.5) })), 0.12),
  overhead: rarely(fc.constant({ cpu: '100m', memory: '100Mi' }), 0.08),
  affinity: rarely(affinity(0.5), o.share),
  priority,
});
const placed = fc.record({
  ...podBase({ share: 0.3, requests: 0.7 }),
  node: fc.nat(7),
  terminating: rarely(fc.constant(true), 0.08),
});
const pending = fc.record({
  ...podBase({ share: 0.7, requests: 0.8 }),
  priority: oneOf(0, 0, 10, 1000),
  tolerations: rarely(few(toleration), 0.4),
  nodeSelector: rarely(oneOf<Record<string, string>>({ disk: 'ssd' }, { [ZONE]: 'z1' }, { disk: 'hdd', rack: 'r1' }), 0.08), // prettier-ignore
  topologySpreadConstraints: rarely(few(spread, 3), 0.35),
  preemptionPolicy: rarely(oneOf('Never', 'PreemptLowerPriority')),
  owned: rarely(fc.constant(true), 0.2),
  /** Instead of the containers', which it must not fall short of. */
  resources: rarely(amounts(0.7), 0.08),
});
const node = fc.record({
  zone: rarely(oneOf('z1', 'z2', 'z3'), 0.85),
  rack: rarely(oneOf('r1', 'r2'), 0.6),
  disk: rarely(oneOf('ssd', 'hdd'), 0.6),
  cores: rarely(oneOf('2', '4', '16', 'many'), 0.5),
  taints: rarely(few(taint), 0.22),
  unschedulable: rarely(fc.constant(true), 0.05),
  isReady: rarely(fc.constant(false), 0.04),
  allocatable: fc.record({
    cpu: oneOf('1', '2', '2', '4', '3800m'),
    memory: oneOf('2Gi', '4Gi', '8Gi', '7500M'),
    pods: oneOf('110', '110', '110', '3'),
    'ephemeral-storage': rarely(oneOf('5Gi', '100Gi'), 0.5),
    'example.com/gpu': rarely(oneOf('1', '2', '0'), 0.3),
  }).map(tidy) as fc.Arbitrary<Record<string, string>>,
  images: rarely(fc.subarray([...IMAGES]), 0.5),
}); // prettier-ignore
const SIZES: Record<string, number> = { 'big:v1': 900_000_000, 'small:v1': 30_000_000, plain: 400_000_000 };

type Placed = Partial<Omit<ReturnType<typeof placed.generate>['value'], 'namespace' | 'priority'>>;
type Node_ = ReturnType<typeof node.generate>['value'];

/** Clusters of one to eight nodes. Whatever its index, the same cluster but for the prefix of its names. */
export const clusters: fc.Arbitrary<(index: number) => Cluster> = fc.record({
  nodes: fc.array(node, { minLength: 1, maxLength: 8, size: 'max' }),
  pods: fc.array(placed, { maxLength: 12, size: 'max' }),
  pod: pending,
  service: rarely(selector.filter((s) => s.matchLabels !== undefined), 0.3),
  budgets: rarely(few(fc.record({ app: oneOf(...APPS), namespace: oneOf('x', 'y'), allowed: oneOf(0, 1) })), 0.2),
  storage,
}).map((drawn) => (index: number): Cluster => {
  const prefix = prefixOf(index);
  const nodes = drawn.nodes.map((n, i) => aNode(`${prefix}n${i}`, n));
  const name = <T>(value: T): T => JSON.parse(JSON.stringify(value).replaceAll(/"\$(\w+)"/g, `"${prefix}$1"`)) as T;
  const taken = new Set<string>();
  const pods = drawn.pods.map((drawnPod, i): Pod => {
    const on = nodes[drawnPod.node % nodes.length]!;
    const p = withoutPorts(drawnPod, on.metadata.name!, taken);
    const pod = aPod(`p${i}`, prefix, p, { nodeName: on.metadata.name! });
    // Of two that began at once nobody knows which one is spared.
    const startTime = `2026-01-01T00:${10 + ((i * 7 + drawn.pods.length) % 50)}:00Z`;
    return { ...pod, metadata: { ...pod.metadata, ...(p.terminating && { deletionTimestamp: '2026-01-01T01:00:00Z', deletionGracePeriodSeconds: 30 }) }, status: { phase: 'Running', startTime } }; // prettier-ignore
  });
  const { owned, tolerations, nodeSelector, topologySpreadConstraints, preemptionPolicy, resources } = drawn.pod;
  const requests = resources && Object.fromEntries(Object.entries(resources).filter(([key]) => key === 'cpu' || key === 'memory')); // prettier-ignore
  const pending = withoutPorts(drawn.pod, '', taken);
  const asks = requests === undefined ? pending : { ...pending, containers: pending.containers.map(({ image }) => ({ image })), initContainers: undefined }; // prettier-ignore
  const pod = aPod('pending', prefix, asks, tidy({ tolerations, nodeSelector, topologySpreadConstraints, preemptionPolicy, resources: requests && { requests } })); // prettier-ignore
  const namespace = pod.metadata.namespace!;
  const app = pod.metadata.labels?.['app'];
  const isOwned = owned === true && app !== undefined;
  if (isOwned) pod.metadata.ownerReferences = [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'rs', uid: `${prefix}rs`, controller: true }]; // prettier-ignore
  const beside: Record<string, KubeObject[]> = {
    [PLACES.namespaces]: ['x', 'y'].map((team) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: prefix + team, labels: { team } } })), // prettier-ignore
    [PLACES.services]: drawn.service === undefined ? [] : [object('v1', 'Service', { name: 's', namespace }, { spec: { selector: drawn.service.matchLabels } })], // prettier-ignore
    [PLACES.replicaSets]: isOwned ? [object('apps/v1', 'ReplicaSet', { name: 'rs', namespace }, { spec: { selector: { matchLabels: { app } } } })] : [], // prettier-ignore
    [PLACES.budgets]: (drawn.budgets ?? []).map((b, i) => object('policy/v1', 'PodDisruptionBudget', { name: `b${i}`, namespace: prefix + b.namespace }, { spec: { selector: { matchLabels: { app: b.app } } }, status: { disruptionsAllowed: b.allowed } })), // prettier-ignore
  };
  return withStorage(name({ nodes, pods, pod, beside }), drawn.storage, prefix);
}); // prettier-ignore

/** Clusters that a seed decides. */
export const sampleClusters = (seed: number, count: number): readonly Cluster[] =>
  fc.sample(clusters, { seed, numRuns: count }).map((make, i) => make(i));

export function object(apiVersion: string, kind: string, metadata: { name: string; namespace?: string; labels?: Record<string, string>; annotations?: Record<string, string> }, rest: object): KubeObject {
  return { apiVersion, kind, metadata: { ...metadata, uid: `${metadata.namespace ?? ''}${metadata.name}` }, ...rest };
} // prettier-ignore
/** No two of a node have the same host port; those that would do not ask for any. */
function withoutPorts<P extends { readonly containers: readonly Omit<Container, 'name'>[] }>(pod: P, node: string, taken: Set<string>): P {
  const containers = pod.containers.map(({ ports, ...container }) => {
    const free = ports?.filter(({ hostPort, protocol }) => {
      const key = `${node} ${hostPort} ${protocol}`;
      return !taken.has(key) && taken.add(key);
    });
    return free === undefined ? container : { ...container, ports: free };
  });
  return { ...pod, containers, ...('initContainers' in pod && { initContainers: withoutAny(pod.initContainers as Inits) }) };
} // prettier-ignore
type Inits = readonly { readonly container: Omit<Container, 'name'> }[] | undefined;
const withoutAny = (inits: Inits): Inits => inits?.map((init) => ({ ...init, container: tidy({ ...init.container, ports: undefined }) as typeof init.container })); // prettier-ignore
function aNode(name: string, n: Node_): Node {
  const taints: Taint[] = [...(n.taints ?? [])].filter((t, i, all) => all.findIndex((o) => o.key === t.key && o.effect === t.effect) === i); // prettier-ignore
  if (n.unschedulable) taints.push({ key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' });
  if (n.isReady === false) taints.push({ key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' });
  const images = n.images?.map((image) => ({ names: [image.includes(':') ? image : `${image}:latest`], sizeBytes: SIZES[image]! })); // prettier-ignore
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, uid: name, labels: tidy({ [HOSTNAME]: name, [ZONE]: n.zone, rack: n.rack, disk: n.disk, cores: n.cores }) as Record<string, string> }, // prettier-ignore
    spec: tidy({ taints: taints.length > 0 ? taints : undefined, unschedulable: n.unschedulable }),
    status: tidy({ allocatable: n.allocatable, capacity: n.allocatable, images, conditions: [{ type: 'Ready', status: n.isReady === false ? 'False' : 'True' }] }), // prettier-ignore
  };
}
function aPod(
  name: string,
  prefix: string,
  p: Placed & { readonly namespace: string; readonly priority: number },
  spec: Partial<PodSpec>,
): Pod {
  const initContainers = p.initContainers?.map((c, i) => tidy({ name: `i${i}`, ...c.container, restartPolicy: c.always ? 'Always' : undefined })); // prettier-ignore
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: prefix + p.namespace, uid: prefix + name, labels: { ...p.labels } },
    spec: {
      schedulerName: 'default-scheduler',
      containers: p.containers!.map((c, i) => ({ name: `c${i}`, ...c })),
      ...tidy({ initContainers, overhead: p.overhead, affinity: p.affinity, priority: p.priority }),
      ...spec,
    },
    status: { phase: 'Pending' },
  };
}
