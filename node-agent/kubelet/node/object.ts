import { isExtended } from '../../../schemas/core/resource-names.ts';
import type { Node, NodeAddress, NodeStatus, Taint } from '../../../schemas/generated/core-v1.ts';
import { equal } from '../../../schemas/meta/equal.ts';
import { compareQuantities, subtractQuantities } from '../../../schemas/meta/quantity.ts';
import type { Image } from '../../runtime/interface.ts';
import { nodeConditions, WELL, type NodeHealth, type RuntimeAbilities } from './health.ts';
import type { Machine } from './machine-facts.ts';

/** One node as whoever starts it describes it. */
export interface NodeSpec {
  readonly name: string;
  /** Range of its pods' addresses, `10.244.3.0/24`; undefined: the cluster hands one out. A Node that has one keeps it. */
  readonly podCIDR?: string | undefined;
  readonly ip?: string | undefined;
  /** Of the other family. */
  readonly secondIP?: string | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly taints?: readonly Taint[] | undefined;
  /**
   * `external`: a cloud says where it is and what its addresses are, and no pod comes before that. Source: kubelet
   * --cloud-provider.
   */
  readonly cloudProvider?: 'external' | undefined;
  /** `ip` is where the node is, and a cloud is to know it. Source: kubelet --node-ip. */
  readonly knowsIP?: boolean | undefined;
  /** Instead of what the machine has; of simulated nodes `{ cpu: '4', memory: '16Gi', 'ephemeral-storage': '100Gi', pods: '110' }`. */
  readonly capacity?: Readonly<Record<string, string>> | undefined;
}
const VERSION = 'v1.36.3';
/** Source: kubelet config v1beta1 port. */
const KUBELET_PORT = 10_250;

export interface NodeFacts {
  readonly spec: NodeSpec;
  readonly ip: string;
  readonly podCIDR: string | undefined;
  /** `containerd://2.2.1`. */
  readonly runtime: string;
  readonly machine: Machine;
}
/** The Node object a kubelet registers. */
export function nodeObject(facts: NodeFacts, health: NodeHealth, now: string): Node {
  const { spec } = facts;
  const taints = [...(spec.taints ?? []), ...(isOfCloud(spec) ? [UNINITIALIZED] : [])];
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: spec.name,
      labels: nodeLabels(facts),
      annotations: {
        'volumes.kubernetes.io/controller-managed-attach-detach': 'true',
        ...(isOfCloud(spec) && spec.knowsIP && { [PROVIDED_IP]: ipsOf(facts).join(',') }),
      },
    },
    spec: {
      ...(facts.podCIDR !== undefined && { podCIDR: facts.podCIDR, podCIDRs: [facts.podCIDR] }),
      ...(taints.length > 0 && { taints }),
    },
    status: { ...nodeStatus(facts, { health, now }), addresses: addressesOf(facts) },
  };
}
/** Source: k8s.io/cloud-provider/api AnnotationAlphaProvidedIPAddr. */
const PROVIDED_IP = 'alpha.kubernetes.io/provided-node-ip';
const isOfCloud = ({ cloudProvider }: NodeSpec): boolean => cloudProvider === 'external';
/** Source: k8s.io/cloud-provider/api TaintExternalCloudProvider, kubelet initialNode. */
const UNINITIALIZED: Taint = { key: 'node.cloudprovider.kubernetes.io/uninitialized', value: 'true', effect: 'NoSchedule' }; // prettier-ignore
/** Where only a cloud knows the address the node knows its name alone. Source: kubelet nodestatus.NodeAddress. */
const addressesOf = (facts: NodeFacts): NodeAddress[] => [
  ...(isOfCloud(facts.spec) && !facts.spec.knowsIP ? [] : ipsOf(facts).map((address) => ({ type: 'InternalIP', address }))),
  { type: 'Hostname', address: facts.spec.name },
]; // prettier-ignore
const ipsOf = ({ spec, ip }: NodeFacts): string[] => (spec.secondIP === undefined ? [ip] : [ip, spec.secondIP]);
export const nodeLabels = ({ spec, machine: { architecture } }: NodeFacts): Record<string, string> => ({
  'beta.kubernetes.io/arch': architecture,
  'beta.kubernetes.io/os': 'linux',
  'kubernetes.io/arch': architecture,
  'kubernetes.io/hostname': spec.name,
  'kubernetes.io/os': 'linux',
  ...spec.labels,
});

