import type { ServiceCIDR } from '../../../schemas/generated/networking-v1.ts';
import type { GroupVersionResource, KubeObject } from '../../../schemas/meta/object.ts';
import { formatTime } from '../../../schemas/meta/time.ts';
import type { Decision, Intent } from '../../runtime/intent.ts';
import { timeOf } from '../../runtime/time.ts';
import { containingAddress, containingRange, isAllocated, rangesOf, type Found } from './ranges.ts';

export const serviceCidrs: GroupVersionResource = {
  group: 'networking.k8s.io',
  version: 'v1',
  resource: 'servicecidrs',
};
export const ipAddresses: GroupVersionResource = { ...serviceCidrs, resource: 'ipaddresses' };

const FINALIZER = 'networking.k8s.io/service-cidr-finalizer';
const MANAGER = 'service-cidr-controller';
/** Until then every API server has heard that the ranges go, and gives none of their addresses any more. */
const GRACE_MS = 10_000;

export interface Observed {
  readonly cidr: ServiceCIDR;
  /** Of the cluster, this one too. */
  readonly all: readonly ServiceCIDR[];
  /** Of which the metadata is enough. */
  readonly addresses: () => Iterable<KubeObject>;
}

/**
 * Says that the ranges of a ServiceCIDR can be used; one that is being deleted is kept until no address is left that only it
 * could have given. Source: pkg/controller/servicecidrs.
 */
export function reconcile({ cidr, all, addresses }: Observed, now: number): Decision {
  const { deletionTimestamp, finalizers = [] } = cidr.metadata;
  const isHeld = finalizers.includes(FINALIZER);
  if (deletionTimestamp === undefined || deletionTimestamp === null) {
    const ready = condition(cidr, 'True', '', 'Kubernetes Service CIDR is ready', now);
    return { intents: [...(isHeld ? [] : [finalize(cidr, { finalizers: [FINALIZER] })]), ...ready] };
  }
  if (!canGo(cidr, all, addresses))
    return {
      intents: condition(
        cidr,
        'False',
        'Terminating',
        'There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR',
        now,
      ),
    };
  const rest = (timeOf(deletionTimestamp) ?? now) + GRACE_MS - now;
  if (rest > 0) return { intents: [], requeueAfterMs: rest };
  return { intents: isHeld ? [finalize(cidr, { '$deleteFromPrimitiveList/finalizers': [FINALIZER] })] : [] };
}

function canGo(cidr: ServiceCIDR, all: readonly ServiceCIDR[], addresses: Observed['addresses']): boolean {
  const { name = '' } = cidr.metadata;
  /**
   * Whether another stays for what this one would leave behind. One that is being deleted too does if it has the wider
   * range: Kubernetes lets two go that have only each other, and their addresses are nobody's then.
   */
  const isKept = (found: readonly Found[]): boolean => {
    const own = found.find((one) => one.cidr.metadata.name === name)?.bits ?? 0;
    return found.some(({ cidr: { metadata }, bits }) => {
      if (metadata.name === name) return false;
      return !metadata.deletionTimestamp || bits < own || (bits === own && metadata.name! > name);
    });
  };
  if (rangesOf(cidr).every((range) => isKept(containingRange(all, range)))) return true;
  for (const address of addresses()) {
    if (!isAllocated(address)) continue;
    const givers = containingAddress(all, address);
    if (givers.some((one) => one.cidr.metadata.name === name) && !isKept(givers)) return false;
  }
  return true;
}

const finalize = ({ metadata }: ServiceCIDR, patch: object): Intent => ({
  op: 'patch',
  gvr: serviceCidrs,
  namespace: undefined,
  name: metadata.name!,
  type: 'strategic',
  patch: { metadata: patch },
  tolerate: ['NotFound'],
});
function condition(
  { metadata, status }: ServiceCIDR,
  is: 'True' | 'False',
  reason: string,
  message: string,
  now: number,
): readonly Intent[] {
  const present = status?.conditions?.find(({ type }) => type === 'Ready');
  if (present?.status === is && (present.reason ?? '') === reason && present.message === message) return [];
  const ready = { type: 'Ready', status: is, lastTransitionTime: formatTime(now), reason, message };
  const { name } = metadata;
  return [
    {
      op: 'patch',
      gvr: serviceCidrs,
      namespace: undefined,
      name: name!,
      type: 'apply',
      subresource: 'status',
      fieldManager: MANAGER,
      force: true,
      patch: {
        apiVersion: 'networking.k8s.io/v1',
        kind: 'ServiceCIDR',
        metadata: { name },
        status: { conditions: [ready] },
      },
    },
  ];
}
