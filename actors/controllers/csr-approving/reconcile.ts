import type { SubjectAccessReviewSpec } from '../../../schemas/generated/authorization-v1.ts';
import type { CertificateSigningRequest } from '../../../schemas/generated/certificates-v1.ts';
import {
  certificateSigningRequests,
  KUBELET_CLIENT,
  refusal,
  type Requested,
} from '../../runtime/certificate-requests.ts';
import type { Decision, Intent } from '../../runtime/intent.ts';
import { timeOf } from '../../runtime/time.ts';

type Csr = CertificateSigningRequest;
/** A right by which a kubelet's certificate is approved: who has it needs nobody's approval. */
export interface Permission {
  readonly subresource: 'selfnodeclient' | 'nodeclient';
  readonly message: string;
}
/** Source: pkg/controller/certificates/approver. */
const SELF: Permission = {
  subresource: 'selfnodeclient',
  message: 'Auto approving self kubelet client certificate after SubjectAccessReview.',
};
const NODE: Permission = {
  subresource: 'nodeclient',
  message: 'Auto approving kubelet client certificate after SubjectAccessReview.',
};
/** Refused ones are asked about again in growing distances, as upstream's queue does. */
const SHORTEST_MS = 200;
const LONGEST_MS = 1_000_000;

/** One for a kubelet's client certificate that nobody has decided upon. */
export const awaitsApproval = ({ spec, status }: Csr): boolean =>
  spec.signerName === KUBELET_CLIENT &&
  !status?.certificate &&
  !(status?.conditions ?? []).some(({ type }) => type === 'Approved' || type === 'Denied');

/** The rights of which any one is enough, in the order in which they are asked for; none: it is no kubelet's request. */
export function permissionsFor({ spec }: Csr, requested: Requested): readonly Permission[] {
  if (refusal(KUBELET_CLIENT, requested, spec.usages ?? []) !== undefined) return [];
  return spec.username === requested.commonName ? [SELF, NODE] : [NODE];
}

export const reviewOf = ({ spec }: Csr, { subresource }: Permission): SubjectAccessReviewSpec => ({
  user: spec.username,
  uid: spec.uid,
  groups: spec.groups,
  extra: spec.extra,
  resourceAttributes: {
    group: 'certificates.k8s.io',
    resource: 'certificatesigningrequests',
    verb: 'create',
    subresource,
    version: '*',
  },
});

export interface Observed {
  readonly csr: Csr;
  /** Which of the rights the one who asks has. */
  readonly granted: Permission | undefined;
  /** Whether the request is a kubelet's at all. */
  readonly isRecognized: boolean;
}
/** Approves what the requester has the right to; else waits for him to get it. */
export function reconcile({ csr, granted, isRecognized }: Observed, now: number): Decision {
  if (!awaitsApproval(csr) || !isRecognized) return { intents: [] };
  if (granted === undefined) {
    // Doubles the request's age each time, so that nothing needs to be remembered.
    const age = now - (timeOf(csr.metadata.creationTimestamp) ?? now);
    return { intents: [], requeueAfterMs: Math.max(SHORTEST_MS, Math.min(age, LONGEST_MS)) };
  }
  const condition = { type: 'Approved', status: 'True', reason: 'AutoApproved', message: granted.message };
  const status = { ...csr.status, conditions: [...(csr.status?.conditions ?? []), condition] };
  const approved: Intent = {
    op: 'update',
    gvr: certificateSigningRequests,
    object: { ...csr, status } as Csr,
    subresource: 'approval',
    tolerate: ['NotFound'],
  };
  return { intents: [approved] };
}
