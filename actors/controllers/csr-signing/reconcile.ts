import type { CertificateSigningRequest, CertificateSigningRequestCondition } from '../../../schemas/generated/certificates-v1.ts'; // prettier-ignore
import type { GroupVersionResource } from '../../../schemas/meta/object.ts';
import { formatTime } from '../../../schemas/meta/time.ts';
import type { Decision, Intent } from '../../runtime/intent.ts';
import { timeOf } from '../../runtime/time.ts';

export const certificateSigningRequests: GroupVersionResource = { group: 'certificates.k8s.io', version: 'v1', resource: 'certificatesigningrequests' }; // prettier-ignore
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** Source: kube-controller-manager --cluster-signing-duration. */
const LONGEST_MS = 365 * 24 * HOUR_MS;
const SHORTEST_MS = 10 * MINUTE_MS;
/** What is signed is good a little earlier, since clocks differ; what lives long enough ends as much earlier. */
const BACKDATED_MS = 5 * MINUTE_MS;
const SHORT_MS = 8 * HOUR_MS;
/** Source: pkg/controller/certificates/cleaner. */
const ANSWERED_KEPT_MS = HOUR_MS;
const OPEN_KEPT_MS = 24 * HOUR_MS;

type Csr = CertificateSigningRequest;
const conditionOf = (csr: Csr, type: string): CertificateSigningRequestCondition | undefined =>
  csr.status?.conditions?.find((c) => c.type === type && c.status === 'True');
/** Approved, and neither answered nor given up. */
export const waitsForSignature = (csr: Csr): boolean =>
  !csr.status?.certificate &&
  conditionOf(csr, 'Approved') !== undefined &&
  conditionOf(csr, 'Denied') === undefined &&
  conditionOf(csr, 'Failed') === undefined;

/** From when to when the certificate is good, in ms. Source: pkg/controller/certificates/signer, authority/policies.go. */
export function lifeOf({ spec }: Csr, now: number): { readonly from: number; readonly until: number } {
  const asked = spec.expirationSeconds === undefined ? LONGEST_MS : spec.expirationSeconds * 1000;
  const life = Math.max(SHORTEST_MS, Math.min(asked, LONGEST_MS));
  return { from: now - BACKDATED_MS, until: now + life - (life < SHORT_MS ? 0 : BACKDATED_MS) };
}

function withStatus(csr: Csr, status: Csr['status']): Intent {
  const object: Csr = { ...csr, status: { ...csr.status, ...status } };
  return { op: 'update', gvr: certificateSigningRequests, object, subresource: 'status', tolerate: ['NotFound'] };
}
export const signed = (csr: Csr, pem: string): Intent =>
  withStatus(csr, { certificate: Buffer.from(pem).toString('base64') });
export function refused(csr: Csr, why: string, now: number): Intent {
  const condition = { type: 'Failed', status: 'True', reason: 'SignerValidationFailure', message: why, lastUpdateTime: formatTime(now) }; // prettier-ignore
  return withStatus(csr, { conditions: [...(csr.status?.conditions ?? []), condition] });
}

/** Deletes the request once it is of no more use, whoever signs it. `goodUntil`: of its certificate, in ms. */
export function clean(csr: Csr, goodUntil: number | undefined, now: number): Decision {
  const since = (type: string): number | undefined => timeOf(conditionOf(csr, type)?.lastUpdateTime);
  const after = (time: number | undefined, ms: number): number[] => (time === undefined ? [] : [time + ms]);
  const isOpen = (csr.status?.conditions ?? []).length === 0;
  const deadlines = [
    ...(isOpen ? after(timeOf(csr.metadata.creationTimestamp), OPEN_KEPT_MS) : []),
    ...after(since('Denied'), ANSWERED_KEPT_MS),
    ...after(since('Failed'), ANSWERED_KEPT_MS),
    ...after(since('Approved'), csr.status?.certificate ? ANSWERED_KEPT_MS : OPEN_KEPT_MS),
    ...after(goodUntil, 0),
  ];
  if (deadlines.length === 0) return { intents: [] };
  const left = Math.min(...deadlines) - now;
  if (left >= 0) return { intents: [], requeueAfterMs: left + 1 };
  const { name = '', uid } = csr.metadata;
  return {
    intents: [{ op: 'delete', gvr: certificateSigningRequests, namespace: undefined, name, uid, tolerate: ['NotFound'] }],
  };
} // prettier-ignore
