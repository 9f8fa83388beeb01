import type { ResourceClaim } from '../../../schemas/generated/resource-v1.ts';
import type { Registry, Sample } from '../../runtime/metrics/registry.ts';
import { POD_CLAIM } from './reconcile-pod.ts';

const EXTENDED = 'resource.kubernetes.io/extended-resource-claim';
const adminAccess = ({ spec }: ResourceClaim): string =>
  String(spec?.devices?.requests?.some(({ exactly }) => exactly?.adminAccess === true) ?? false);
const sourceOf = ({ metadata: { annotations = {} } }: ResourceClaim): string =>
  annotations[EXTENDED] === 'true' ? 'extended_resource' : annotations[POD_CLAIM] ? 'resource_claim_template' : '';

/** What is told of claims; returns what counts one that was to be made. Source: pkg/controller/resourceclaim/metrics. */
export function claimMetrics(registry: Registry | undefined, claims: () => Iterable<ResourceClaim>): (claim: ResourceClaim, status: 'success' | 'failure') => void {
  if (registry === undefined) return () => undefined;
  const of = (what: string, help: string) => ({ name: `resourceclaim_controller_${what}`, stability: 'ALPHA', help }) as const;
  registry.gauge(of('resource_claims', "Number of ResourceClaims, categorized by allocation status, admin access, and source. Source can be 'resource_claim_template' (created from a template), 'extended_resource' (extended resources), or empty (manually created by a user)."), function* (): Iterable<Sample> {
    for (const claim of claims())
      yield [{ admin_access: adminAccess(claim), allocated: String(claim.status?.allocation !== undefined), source: sourceOf(claim) }, 1];
  });
  const creates = registry.counter(of('creates_total', 'Number of ResourceClaims creation requests, categorized by creation status and admin access'));
  return (claim, status) => creates.add({ admin_access: adminAccess(claim), status });
} // prettier-ignore
