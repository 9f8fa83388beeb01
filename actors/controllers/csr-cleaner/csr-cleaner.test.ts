import { describe, expect, it } from 'vitest';
import type { CertificateSigningRequest } from '../../../schemas/generated/certificates-v1.ts';
import { formatTime } from '../../../schemas/meta/time.ts';
import { certificateSigningRequests } from '../../runtime/certificate-requests.ts';
import { testCluster } from '../../runtime/testing/cluster.ts';
import { startCsrCleaner } from './actor.ts';
import { reconcile } from './reconcile.ts';

const HOUR = 3_600_000;
const NOW = Date.parse('2026-01-01T00:00:00Z');
const request = (status: CertificateSigningRequest['status'], madeAgo = 0): CertificateSigningRequest => ({
  apiVersion: 'certificates.k8s.io/v1',
  kind: 'CertificateSigningRequest',
  metadata: { name: 'r', uid: 'u', creationTimestamp: formatTime(NOW - madeAgo) },
  spec: { signerName: 'example.com/own', request: '' },
  status,
});
const answered = (type: string, ago: number, certificate?: string): CertificateSigningRequest['status'] => ({
  conditions: [{ type, status: 'True', reason: 'R', lastUpdateTime: formatTime(NOW - ago) }],
  ...(certificate !== undefined && { certificate }),
});
const DAY = 24 * HOUR;

describe('a request', () => {
  it.each<[what: string, csr: CertificateSigningRequest, goodUntil: number | undefined, left: number | 'goes' | undefined]>([
    ['open for a day', request({}, DAY), undefined, 1],
    ['open for longer', request({}, DAY + 1000), undefined, 'goes'],
    ['just made', request(undefined), undefined, DAY + 1],
    ['denied for an hour', request(answered('Denied', HOUR)), undefined, 1],
    ['denied for longer', request(answered('Denied', HOUR + 1000)), undefined, 'goes'],
    ['failed for longer', request(answered('Failed', HOUR + 1000)), undefined, 'goes'],
    ['signed for an hour', request(answered('Approved', HOUR, 'eA==')), NOW + DAY, 1],
    ['signed for longer', request(answered('Approved', HOUR + 1000, 'eA==')), NOW + DAY, 'goes'],
    ['approved, not signed for an hour', request(answered('Approved', HOUR + 1000)), undefined, DAY - HOUR - 999],
    ['approved, not signed for a day', request(answered('Approved', DAY + 1000)), undefined, 'goes'],
    ['whose certificate has expired', request(answered('Approved', 0, 'eA==')), NOW - 1, 'goes'],
    ['whose certificate cannot be read', request(answered('Approved', 0, 'eA==')), undefined, HOUR + 1],
    ['answered at no known time', request({ conditions: [{ type: 'Denied', status: 'True' }] }), undefined, undefined],
    ['from the future', request({}, -DAY), undefined, 2 * DAY + 1],
  ])('%s', (_, csr, goodUntil, left) => {
    const { intents, requeueAfterMs } = reconcile({ csr, goodUntil }, NOW);
    expect(intents.length > 0 ? 'goes' : requeueAfterMs).toBe(left);
    if (left === 'goes') expect(intents).toMatchObject([{ op: 'delete', name: 'r', uid: 'u' }]);
  });
}); // prettier-ignore

it('requests go by themselves, each at its time, and another of the same name stays', async () => {
  const { client, api, world, quiet, start } = testCluster();
  const make = async () => void (await client.create(certificateSigningRequests, { ...request({}), metadata: { name: 'r' } })); // prettier-ignore
  await make();
  start(startCsrCleaner);
  await quiet();
  await world.advance(DAY - 2000);
  expect(api.object(certificateSigningRequests, 'r')).toBeDefined();
  await client.delete(certificateSigningRequests, 'r');
  await make();
  await world.advance(DAY - 2000);
  expect(api.object(certificateSigningRequests, 'r')).toBeDefined();
  await world.advance(4000);
  expect(api.object(certificateSigningRequests, 'r')).toBeUndefined();
  expect(api.calls.filter(({ verb, caller }) => verb === 'delete' && caller !== 'test')).toHaveLength(1);
});
