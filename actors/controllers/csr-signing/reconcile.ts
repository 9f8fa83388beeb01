import type { CertificateSigningRequest } from '../../../schemas/generated/certificates-v1.ts';
import { formatTime } from '../../../schemas/meta/time.ts';
import { certificateSigningRequests, conditionOf } from '../../runtime/certificate-requests.ts';
import type { Intent } from '../../runtime/intent.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** Source: kube-controller-manager --cluster-signing-duration. */
const LONGEST_MS = 365 * 24 * HOUR_MS;
const SHORTEST_MS = 10 * MINUTE_MS;
/** What is signed is good a little earlier, since clocks differ; what lives long enough ends as much earlier. */
const BACKDATED_MS = 5 * MINUTE_MS;
const SHORT_MS = 8 * HOUR_MS;

type Csr = CertificateSigningRequest;
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