type Given = Readonly<Record<string, string | number>> | undefined;
/** A null in a patch takes the resource away. */
type Patched = Record<string, string>;
const REMOVED = null as unknown as string;
/** What a node has, and what of it pods may have. Pure. Source: kubelet GetNodeAllocatableReservation. */
export function nodeResources(
  { capacity: has, reserved }: Machine,
  spec: NodeSpec,
): { readonly capacity: Patched; readonly allocatable: Patched } {
  const capacity = { ...has, ...spec.capacity };
  const allocatable: Patched = {};
  for (const [name, amount] of Object.entries(capacity)) {
    const left = reserved[name] === undefined ? amount : subtractQuantities(amount, reserved[name]);
    allocatable[name] = compareQuantities(left, '0') < 0 ? '0' : left;
  }
  // Huge pages that are set aside are no memory for anybody else.
  for (const [name, amount] of Object.entries(capacity))
    if (name.startsWith('hugepages-') && allocatable['memory'] !== undefined && compareQuantities(amount, '0') > 0)
      allocatable['memory'] = subtractQuantities(allocatable['memory'], amount);
  return { capacity, allocatable };
}
/** Capacities that others have written are pods' to use; what they took away again is not. Source: kubelet MachineInfo setter. */
function ofOthers(before: NodeStatus | undefined): Patched {
  const out: Patched = {};
  const capacity: Given = before?.capacity;
  for (const name in capacity) if (isExtended(name)) out[name] = String(capacity[name]);
  for (const name in before?.allocatable) if (isExtended(name) && capacity?.[name] === undefined) out[name] = REMOVED;
  return out;
}
export interface StatusInput {
  readonly health?: NodeHealth | undefined;
  readonly images?: readonly Image[] | undefined;
  /** As it was written before, by whomever. */
  readonly before?: NodeStatus | undefined;
  readonly now: string;
}
/** What a kubelet writes of its node, a strategic merge patch of what is there. Pure. Source: kubelet defaultNodeStatusFuncs. */
export function nodeStatus(facts: NodeFacts, o: StatusInput): NodeStatus {
  const { machine } = facts;
  const images = o.images ?? [];
  const { capacity, allocatable } = nodeResources(machine, facts.spec);
  return {
    // What a cloud has said of them stays.
    ...(!isOfCloud(facts.spec) && { addresses: addressesOf(facts) }),
    allocatable: { ...allocatable, ...ofOthers(o.before) },
    capacity,
    conditions: nodeConditions(o.health ?? WELL, o.before?.conditions ?? [], o.now),
    daemonEndpoints: { kubeletEndpoint: { Port: machine.kubeletPort ?? KUBELET_PORT } },
    declaredFeatures: DECLARED_FEATURES,
    ...abilitiesOf(o.health?.runtime, o.before),
    ...(images.length > 0 && {
      images: images
        .toSorted((a, b) => b.sizeBytes - a.sizeBytes)
        .slice(0, MAX_IMAGES)
        .map((image) => ({ names: [image.id, image.name], sizeBytes: image.sizeBytes })),
    }),
    nodeInfo: {
      architecture: machine.architecture,
      bootID: machine.bootID,
      containerRuntimeVersion: facts.runtime,
      kernelVersion: machine.kernelVersion,
      kubeProxyVersion: '',
      kubeletVersion: VERSION,
      machineID: machine.machineID,
      operatingSystem: 'linux',
      osImage: machine.osImage,
      systemUUID: machine.systemUUID,
      ...(machine.swapBytes > 0 && { swap: { capacity: machine.swapBytes } }),
    },
  };
}
/**
 * What not every kubelet can do; the API server lets changes of a pod through that need them, and the scheduler the pod.
 * Source: component-helpers nodedeclaredfeatures, those that are on by default.
 */
const DECLARED_FEATURES = [
  'ExtendWebSocketsToKubelet',
  'InPlacePodLevelResourcesVerticalScaling',
  'InPlacePodVerticalScalingInitContainers',
  'RestartAllContainersOnContainerExits',
];
/** What the container runtime can do; who says nothing of it keeps what stands there. Source: nodestatus RuntimeHandlers, NodeFeatures. */
function abilitiesOf(runtime: RuntimeAbilities | undefined, before: NodeStatus | undefined): NodeStatus {
  if (runtime === undefined) return {};
  const { runtimeHandlers, features } = runtime;
  const handlers = runtimeHandlers.map(({ name, features: able }) => ({
    name,
    features: {
      recursiveReadOnlyMounts: able?.recursiveReadOnlyMounts ?? false,
      userNamespaces: able?.userNamespaces ?? false,
    },
  }));
  const hadSome = (before?.runtimeHandlers?.length ?? 0) > 0;
  return {
    ...(features && { features: { supplementalGroupsPolicy: features.supplementalGroupsPolicy } }),
    ...((handlers.length > 0 || hadSome) && { runtimeHandlers: handlers }),
  };
}
/** Source: KubeletConfiguration nodeStatusMaxImages. */
const MAX_IMAGES = 50;

/** Whether writing `wanted` would change more than heartbeats. Pure. Source: kubelet nodeStatusHasChanged. */
export function isNews(wanted: NodeStatus, present: NodeStatus | undefined): boolean {
  if (present === undefined) return true;
  const { allocatable, capacity, conditions = [], addresses, ...others } = wanted;
  if (!sameAmounts(allocatable, present.allocatable) || !sameAmounts(capacity, present.capacity)) return true;
  const known = (type: string) => present.conditions?.find((c) => c.type === type);
  if (conditions.some((c) => !equal({ ...c, lastHeartbeatTime: undefined }, { ...known(c.type), lastHeartbeatTime: undefined }))) return true; // prettier-ignore
  // Those that others have added stay.
  if (addresses?.some((address) => !present.addresses?.some((a) => equal(a, address)))) return true;
  return Object.entries(others).some(([field, value]) => !equal(value, present[field as keyof NodeStatus]));
}
function sameAmounts(wanted: Given, present: Given): boolean {
  for (const name in wanted) {
    const [a, b] = [wanted[name], present?.[name]];
    if (
      (a ?? undefined) === undefined ? b !== undefined : b === undefined || (a !== b && compareQuantities(a!, b) !== 0)
    )
      return false;
  }
  return true;
}
