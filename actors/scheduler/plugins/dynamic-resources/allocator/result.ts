import type { NodeSelector, NodeSelectorRequirement } from '../../../../../schemas/generated/core-v1.ts';
import type {
  AllocationResult,
  DeviceAllocationConfiguration,
  DeviceRequestAllocationResult,
  ResourceClaim,
} from '../../../../../schemas/generated/resource-v1.ts';
import { alternatives } from './requests.ts';
import type { Chosen } from './search.ts';
import { Unsound } from './soundness.ts';
import type { Surroundings } from './devices.ts';

/** What is written into a claim's status. Source: structured/internal/incubating Allocate. */
export function resultOf(claim: ResourceClaim, chosen: readonly Chosen[], node: string, around: Surroundings): AllocationResult {
  const config = configOf(claim, chosen, around);
  const nodeSelector = nodeSelectorOf(claim, chosen, node);
  return {
    devices: {
      ...(chosen.length > 0 && { results: chosen.map(deviceOf) }),
      ...(config.length > 0 && { config }),
    },
    ...(nodeSelector && { nodeSelector }),
  };
} // prettier-ignore
function deviceOf({ wanted: { request }, candidate, share }: Chosen): DeviceRequestAllocationResult {
  const { bindingConditions, bindingFailureConditions, name } = candidate.device;
  const hasConsumed = share !== undefined && Object.keys(share.consumed).length > 0;
  return {
    request: request.name,
    driver: candidate.driver,
    pool: candidate.pool.name,
    device: name,
    ...(request.adminAccess && { adminAccess: true }),
    ...(request.tolerations && { tolerations: request.tolerations }),
    ...(bindingConditions && { bindingConditions }),
    ...(bindingFailureConditions && { bindingFailureConditions }),
    ...(share && { shareID: share.id }),
    ...(hasConsumed && { consumedCapacity: { ...share.consumed } }),
  };
}
/** Of each class once, with the requests that it was chosen for; then those of the claim that say something of a request. */
function configOf(claim: ResourceClaim, chosen: readonly Chosen[], around: Surroundings): DeviceAllocationConfiguration[] {
  const all: DeviceAllocationConfiguration[] = [];
  const ofClass = new Map<string, DeviceAllocationConfiguration[]>();
  const { requests = [], config = [] } = claim.spec.devices ?? {};
  // Which of its alternatives a request has become; without a device (of all there are none) there would be no result.
  const picked = requests.map((request) => {
    const names = alternatives(request);
    return names.find(({ name }) => chosen.some((one) => one.wanted.request.name === name)) ?? names[0]!;
  });
  for (const request of picked) {
    const known = ofClass.get(request.deviceClassName);
    if (known !== undefined) {
      for (const one of known) one.requests!.push(request.name);
      continue;
    }
    const its = (around.deviceClass(request.deviceClassName)?.spec.config ?? []).map((one) => ({
      source: 'FromClass' as const,
      requests: [request.name],
      ...one,
    }));
    ofClass.set(request.deviceClassName, its);
    all.push(...its);
  }
  for (const one of config) {
    const own = { source: 'FromClaim' as const, ...one };
    if (one.requests === undefined || one.requests.length === 0) all.push(own);
    else
      for (const request of picked)
        if (one.requests.includes(request.base) || one.requests.includes(request.name)) all.push(own);
  }
  return all;
} // prettier-ignore
/** Where the devices can be reached, all together; undefined: everywhere. */
function nodeSelectorOf(claim: ResourceClaim, chosen: readonly Chosen[], node: string): NodeSelector | undefined {
  const matchFields: NodeSelectorRequirement[] = [];
  const matchExpressions: NodeSelectorRequirement[] = [];
  for (const { candidate } of chosen) {
    const { spec } = candidate.slice;
    const { nodeName, nodeSelector } = spec.perDeviceNodeSelection === true ? candidate.device : spec;
    if (nodeName !== undefined || candidate.device.bindsToNode === true)
      return { nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [node] }] }] };
    const terms = nodeSelector?.nodeSelectorTerms ?? [];
    if (terms.length > 1)
      throw new Unsound(
        `create NodeSelector for claim ${claim.metadata.name}: unsupported ResourceSlice.NodeSelector with ${terms.length} terms`,
      );
    addNew(matchFields, terms[0]?.matchFields);
    // As upstream has it, though only fields called so would ever be the same.
    addNew(matchExpressions, terms[0]?.matchExpressions);
  }
  if (matchFields.length + matchExpressions.length === 0) return undefined;
  const term = {
    ...(matchFields.length > 0 && { matchFields }),
    ...(matchExpressions.length > 0 && { matchExpressions }),
  };
  return { nodeSelectorTerms: [term] };
}
function addNew(to: NodeSelectorRequirement[], from: readonly NodeSelectorRequirement[] = []): void {
  const same = (a: NodeSelectorRequirement, b: NodeSelectorRequirement): boolean =>
    a.key === b.key && a.operator === b.operator && isSubset(a.values, b.values) && isSubset(b.values, a.values);
  for (const one of from) if (!to.some((known) => same(known, one))) to.push(one);
}
const isSubset = (a: readonly string[] = [], b: readonly string[] = []): boolean => a.every((one) => b.includes(one));
