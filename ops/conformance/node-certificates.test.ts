import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ApiClient } from '../../actors/runtime/api-client.ts';
import { certificateSigningRequests } from '../../actors/runtime/certificate-requests.ts';
import { createApiClient } from '../../actors/runtime/client.ts';
import { createRegistry } from '../../actors/runtime/metrics/registry.ts';
import * as resources from '../../actors/runtime/resources.ts';
import { startCertificates, type Certificates } from '../../node-agent/kubelet/certificates/manager.ts';
import { makeRequest } from '../../node-agent/kubelet/certificates/request.ts';
import { CURRENT, pkiOf } from '../../node-agent/kubelet/certificates/store.ts';
import type { CertificateSigningRequest } from '../../schemas/generated/certificates-v1.ts';
import type { Endpoints } from '../../schemas/generated/core-v1.ts';
import { reasonOf } from '../../schemas/meta/status.ts';
import { ensurePki } from '../pki/pki.ts';
import { readRequest, signerIn } from '../pki/signing.ts';
import { patiently } from '../testing/patiently.ts';
import { startSimulatedCluster, type SimulatedCluster } from '../testing/simulated-cluster.ts';

type Csr = CertificateSigningRequest;
const MINUTE_MS = 60_000;
const dir = mkdtempSync(join(tmpdir(), 'kubus-certificates-'));
const root = join(dir, 'kubelet');
let cluster: SimulatedCluster;
let node: ApiClient;
let certificates: Certificates;

const reaches = (state: string): Promise<void> => {
  const reached = (async () => {
    while (certificates.state() !== state) await new Promise((resolve) => void setTimeout(resolve, 1));
  })();
  return patiently(cluster.simulation, reached);
};
const done = <T>(work: Promise<T>): Promise<T> => patiently(cluster.simulation, work);
const requests = async (): Promise<Csr[]> => (await done(cluster.admin.list<Csr>(certificateSigningRequests))).items as Csr[]; // prettier-ignore
const shown = ({ metadata, spec, status }: Csr) => ({
  name: metadata.name, by: spec.username, groups: spec.groups, conditions: status?.conditions?.map(({ type, message }) => `${type}: ${message}`), isIssued: status?.certificate !== undefined,
}); // prettier-ignore
const current = (): X509Certificate => new X509Certificate(readFileSync(join(pkiOf(root), CURRENT)));

beforeAll(async () => {
  const pki = join(dir, 'pki');
  await ensurePki(pki, ['127.0.0.1'], Date.parse('2026-01-01T00:00:00Z'));
  cluster = await startSimulatedCluster(11, ['n1'], { authority: { readRequest, signer: signerIn(pki) } });
  const { simulation, hub } = cluster;
  const world = simulation.world('certificates');
  node = createApiClient(hub.connect('n1-certificates', { world }), world, 'node:n1');
  const address = { subsets: [{ addresses: [{ ip: '172.30.0.1' }], ports: [{ name: 'https', port: 6443 }] }] };
  await done(cluster.admin.create<Endpoints>(resources.endpoints, { apiVersion: 'v1', kind: 'Endpoints', metadata: { name: 'kubernetes', namespace: 'default' }, ...address }).catch(() => undefined)); // prettier-ignore
  // The shortest that a request may ask for.
  certificates = startCertificates({ world, client: node, nodeName: 'n1', root, metrics: createRegistry(), expirationSeconds: 600 }); // prettier-ignore
}, 60_000);
afterAll(async () => {
  await done(certificates.stop());
  await cluster.stop();
  rmSync(dir, { recursive: true });
});

describe('a node of a cluster whose controllers have the authority', () => {
  it('is given a certificate without anybody’s help, with the rights that nodes have', async () => {
    await reaches('holding');
    expect((await requests()).map(shown)).toEqual([
      {
        name: expect.stringMatching(/^csr-/) as string,
        by: 'system:node:n1',
        groups: ['system:nodes', 'system:authenticated'],
        conditions: ['Approved: Auto approving self kubelet client certificate after SubjectAccessReview.'],
        isIssued: true,
      },
    ]);
    expect(current().subject).toBe('O=system:nodes\nCN=system:node:n1');
    expect(current().verify(new X509Certificate(readFileSync(join(dir, 'pki/ca.crt'))).publicKey)).toBe(true);
    expect(readFileSync(join(root, 'kubelet.conf'), 'utf8')).toContain('"server": "https://172.30.0.1:6443"');
  });
  it('gets another one before that ends, and uses the one it has until then', async () => {
    const first = current();
    // 70 to 90 % of 15 minutes, of which 5 lie before it was signed.
    await cluster.simulation.advance(5 * MINUTE_MS);
    expect(current().serialNumber).toBe(first.serialNumber);
    await cluster.simulation.advance(4 * MINUTE_MS);
    await reaches('holding');
    expect(await requests()).toHaveLength(2);
    expect(current().serialNumber).not.toBe(first.serialNumber);
    expect(Date.parse(current().validTo)).toBeGreaterThan(Date.parse(first.validTo));
  });
  it('is refused another’s, and approval of what it asks for', async () => {
    const ask = (name: string, signerName: string): Promise<Csr> => {
      const request = Buffer.from(makeRequest(name).pem).toString('base64');
      const usages: Csr['spec']['usages'] = ['digital signature', 'client auth'];
      return node.create<Csr>(certificateSigningRequests, { apiVersion: 'certificates.k8s.io/v1', kind: 'CertificateSigningRequest', metadata: { generateName: 'evil-' }, spec: { request, signerName, usages } }); // prettier-ignore
    };
    const forbidden = (work: Promise<unknown>): Promise<void> =>
      done(work.then(() => 'done', reasonOf)).then((reason) => expect(reason).toBe('Forbidden'));
    await forbidden(ask('n2', 'kubernetes.io/kube-apiserver-client-kubelet'));
    // Others' signers sign what somebody has approved: nobody does so by himself.
    const made = await done(ask('n2', 'kubernetes.io/kube-apiserver-client'));
    const conditions = [{ type: 'Approved', status: 'True', reason: 'Me' }];
    await forbidden(node.update(certificateSigningRequests, { ...made, status: { conditions } }, { subresource: 'approval' })); // prettier-ignore
    await cluster.simulation.advance(MINUTE_MS);
    expect((await requests()).filter(({ metadata }) => metadata.name === made.metadata.name).map(shown)).toMatchObject([
      { conditions: undefined, isIssued: false },
    ]);
  });
});
