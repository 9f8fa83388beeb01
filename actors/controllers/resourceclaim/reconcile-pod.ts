import type { Pod, PodResourceClaim } from '../../../schemas/generated/core-v1.ts';
import type { ResourceClaim, ResourceClaimTemplate } from '../../../schemas/generated/resource-v1.ts';
import type { Intent } from '../../runtime/intent.ts';
import { claimNameOf, isFor, needsNoClaims, isReservedFor } from '../../runtime/pod-claims.ts';
import { pods, resourceClaims } from '../../runtime/resources.ts';

export const POD_CLAIM = 'resource.kubernetes.io/pod-claim-name';
const FIELD_MANAGER = 'ResourceClaimController';
/** A name has 63 characters, of which the server makes up five. */
const LONGEST_BASE = 57;

export interface ObservedPod {
  readonly pod: Pod;
  /** In the pod's namespace. */
  readonly claim: (name: string) => ResourceClaim | undefined;
  readonly template: (name: string) => ResourceClaimTemplate | undefined;
  /** Claims that the pod owns. */
  readonly owned: Iterable<ResourceClaim>;
}
export interface PodPlan {
  /** Claims to be made; what remains follows when they are seen. */
  readonly creates: readonly { readonly podClaim: string; readonly object: ResourceClaim }[];
  /** Why one cannot be made; those after it are not looked at. */
  readonly failure?: { readonly podClaim: string; readonly message: string };
  readonly intents: readonly Intent[];
}

/**
 * The claims of a pod: those made of templates, told of in its status, and reserved for it where it has a node though the
 * scheduler has not done so. A pod whose containers are over needs none: what was made for it goes, and stays away.
 * Source: pkg/controller/resourceclaim syncPod.
 */
export function reconcilePod({ pod, claim, template, owned }: ObservedPod): PodPlan {
  if (pod.metadata.deletionTimestamp || needsNoClaims(pod)) return { creates: [], intents: [] };
  const mine = [...owned];
  const creates: { podClaim: string; object: ResourceClaim }[] = [];
  const made = new Map<string, string>();
  let isNew = false;
  for (const podClaim of pod.spec?.resourceClaims ?? []) {
    const { name, resourceClaimTemplateName: from } = podClaim;
    if (from === undefined) continue;
    const known = claimNameOf(pod, podClaim);
    if (known === 'notNeeded') continue;
    const recorded = known === 'notYet' ? undefined : claim(known.name);
    if (recorded !== undefined && isFor(pod, recorded)) {
      made.set(name, recorded.metadata.name!);
      continue;
    }
    // One that was made before the pod's status could be written, or the one that stands in for what somebody deleted.
    const found = mine.find(({ metadata }) => metadata.annotations?.[POD_CLAIM] === name);
    const source = found ? undefined : template(from);
    if (found) {
      made.set(name, found.metadata.name!);
      isNew = true;
    } else if (source) creates.push({ podClaim: name, object: claimOf(pod, podClaim, source) });
    else {
      const message = `resource claim template ${JSON.stringify(from)}: resourceclaimtemplate.resource.k8s.io ${JSON.stringify(from)} not found`;
      return { creates, failure: { podClaim: name, message }, intents: [] };
    }
  }
  const intents = isNew && creates.length === 0 ? [statusOf(pod, made)] : [];
  return { creates, intents: [...intents, ...reservations(pod, claim)] };
} // prettier-ignore

/**
 * All of them: with server-side apply, what is left out is taken back. (Upstream applies the new ones alone, and goes round
 * in circles where one of two is deleted and made anew.)
 */
function statusOf({ metadata: { namespace, name } }: Pod, made: ReadonlyMap<string, string>): Intent {
  const resourceClaimStatuses = [...made].map(([podClaim, claim]) => ({ name: podClaim, resourceClaimName: claim }));
  const patch = { apiVersion: 'v1', kind: 'Pod', metadata: { namespace, name }, status: { resourceClaimStatuses } };
  return { op: 'patch', gvr: pods, namespace, name: name!, type: 'apply', patch, subresource: 'status', fieldManager: FIELD_MANAGER, force: true, tolerate: ['NotFound'] }; // prettier-ignore
}
/** The scheduler reserves; for pods that were given a node otherwise this is done here. */
function reservations(pod: Pod, claim: ObservedPod['claim']): Intent[] {
  if (!pod.spec?.nodeName) return [];
  const { name = '', uid = '' } = pod.metadata;
  return (pod.spec.resourceClaims ?? []).flatMap((podClaim): Intent[] => {
    const known = claimNameOf(pod, podClaim);
    const object = typeof known === 'string' ? undefined : claim(known.name);
    if (!object?.status?.allocation || isReservedFor(pod, object)) return [];
    if (typeof known !== 'string' && known.isGenerated && !isFor(pod, object)) return [];
    const reservedFor = [...(object.status.reservedFor ?? []), { resource: 'pods', name, uid }];
    return [{ op: 'update', gvr: resourceClaims, object: { ...object, status: { ...object.status, reservedFor } } as ResourceClaim, subresource: 'status' }]; // prettier-ignore
  });
}

function claimOf({ metadata }: Pod, podClaim: PodResourceClaim, { spec }: ResourceClaimTemplate): ResourceClaim {
  const { name = '', namespace, uid = '' } = metadata;
  return {
    apiVersion: 'resource.k8s.io/v1',
    kind: 'ResourceClaim',
    metadata: {
      namespace,
      generateName: baseOf(name, podClaim.name),
      ...(spec.metadata?.labels && { labels: spec.metadata.labels }),
      annotations: { ...spec.metadata?.annotations, [POD_CLAIM]: podClaim.name },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name, uid, controller: true }],
    },
    spec: spec.spec,
  };
}
/** Both names are shortened alike, so that something of each is left. */
function baseOf(pod: string, podClaim: string): string {
  const whole = `${pod}-${podClaim}-`;
  if (whole.length <= LONGEST_BASE) return whole;
  const part = (text: string): string => text.slice(0, Math.floor((text.length * LONGEST_BASE) / whole.length));
  return `${part(pod)}-${part(podClaim)}`;
}
