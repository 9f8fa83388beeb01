import { describe, expect, it } from 'vitest';
import type { CertificateSigningRequest } from '../../../schemas/generated/certificates-v1.ts';
import { formatTime } from '../../../schemas/meta/time.ts';
import { certificateSigningRequests, refusal, type Requested } from '../../runtime/certificate-requests.ts';
import { testCluster } from '../../runtime/testing/cluster.ts';
import { startCsrSigning, type Signer } from './actor.ts';
import { lifeOf } from './reconcile.ts';

const NODE: Requested = { commonName: 'system:node:n1', organizations: ['system:nodes'], dnsNames: [], addresses: [], emails: [], uris: [] }; // prettier-ignore
const [CLIENT, KUBELET, SERVING] = ['kube-apiserver-client', 'kube-apiserver-client-kubelet', 'kubelet-serving'].map((name) => `kubernetes.io/${name}`) as [string, string, string]; // prettier-ignore
const KEYS = ['digital signature', 'key encipherment'];
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

describe('a signer', () => {
  it.each<[signer: string, what: string, Partial<Requested>, usages: string[], why: string | undefined]>([
    [CLIENT, 'a client', { commonName: 'jane' }, [...KEYS, 'client auth'], undefined],
    [CLIENT, 'a client that would be a server', {}, ['server auth', 'client auth'], 'invalid usage for client certificate: server auth'],
    [CLIENT, 'what would be no client', {}, KEYS, 'missing required usage for client certificate: client auth'],
    [KUBELET, 'a kubelet', {}, [...KEYS, 'client auth'], undefined],
    [KUBELET, 'a kubelet whose key enciphers nothing', {}, ['digital signature', 'client auth'], undefined],
    [KUBELET, 'somebody else', { organizations: ['system:masters'] }, [...KEYS, 'client auth'], 'subject organization is not system:nodes'],
    [KUBELET, 'a kubelet of more groups', { organizations: ['system:nodes', 'system:masters'] }, [...KEYS, 'client auth'], 'subject organization is not system:nodes'],
    [KUBELET, 'no node', { commonName: 'jane' }, [...KEYS, 'client auth'], 'subject common name does not begin with system:node:'],
    [KUBELET, 'a kubelet with a name', { dnsNames: ['a'] }, [...KEYS, 'client auth'], 'DNS subjectAltNames are not allowed'],
    [KUBELET, 'a kubelet that would serve', {}, [...KEYS, 'server auth'], 'usages did not match [client auth digital signature key encipherment]'],
    [SERVING, 'a serving kubelet', { addresses: ['10.0.0.1'] }, [...KEYS, 'server auth'], undefined],
    [SERVING, 'one without a name', {}, [...KEYS, 'server auth'], 'DNS or IP subjectAltName is required'],
    [SERVING, 'one with an address of mail', { dnsNames: ['a'], emails: ['a@b'] }, [...KEYS, 'server auth'], 'Email subjectAltNames are not allowed'],
    [SERVING, 'one that would be a client', { dnsNames: ['a'] }, [...KEYS, 'client auth'], 'usages did not match [digital signature key encipherment server auth]'],
    ['kubernetes.io/legacy-unknown', 'anything', { organizations: ['x'] }, ['any'], undefined],
  ])('of %s asked for %s', (signer, _, requested, usages, why) => {
    expect(refusal(signer, { ...NODE, ...requested }, usages)).toBe(why);
  }); // prettier-ignore
});

it.each([
  [undefined, 365 * 24 * HOUR - 5 * MINUTE],
  [24 * 3600, 24 * HOUR - 5 * MINUTE],
  [3600, HOUR],
  [1, 10 * MINUTE],
  [1_000_000_000, 365 * 24 * HOUR - 5 * MINUTE],
])('a certificate asked for %s s is good for %s ms more', (expirationSeconds, left) => {
  const csr = { spec: { expirationSeconds } } as CertificateSigningRequest;
  expect(lifeOf(csr, 1_000_000_000_000)).toEqual({ from: 1_000_000_000_000 - 5 * MINUTE, until: 1_000_000_000_000 + left });
}); // prettier-ignore

describe('a request', () => {
  const signer: Signer = {
    read: async () => NODE,
    sign: async (request, usages, { from, until }) => `${request} ${usages.join()} ${until - from}`,
  };
  async function setUp(by: readonly [Signer?] = [signer]) {
    const c = testCluster();
    c.start((deps) => startCsrSigning(deps, by[0]));
    const make = async (signerName: string, ...types: string[]) => {
      const now = formatTime(c.world.clock.now());
      const conditions = types.map((type) => ({ type, status: 'True', reason: 'R', lastUpdateTime: now }));
      const spec = { signerName, request: Buffer.from('csr').toString('base64'), usages: [...KEYS, 'client auth'], expirationSeconds: 3600 };
      const csr = await c.client.create(certificateSigningRequests, { apiVersion: 'certificates.k8s.io/v1', kind: 'CertificateSigningRequest', metadata: { name: 'r' }, spec } as CertificateSigningRequest);
      if (conditions.length > 0) await c.client.update(certificateSigningRequests, { ...csr, status: { conditions } }, { subresource: 'status' });
      await c.quiet();
    };
    const seen = () => c.api.object<CertificateSigningRequest>(certificateSigningRequests, 'r');
    return { ...c, make, seen };
  } // prettier-ignore

  it('is signed once it is approved, for a signer of ours', async () => {
    const { make, seen } = await setUp();
    await make(CLIENT, 'Approved');
    expect(Buffer.from(seen()!.status!.certificate!, 'base64').toString()).toBe(
      `csr digital signature,key encipherment,client auth ${HOUR + 5 * MINUTE}`,
    );
  });
  it.each<[what: string, by: [Signer?], signerName: string, types: string[]]>([
    ['not approved', [signer], CLIENT, []],
    ['denied', [signer], CLIENT, ['Denied']],
    ['given up', [signer], CLIENT, ['Approved', 'Failed']],
    ['for somebody else', [signer], 'example.com/own', ['Approved']],
    ['approved where there is no authority', [], CLIENT, ['Approved']],
  ])('is not signed that is %s', async (_, by, signerName, types) => {
    const { make, seen } = await setUp(by);
    await make(signerName, ...types);
    expect(seen()?.status?.certificate).toBeUndefined();
    expect(seen()?.status?.conditions?.map(({ type }) => type) ?? []).toEqual(types);
  });
  it('that a signer refuses has failed, and why is told', async () => {
    const { make, seen } = await setUp();
    await make(SERVING, 'Approved');
    expect(seen()!.status!.conditions![1]).toMatchObject({
      type: 'Failed',
      reason: 'SignerValidationFailure',
      message: 'DNS or IP subjectAltName is required',
    });
  });
});
