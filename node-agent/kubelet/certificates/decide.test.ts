import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CertificateSigningRequest } from '../../../schemas/generated/certificates-v1.ts';
import { backoffMs, firstLookMs, LOOK_MS, nextStep, rotationAt, shareOf, verdictOn, type Life } from './decide.ts';

const DAY_MS = 86_400_000;
const YEAR: Life = { notBefore: 0, notAfter: 365 * DAY_MS };

describe('when a certificate is replaced', () => {
  it.each<[what: string, life: Life | undefined, now: number, next: number | 'request']>([
    ['none', undefined, 0, 'request'],
    ['a new one', YEAR, 300_000, LOOK_MS],
    ['one whose time comes within the hour', YEAR, 0.8 * YEAR.notAfter - 60_000, 60_000],
    ['one whose time has come', YEAR, 0.8 * YEAR.notAfter, 'request'],
    ['one that is over', YEAR, YEAR.notAfter + 1, 'request'],
    ['one that begins later: the clock was set back', YEAR, -400 * DAY_MS, LOOK_MS],
    ['one that is over: the clock was set forward', YEAR, 4_000 * DAY_MS, 'request'],
  ])('%s', (_, life, now, next) => {
    const step = nextStep(life, 0.8, now);
    if (next === 'request') expect(step).toEqual({ do: 'request' });
    else expect(step.do === 'wait' && Math.round(step.ms)).toBe(next);
  });
  it('property: after 70 to 90 % of its life, whatever that is, and never before', () => {
    const lives = fc.record({ notBefore: fc.integer({ min: 0, max: 2 ** 42 }), seconds: fc.integer({ min: 900, max: 2 ** 30 }) }); // prettier-ignore
    fc.assert(
      fc.property(lives, fc.double({ min: 0, max: 0.999_999, noNaN: true }), ({ notBefore, seconds }, random) => {
        const life = { notBefore, notAfter: notBefore + seconds * 1_000 };
        const share = shareOf(random);
        const part = (rotationAt(life, share) - notBefore) / (seconds * 1_000);
        expect(part).toBeGreaterThanOrEqual(0.699_999);
        expect(part).toBeLessThanOrEqual(0.900_001);
        // Who looks whenever told to replaces it at that moment.
        let now = notBefore;
        for (let next = nextStep(life, share, now); next.do === 'wait'; next = nextStep(life, share, now))
          now += Math.max(1, next.ms, (seconds * 1_000) / 1_000);
        expect(now).toBeGreaterThanOrEqual(rotationAt(life, share));
        expect(now).toBeLessThan(rotationAt(life, share) + seconds + 2);
      }),
    );
  });
  it('one that has just come is kept for an hour at least, though a clock that is ahead calls it due', () => {
    expect(firstLookMs(YEAR, 0.8, 300_000)).toBe(LOOK_MS);
    expect(firstLookMs(YEAR, 0.8, 0.95 * YEAR.notAfter)).toBe(LOOK_MS);
    expect(firstLookMs(YEAR, 0.8, 2 * YEAR.notAfter)).toBe(LOOK_MS);
    expect(firstLookMs({ notBefore: 0, notAfter: 900_000 }, 0.8, 300_000)).toBe(420_000);
  });
});

it('failures are answered as upstream answers them', () => {
  expect([1, 2, 3, 4, 5, 6, 1_000].map((n) => backoffMs(n, 0))).toEqual([2_000, 4_000, 8_000, 16_000, 32_000, 32_000, 32_000]); // prettier-ignore
  expect(backoffMs(4, 1)).toBe(17_600);
});

describe('what has become of a request', () => {
  type Status = CertificateSigningRequest['status'];
  const csr = (status: Status, uid = 'u'): CertificateSigningRequest => ({
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name: 'csr-1', uid },
    spec: { request: '', signerName: 's' },
    status,
  });
  const condition = (type: string) => ({ type, status: 'True', reason: 'R', message: 'M' });
  const [approved, denied, failed] = ['Approved', 'Denied', 'Failed'].map(condition) as [ReturnType<typeof condition>, ReturnType<typeof condition>, ReturnType<typeof condition>]; // prettier-ignore
  const certificate = Buffer.from('PEM').toString('base64');
  it.each<[what: string, csr: CertificateSigningRequest | undefined, verdict: string]>([
    ['nobody has looked', csr(undefined), 'pending'],
    ['approved', csr({ conditions: [approved] }), 'pending'],
    ['signed, not approved', csr({ certificate }), 'pending'],
    ['approved and signed', csr({ conditions: [approved], certificate }), 'issued PEM'],
    ['denied', csr({ conditions: [denied] }), 'refused certificate signing request is denied, reason: R, message: M'],
    ['failed', csr({ conditions: [approved, failed] }), 'refused certificate signing request failed, reason: R, message: M'],
    ['denied, though signed', csr({ conditions: [approved, denied], certificate }), 'refused certificate signing request is denied, reason: R, message: M'],
    ['another of the same name', csr({ conditions: [approved], certificate }, 'v'), 'refused csr "csr-1" changed UIDs'],
    ['deleted', undefined, 'refused csr "csr-1" was deleted'],
  ])('%s', (_, seen, verdict) => {
    const v = verdictOn(seen, { name: 'csr-1', uid: 'u' });
    expect(`${v.is}${v.is === 'issued' ? ` ${v.certificate}` : v.is === 'refused' ? ` ${v.why}` : ''}`).toBe(verdict);
  }); // prettier-ignore
});
