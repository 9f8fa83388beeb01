import { describe, expect, it } from 'vitest';
import type { SubjectAccessReview } from '../../../schemas/generated/authorization-v1.ts';
import type { CertificateSigningRequest } from '../../../schemas/generated/certificates-v1.ts';
import { ApiError } from '../../../schemas/meta/status.ts';
import type { ApiClient } from '../../runtime/api-client.ts';
import { certificateSigningRequests, type Requested } from '../../runtime/certificate-requests.ts';
import { testCluster } from '../../runtime/testing/cluster.ts';
import { startCsrApproving } from './actor.ts';
import { reconcile } from './reconcile.ts';

const NODE: Requested = { commonName: 'system:node:n1', organizations: ['system:nodes'], dnsNames: [], addresses: [], emails: [], uris: [] }; // prettier-ignore
const USAGES = ['digital signature', 'client auth'];
const SELF = 'Auto approving self kubelet client certificate after SubjectAccessReview.';
const OTHER = 'Auto approving kubelet client certificate after SubjectAccessReview.';

interface Case {
  readonly by?: string;
  readonly signerName?: string;
  readonly usages?: string[];
  readonly requested?: Partial<Requested>;
  readonly status?: CertificateSigningRequest['status'];
  /** What of selfnodeclient and nodeclient he may. */
  readonly may?: readonly string[];
}
async function setUp({ by = 'system:bootstrap:abcdef', signerName = 'kubernetes.io/kube-apiserver-client-kubelet', usages = USAGES, requested, status, may = [] }: Case) {
  const c = testCluster();
  const asked: SubjectAccessReview[] = [];
  const granted = new Set(may);
  let failures = 0;
  /** Answers reviews, which a store cannot. */
  const client = (caller: string): ApiClient => {
    const own = c.deps.client(caller);
    return {
      ...own,
      async create(gvr, object, options) {
        if (gvr.resource !== 'subjectaccessreviews') return own.create(gvr, object, options);
        if (failures-- > 0) throw new ApiError('ServiceUnavailable', 'later');
        const review = object as unknown as SubjectAccessReview;
        asked.push(review);
        return { ...object, status: { allowed: granted.has(review.spec.resourceAttributes!.subresource!) } };
      },
    };
  };
  const spec = { signerName, usages, username: by, uid: 'u1', groups: ['g'], extra: { k: ['v'] }, request: Buffer.from('pem').toString('base64') };
  await c.client.create(certificateSigningRequests, { apiVersion: 'certificates.k8s.io/v1', kind: 'CertificateSigningRequest', metadata: { name: 'r' }, spec, status } as CertificateSigningRequest);
  c.start(() => startCsrApproving({ ...c.deps, client }, async () => ({ ...NODE, ...requested })));
  const conditions = () => c.api.object<CertificateSigningRequest>(certificateSigningRequests, 'r')!.status?.conditions;
  return { ...c, asked, granted, conditions, fail: (times: number) => void (failures = times) };
} // prettier-ignore
const about = (reviews: readonly SubjectAccessReview[]) => reviews.map((r) => r.spec.resourceAttributes!.subresource);

describe('a request for a certificate', () => {
  it.each<[what: string, Case, message: string | undefined, asked: string[]]>([
    ['of a machine that joins', { may: ['nodeclient'] }, OTHER, ['nodeclient']],
    ['of a node for itself', { by: 'system:node:n1', may: ['selfnodeclient'] }, SELF, ['selfnodeclient']],
    ['of a node that may do it as any', { by: 'system:node:n1', may: ['nodeclient'] }, OTHER, ['selfnodeclient', 'nodeclient']],
    ['of a node for another', { by: 'system:node:n2', may: ['selfnodeclient'] }, undefined, ['nodeclient']],
    ['of somebody without the right', {}, undefined, ['nodeclient']],
    ['for more groups', { requested: { organizations: ['system:nodes', 'system:masters'] }, may: ['nodeclient'] }, undefined, []],
    ['for no node', { requested: { commonName: 'jane' }, may: ['nodeclient'] }, undefined, []],
    ['with a name of a server', { requested: { dnsNames: ['a'] }, may: ['nodeclient'] }, undefined, []],
    ['to serve with', { usages: ['server auth'], may: ['nodeclient'] }, undefined, []],
    ['of another signer', { signerName: 'kubernetes.io/kube-apiserver-client', may: ['nodeclient'] }, undefined, []],
    ['that is signed', { status: { certificate: 'eA==' }, may: ['nodeclient'] }, undefined, []],
  ])('%s', async (_, of, message, reviews) => {
    const { asked, conditions, quiet } = await setUp(of);
    await quiet();
    expect(about(asked)).toEqual(reviews);
    expect(conditions()).toEqual(message && [{ type: 'Approved', status: 'True', reason: 'AutoApproved', message }]);
  }); // prettier-ignore
  it.each(['Approved', 'Denied'])('that somebody has decided upon stays %s', async (type) => {
    const conditions = [{ type, status: 'True', reason: 'Me' }];
    const c = await setUp({ status: { conditions }, may: ['nodeclient'] });
    await c.quiet();
    expect([c.conditions(), c.asked]).toEqual([conditions, []]);
  });
  it('is asked for in the words of who made it', async () => {
    const { asked, quiet } = await setUp({});
    await quiet();
    expect(asked[0]!.spec).toEqual({
      user: 'system:bootstrap:abcdef', uid: 'u1', groups: ['g'], extra: { k: ['v'] },
      resourceAttributes: { group: 'certificates.k8s.io', resource: 'certificatesigningrequests', verb: 'create', subresource: 'nodeclient', version: '*' },
    }); // prettier-ignore
  });
  it('is approved once he gets the right, and asked about ever more seldom until then', async () => {
    const { asked, conditions, granted, world } = await setUp({});
    await world.advance(3_600_000);
    expect(asked.length).toBeGreaterThan(10);
    expect(asked.length).toBeLessThan(25);
    granted.add('nodeclient');
    await world.advance(1_100_000);
    expect(conditions()).toMatchObject([{ type: 'Approved' }]);
  });
  it('is approved once, though answers fail at first', async () => {
    const { api, conditions, fail, world } = await setUp({ may: ['nodeclient'] });
    fail(3);
    await world.advance(5_000);
    expect(conditions()).toHaveLength(1);
    expect(api.calls.filter((call) => call.resource.endsWith('/approval'))).toHaveLength(1);
  });
});

it('a second look at what was approved changes nothing', () => {
  const csr = { metadata: { name: 'r' }, spec: { signerName: 'kubernetes.io/kube-apiserver-client-kubelet', request: '' } } as CertificateSigningRequest; // prettier-ignore
  const [intent] = reconcile({ csr, granted: { subresource: 'nodeclient', message: OTHER }, isRecognized: true }, 0).intents; // prettier-ignore
  const next = (intent as unknown as { object: CertificateSigningRequest }).object;
  expect(reconcile({ csr: next, granted: undefined, isRecognized: true }, 0)).toEqual({ intents: [] });
});
