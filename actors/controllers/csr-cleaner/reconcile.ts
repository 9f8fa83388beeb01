import type { CertificateSigningRequest } from '../../../schemas/generated/certificates-v1.ts';
import { certificateSigningRequests, conditionOf } from '../../runtime/certificate-requests.ts';
import type { Decision } from '../../runtime/intent.ts';
import { timeOf } from '../../runtime/time.ts';

const HOUR_MS = 3_600_000;
/** Source: pkg/controller/certificates/cleaner. */
const ANSWERED_KEPT_MS = HOUR_MS;
const OPEN_KEPT_MS = 24 * HOUR_MS;

export interface Observed {
  readonly csr: CertificateSigningRequest;
  /** Of its certificate, in ms; undefined: there is none, or it cannot be read. */
  readonly goodUntil: number | undefined;
}
/** Deletes the request once it is of no more use, whoever signs it. */
export function reconcile({ csr, goodUntil }: Observed, now: number): Decision {
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
    intents: [
      { op: 'delete', gvr: certificateSigningRequests, namespace: undefined, name, uid, tolerate: ['NotFound'] },
    ],
  };
} // prettier-ignore
