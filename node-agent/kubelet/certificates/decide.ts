import type { CertificateSigningRequest } from '../../../schemas/generated/certificates-v1.ts';

/** How long one request may wait for its certificate. Source: client-go certificate_manager.go certificateWaitTimeout. */
export const SIGNING_MS = 15 * 60_000;
/** The longest time between two looks: clocks are set, machines sleep, files get lost. */
export const LOOK_MS = 60 * 60_000;

/** From when to when a certificate is good, in ms. */
export interface Life {
  readonly notBefore: number;
  readonly notAfter: number;
}
export type Next = { readonly do: 'request' } | { readonly do: 'wait'; readonly ms: number };

/** The part of its life after which a certificate is replaced, 70 to 90 %; `random` is in [0, 1). Source: jitteryDuration. */
export const shareOf = (random: number): number => 0.7 + 0.2 * random;
export const rotationAt = ({ notBefore, notAfter }: Life, share: number): number =>
  notBefore + (notAfter - notBefore) * share;

/** Whether another certificate is needed now, or when to look again. `life` undefined: there is none that is good. */
export function nextStep(life: Life | undefined, share: number, now: number): Next {
  if (life === undefined || now > life.notAfter) return { do: 'request' };
  const ms = rotationAt(life, share) - now;
  return ms <= 0 ? { do: 'request' } : { do: 'wait', ms: Math.min(ms, LOOK_MS) };
}

/**
 * When to look again at one that has just come, `life`. By a clock that is far ahead it is due already: another one would be
 * too, and API servers go by their own clocks.
 */
export function firstLookMs(life: Life, share: number, now: number): number {
  const next = nextStep(life, share, now);
  return next.do === 'wait' ? next.ms : LOOK_MS;
}

/** Of the n-th failure in a row, n from 1; `random` is in [0, 1). Source: certificate_manager.go run. */
export const backoffMs = (failures: number, random: number): number =>
  failures < 5 ? 2_000 * 2 ** (failures - 1) * (1 + 0.1 * random) : 32_000;

/** Which request was made. */
export interface RequestRef {
  readonly name: string;
  readonly uid: string;
}
export type Verdict =
  | { readonly is: 'pending' }
  /** PEM. */
  | { readonly is: 'issued'; readonly certificate: string }
  | { readonly is: 'refused'; readonly why: string };

/** What has become of a request; undefined: it was deleted. Source: client-go csr.go WaitForCertificate. */
export function verdictOn(csr: CertificateSigningRequest | undefined, { name, uid }: RequestRef): Verdict {
  const refuse = (why: string): Verdict => ({ is: 'refused', why });
  if (csr === undefined) return refuse(`csr ${JSON.stringify(name)} was deleted`);
  if (csr.metadata.uid !== uid) return refuse(`csr ${JSON.stringify(name)} changed UIDs`);
  const { conditions = [], certificate } = csr.status ?? {};
  for (const { type, reason = '', message = '' } of conditions) {
    if (type === 'Denied') return refuse(`certificate signing request is denied, reason: ${reason}, message: ${message}`); // prettier-ignore
    if (type === 'Failed') return refuse(`certificate signing request failed, reason: ${reason}, message: ${message}`);
  }
  return certificate && conditions.some(({ type }) => type === 'Approved')
    ? { is: 'issued', certificate: Buffer.from(certificate, 'base64').toString() }
    : { is: 'pending' };
}
