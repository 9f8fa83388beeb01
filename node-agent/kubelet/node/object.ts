import type { Node, NodeAddress, NodeCondition, NodeStatus, Taint } from '../../../schemas/generated/core-v1.ts';
import type { Image } from '../../runtime/interface.ts';

/** One node as whoever starts it describes it. */
export interface NodeSpec {
  readonly name: string;
  /** Range of its pods' addresses, `10.244.3.0/24`; undefined: the cluster hands one out. A Node that has one keeps it. */
  readonly podCIDR?: string | undefined;
  readonly ip?: string | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly taints?: readonly Taint[] | undefined;
  /**
   * `external`: a cloud says where it is and what its addresses are, and no pod comes before that. Source: kubelet
   * --cloud-provider.
   */
  readonly cloudProvider?: 'external' | undefined;
  /** Default `{ cpu: '4', memory: '16Gi', 'ephemeral-storage': '100Gi', pods: '110' }`. */
  readonly capacity?: Readonly<Record<string, string>> | undefined;
}
export const CAPACITY: Readonly<Record<string, string>> = {
  cpu: '4',
  'ephemeral-storage': '104857600Ki',
  'hugepages-2Mi': '0',
  memory: '16777216Ki',
  pods: '110',
};
const VERSION = 'v1.36.3';

export interface NodeFacts {
  readonly spec: NodeSpec;
  readonly ip: string;
  readonly podCIDR: string | undefined;
  /** `containerd://2.2.1`. */
  readonly runtime: string;
  /** 32 hex digits, the same for every start of this node. */
  readonly machineID: string;
  readonly bootID: string;
  /** `amd64`, `arm64`. */
  readonly architecture: string;
}
/** The Node object a kubelet registers. */
export function nodeObject(facts: NodeFacts, now: string): Node {
  const { spec } = facts;
  const taints = [...(spec.taints ?? []), ...(isOfCloud(spec) ? [UNINITIALIZED] : [])];
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: spec.name,
      labels: nodeLabels(facts),
      annotations: { 'volumes.kubernetes.io/controller-managed-attach-detach': 'true' },
    },
    spec: {
      ...(facts.podCIDR !== undefined && { podCIDR: facts.podCIDR, podCIDRs: [facts.podCIDR] }),
      ...(taints.length > 0 && { taints }),
    },
    status: { ...nodeStatus(facts, [], [], now), addresses: addressesOf(facts) },
  };
}
const isOfCloud = ({ cloudProvider }: NodeSpec): boolean => cloudProvider === 'external';
/** Source: k8s.io/cloud-provider/api TaintExternalCloudProvider, kubelet initialNode. */
const UNINITIALIZED: Taint = { key: 'node.cloudprovider.kubernetes.io/uninitialized', value: 'true', effect: 'NoSchedule' }; // prettier-ignore
/** Where a cloud knows the address the node knows its name alone. Source: kubelet nodestatus.NodeAddress. */
const addressesOf = ({ spec, ip }: NodeFacts): NodeAddress[] => [
  ...(isOfCloud(spec) ? [] : [{ type: 'InternalIP', address: ip }]),
  { type: 'Hostname', address: spec.name },
];
export const nodeLabels = ({ spec, architecture }: NodeFacts): Record<string, string> => ({
  'beta.kubernetes.io/arch': architecture,
  'beta.kubernetes.io/os': 'linux',
  'kubernetes.io/arch': architecture,
  'kubernetes.io/hostname': spec.name,
  'kubernetes.io/os': 'linux',
  ...spec.labels,
});
/** Source: kubelet defaultNodeStatusFuncs. `old`: the conditions written before, for their transition times. */
export function nodeStatus(
  facts: NodeFacts,
  images: readonly Image[],
  old: readonly NodeCondition[],
  now: string,
): NodeStatus {
  // prettier-ignore
  const resources = { ...CAPACITY, ...facts.spec.capacity };
  const condition = (type: string, status: 'True' | 'False', reason: string, message: string): NodeCondition => {
    const before = old.find((c) => c.type === type);
    const since = before?.status === status ? (before.lastTransitionTime ?? now) : now;
    return { type, status, lastHeartbeatTime: now, lastTransitionTime: since, reason, message };
  };
  return {
    // What a cloud has said of them stays.
    ...(!isOfCloud(facts.spec) && { addresses: addressesOf(facts) }),
    allocatable: resources,
    capacity: resources,
    conditions: [
      condition('MemoryPressure', 'False', 'KubeletHasSufficientMemory', 'kubelet has sufficient memory available'),
      condition('DiskPressure', 'False', 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure'),
      condition('PIDPressure', 'False', 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'),
      condition('Ready', 'True', 'KubeletReady', 'kubelet is posting ready status'),
    ],
    daemonEndpoints: { kubeletEndpoint: { Port: 10250 } },
    // Changes of a pod that the API server lets through to this node. Source: component-helpers nodedeclaredfeatures.
    declaredFeatures: ['InPlacePodLevelResourcesVerticalScaling', 'InPlacePodVerticalScalingInitContainers'],
    ...(images.length > 0 && {
      images: images
        .toSorted((a, b) => b.sizeBytes - a.sizeBytes)
        .slice(0, MAX_IMAGES)
        .map((image) => ({ names: [image.id, image.name], sizeBytes: image.sizeBytes })),
    }),
    nodeInfo: {
      architecture: facts.architecture,
      bootID: facts.bootID,
      containerRuntimeVersion: facts.runtime,
      kernelVersion: '6.12.0-kubus',
      kubeProxyVersion: '',
      kubeletVersion: VERSION,
      machineID: facts.machineID,
      operatingSystem: 'linux',
      osImage: 'Kubus simulated node',
      systemUUID: facts.machineID.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'),
    },
  };
}
/** Source: KubeletConfiguration nodeStatusMaxImages. */
const MAX_IMAGES = 50;

/** Stable stand-in for /etc/machine-id. */
export function machineIDOf(name: string): string {
  let out = '';
  for (let i = 0; out.length < 32; i++) {
    let h = 0x811c9dc5;
    for (const char of `${i}/${name}`) h = Math.imul(h ^ char.codePointAt(0)!, 0x01000193);
    out += (h >>> 0).toString(16).padStart(8, '0');
  }
  return out;
}
