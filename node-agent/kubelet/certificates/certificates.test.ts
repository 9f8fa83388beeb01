import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { certificateSigningRequests } from '../../../actors/runtime/certificate-requests.ts';
import type { Signer } from '../../../actors/controllers/csr-signing/actor.ts';
import { createRegistry, type Registry } from '../../../actors/runtime/metrics/registry.ts';
import { KEY_LABEL } from '../../../actors/runtime/node-labels.ts';
import { configMaps, endpoints, nodes } from '../../../actors/runtime/resources.ts';
import { fakeApi, type FakeApi } from '../../../actors/runtime/testing/fake-api.ts';
import { testWorld, type TestWorld } from '../../../actors/runtime/testing/world.ts';
import { ensurePki } from '../../../ops/pki/pki.ts';
import { readRequest, signerIn } from '../../../ops/pki/signing.ts';
import { x509 } from '../../../ops/pki/x509-library.ts';
import type { CertificateSigningRequest } from '../../../schemas/generated/certificates-v1.ts';
import type { ConfigMap, Endpoints, Node } from '../../../schemas/generated/core-v1.ts';
import { ApiError } from '../../../schemas/meta/status.ts';
import type { ServerNames } from './extensions.ts';
import type { KeyPair } from './key-pair.ts';
import { startCertificates, type Certificates } from './manager.ts';
import { namesOf, serving } from './purpose.ts';
import { makeRequest } from './request.ts';
import { CURRENT } from './store.ts';

type Csr = CertificateSigningRequest;
const MINUTE_MS = 60_000;
const authority = mkdtempSync(join(tmpdir(), 'kubus-authority-'));
let signer: Signer;
beforeAll(async () => {
  await ensurePki(authority, ['127.0.0.1'], Date.parse('2026-01-01T00:00:00Z'));
  signer = signerIn(authority)!;
});
afterAll(() => rmSync(authority, { recursive: true }));

let at: string;
let world: TestWorld;
let api: FakeApi;
let metrics: Registry;
let certificates: Certificates;
const folder = (): string => join(at, 'pki');
const file = (): string => join(folder(), CURRENT);
const begin = (): void => {
  metrics = createRegistry();
  certificates = startCertificates({
    world, metrics, nodeName: 'n1', root: at, client: api.client('node:n1'),
  }); // prettier-ignore
};
const restart = async (): Promise<void> => {
  await certificates.stop();
  begin();
};
beforeEach(async () => {
  at = mkdtempSync(join(tmpdir(), 'kubus-node-'));
  world = testWorld();
  api = fakeApi(world);
  const admin = api.client('admin');
  await admin.create<Endpoints>(endpoints, { apiVersion: 'v1', kind: 'Endpoints', metadata: { name: 'kubernetes', namespace: 'default' }, subsets: [{ addresses: [{ ip: '172.30.0.1' }], ports: [{ name: 'https', port: 6443 }] }] }); // prettier-ignore
  await admin.create<ConfigMap>(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'kube-root-ca.crt', namespace: 'kube-public' }, data: { 'ca.crt': readFileSync(join(authority, 'ca.crt'), 'utf8') } }); // prettier-ignore
});
afterEach(async () => {
  await certificates.stop();
  rmSync(at, { recursive: true });
});

const requests = (): Csr[] => api.objects<Csr>(certificateSigningRequests);
/** Files are read and written in real time. */
const reaches = (state: string): Promise<void> => vi.waitFor(() => expect(certificates.state()).toBe(state), 5_000);
const decide = async (csr: Csr, type: string, more: Partial<Csr['status']> = {}): Promise<void> => {
  const conditions = [{ type, status: 'True', reason: 'Test', message: 'by the test' }];
  await api.client('admin').update(certificateSigningRequests, { ...csr, status: { conditions, ...more } }, { subresource: 'status' }); // prettier-ignore
};
/** `minutes` of life; `as` is what is signed instead of what was asked for. */
const sign = async (csr: Csr, minutes = 60, as = Buffer.from(csr.spec.request, 'base64').toString()): Promise<void> => {
  const life = { from: world.clock.now() - 5 * MINUTE_MS, until: world.clock.now() + minutes * MINUTE_MS };
  const pem = await signer.sign(as, csr.spec.usages ?? [], life);
  await decide(csr, 'Approved', { certificate: Buffer.from(pem).toString('base64') });
};
const issue = async (minutes?: number): Promise<void> => {
  await reaches('awaiting');
  await sign(requests().at(-1)!, minutes);
  await reaches('holding');
};
const metric = (what: string): string | undefined =>
  metrics.families().find(({ name }) => name === `kubelet_certificate_manager_client_${what}`)?.lines.at(-1)?.split(' ')[1]; // prettier-ignore
const minutesLeft = (): number => Math.ceil(Number(metric('ttl_seconds')) / 60);
const serial = (): string => new X509Certificate(readFileSync(file())).serialNumber;

describe('a node', () => {
  it('asks for its certificate as upstream’s kubelet does, by a key that stays with it', async () => {
    begin();
    await reaches('awaiting');
    const [csr] = requests();
    expect([csr!.metadata.name, csr!.spec.signerName, csr!.spec.usages, csr!.spec.expirationSeconds]).toEqual([
      expect.stringMatching(/^csr-.{5}$/),
      'kubernetes.io/kube-apiserver-client-kubelet',
      ['digital signature', 'client auth'],
      undefined,
    ]);
    const pem = Buffer.from(csr!.spec.request, 'base64').toString();
    expect(await readRequest(pem)).toEqual({ commonName: 'system:node:n1', organizations: ['system:nodes'], dnsNames: [], addresses: [], emails: [], uris: [] }); // prettier-ignore
    const read = new x509.Pkcs10CertificateRequest(pem);
    expect([await read.verify(), read.subject, read.publicKey.algorithm]).toEqual([true, 'O=system:nodes, CN=system:node:n1', { name: 'ECDSA', namedCurve: 'P-256' }]); // prettier-ignore
    expect([metric('ttl_seconds'), metric('expiration_renew_errors')]).toEqual(['+Inf', '0']);
  });
  it('keeps it with its key, and writes a kubeconfig that leads to API servers', async () => {
    begin();
    await issue(60);
    expect(new X509Certificate(readFileSync(file())).subject).toBe('O=system:nodes\nCN=system:node:n1');
    expect(readFileSync(file(), 'utf8')).toMatch(/^-----BEGIN CERTIFICATE-----[\s\S]+-----BEGIN EC PRIVATE KEY-----/);
    expect(metric('ttl_seconds')).toBe('3600');
    const config = JSON.parse(readFileSync(join(at, 'kubelet.conf'), 'utf8')) as { users: unknown; clusters: [{ cluster: object }] }; // prettier-ignore
    expect(config.users).toEqual([{ name: 'default-auth', user: { 'client-certificate': 'pki/kubelet-client-current.pem', 'client-key': 'pki/kubelet-client-current.pem' } }]); // prettier-ignore
    expect(config.clusters[0].cluster).toMatchObject({ server: 'https://172.30.0.1:6443' });
    expect(statSync(join(at, 'kubelet.conf')).mode & 0o777).toBe(0o600);
  });
  it('replaces it between 70 and 90 % of its life, and uses the old one until then', async () => {
    begin();
    await issue(15);
    const first = serial();
    // 5 of its 20 minutes lie before it was signed.
    await world.advance(9 * MINUTE_MS - 1);
    expect([certificates.state(), requests().length]).toEqual(['holding', 1]);
    await world.advance(4 * MINUTE_MS + 2);
    await reaches('awaiting');
    expect([requests().length, serial()]).toEqual([2, first]);
    await issue(15);
    expect(serial()).not.toBe(first);
    expect([minutesLeft(), readdirSync(folder()).length]).toEqual([15, 3]);
  });
  it('goes on with the one that it has when it starts again', async () => {
    begin();
    await issue();
    await restart();
    await reaches('holding');
    expect([requests().length, metric('ttl_seconds')]).toEqual([1, '3600']);
  });
  it.each<[what: string, spoil: () => void | Promise<void>]>([
    ['is damaged', () => writeFileSync(file(), readFileSync(file(), 'utf8').slice(0, 300))],
    ['has lost its key', () => writeFileSync(file(), readFileSync(file(), 'utf8').replace(/-----BEGIN EC[\s\S]*/, ''))],
    ['is empty', () => writeFileSync(file(), '')],
    ['has another’s key', () => writeFileSync(file(), readFileSync(file(), 'utf8').replace(/-----BEGIN EC[\s\S]*/, makeRequest('n1').key.export({ type: 'sec1', format: 'pem' }) as string))],
    ['is gone', () => rmSync(folder(), { recursive: true })],
    ['is over', () => world.advance(61 * MINUTE_MS)],
  ])('asks for another one where its own %s', async (_, spoil) => {
    begin();
    await issue();
    await certificates.stop();
    await spoil();
    begin();
    await issue();
    expect([requests().length, minutesLeft()]).toEqual([2, 60]);
  }); // prettier-ignore
  it('sees within the hour that its file is gone or its clock was set', async () => {
    begin();
    await issue(100 * 24 * 60);
    rmSync(file());
    await world.advance(59 * MINUTE_MS);
    expect(requests()).toHaveLength(1);
    await world.advance(MINUTE_MS);
    await issue();
    expect(requests()).toHaveLength(2);
  });
});

describe('a node whose certificate was good once', () => {
  it('asks for others until it has one of the authority that the cluster has now, one an hour', async () => {
    begin();
    await issue(100 * 24 * 60);
    const other = mkdtempSync(join(at, 'other-'));
    await ensurePki(other, ['127.0.0.1'], world.clock.now());
    const data = { 'ca.crt': readFileSync(join(other, 'ca.crt'), 'utf8') };
    await api.client('admin').patch(configMaps, 'kube-root-ca.crt', 'kube-public', 'merge', { data });
    await restart();
    // Of the old one still.
    await issue(100 * 24 * 60);
    expect(readFileSync(join(at, 'kubelet.conf'), 'utf8')).toContain(Buffer.from(data['ca.crt']).toString('base64'));
    await world.advance(59 * MINUTE_MS);
    await reaches('holding');
    expect(requests()).toHaveLength(2);
    await world.advance(MINUTE_MS);
    await reaches('awaiting');
    const before = signer;
    signer = signerIn(other)!;
    await issue(100 * 24 * 60);
    signer = before;
    await world.advance(3 * 60 * MINUTE_MS);
    await reaches('holding');
    expect(requests()).toHaveLength(3);
  });
  it.each([
    ['asks for another where its Node was deleted and it joined again', { [KEY_LABEL]: 'UAAA' }, 2],
    ['goes on with it where its Node was made after it asked', {}, 1],
  ])('%s', async (_, labels, asked) => {
    begin();
    await issue(100 * 24 * 60);
    await world.advance(MINUTE_MS);
    await api.client('admin').create<Node>(nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1', labels } });
    await restart();
    if (asked > 1) await issue(100 * 24 * 60);
    await reaches('holding');
    await world.advance(60 * MINUTE_MS);
    await reaches('holding');
    expect(requests()).toHaveLength(asked);
  });
  it('goes on with it where nobody can be asked', async () => {
    begin();
    await issue();
    api.intercept = () => {
      throw new ApiError('ServiceUnavailable', 'away');
    };
    await restart();
    await reaches('undescribed');
    expect([requests().length, minutesLeft()]).toEqual([1, 60]);
  });
});

describe('a node that gets no certificate', () => {
  const fails = async (): Promise<void> => {
    await reaches('backingOff');
    expect(metric('expiration_renew_errors')).toBe('1');
    await world.advance(2_200);
  };
  const complaint = (): string => String((world.complaints.at(-1)?.keys as { err?: Error } | undefined)?.err?.message);
  it.each<[what: string, answer: (csr: Csr) => void | Promise<void>, why: string]>([
    ['was denied', (csr) => decide(csr, 'Denied'), 'certificate signing request is denied, reason: Test, message: by the test'],
    ['could not be signed', (csr) => decide(csr, 'Failed'), 'certificate signing request failed, reason: Test, message: by the test'],
    ['was deleted', (csr) => api.client('admin').delete(certificateSigningRequests, csr.metadata.name!), 'was deleted'],
    ['got one of another key', (csr) => sign(csr, 60, makeRequest('n1').pem), 'private key does not match public key'],
    ['got one of nothing', (csr) => decide(csr, 'Approved', { certificate: Buffer.from('-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n').toString('base64') }), ''],
    ['waited for 15 minutes', () => world.advance(15 * MINUTE_MS), 'timed out waiting for the condition'],
  ])('since its request %s asks again, with another key', async (_, answer, why) => {
    begin();
    await reaches('awaiting');
    const [first] = requests();
    await answer(first!);
    await fails();
    expect(complaint()).toContain(why);
    await issue();
    const last = requests().at(-1)!;
    expect([last.spec.request === first!.spec.request, minutesLeft()]).toEqual([false, 60]);
  }); // prettier-ignore
  it('since it may not ask is refused ever more seldom, and gets it once it may', async () => {
    api.intercept = ({ resource, verb }) => {
      if (resource === 'certificatesigningrequests' && verb === 'create') throw new ApiError('Forbidden', 'no');
    };
    begin();
    await reaches('backingOff');
    const asked = (): number => api.calls.filter(({ resource, verb }) => resource === 'certificatesigningrequests' && verb === 'create').length; // prettier-ignore
    await world.advance(34_000);
    expect(asked()).toBe(5);
    await world.advance(320_000);
    expect(asked()).toBe(15);
    api.intercept = undefined;
    await world.advance(32_000);
    await issue();
    expect(metric('expiration_renew_errors')).toBe('15');
  });
  it('one of another node included, keeps what it has', async () => {
    begin();
    await issue(15);
    const first = serial();
    await world.advance(13 * MINUTE_MS);
    await reaches('awaiting');
    await sign(requests().at(-1)!, 60, makeRequest('n2').pem);
    await fails();
    expect(serial()).toBe(first);
  });
  it('leaves off when it is stopped', async () => {
    begin();
    await reaches('awaiting');
    await certificates.stop();
    await vi.waitFor(() => expect(api.openWatches).toBe(0));
    await sign(requests()[0]!);
    await world.settle();
    expect([certificates.state(), readdirSync(at)]).toEqual(['stopped', []]);
  });
});

it('API servers that nobody knows yet are looked for until they are', async () => {
  const away = (): Promise<void> => api.client('admin').delete(endpoints, 'kubernetes', 'default');
  await away();
  begin();
  await reaches('awaiting');
  await sign(requests()[0]!);
  await reaches('undescribed');
  await api.client('admin').create<Endpoints>(endpoints, { apiVersion: 'v1', kind: 'Endpoints', metadata: { name: 'kubernetes', namespace: 'default' }, subsets: [{ addresses: [{ ip: 'fd00::1' }], ports: [{ port: 6443 }] }] }); // prettier-ignore
  await world.advance(10_000);
  await reaches('holding');
  expect(readFileSync(join(at, 'kubelet.conf'), 'utf8')).toContain('"https://[fd00::1]:6443"');
});

describe('a certificate for who reaches the node', () => {
  let names: ServerNames | undefined;
  let used: KeyPair[];
  const serve = (): void => {
    metrics = createRegistry();
    certificates = startCertificates({
      world, metrics, nodeName: 'n1', root: at, client: api.client('node:n1'),
      purpose: serving({ names: () => names, use: (pair) => void used.push(pair) }),
    }); // prettier-ignore
  };
  beforeEach(() => {
    names = { dns: ['n1'], ips: ['172.18.0.2', 'fd00::2'] };
    used = [];
  });
  it('says how the node is called, and is used once it is there and after each start', async () => {
    serve();
    await reaches('awaiting');
    const [csr] = requests();
    expect([csr!.spec.signerName, csr!.spec.usages]).toEqual(['kubernetes.io/kubelet-serving', ['digital signature', 'server auth']]); // prettier-ignore
    expect(await readRequest(Buffer.from(csr!.spec.request, 'base64').toString())).toMatchObject({ commonName: 'system:node:n1', organizations: ['system:nodes'], dnsNames: names!.dns, addresses: names!.ips }); // prettier-ignore
    await issue();
    expect(used.map(({ certificate }) => certificate.subjectAltName)).toEqual(['DNS:n1, IP Address:172.18.0.2, IP Address:FD00:0:0:0:0:0:0:2']); // prettier-ignore
    await certificates.stop();
    serve();
    await reaches('holding');
    expect([used.length, requests().length, readdirSync(at), readdirSync(folder()).length]).toEqual([2, 1, ['pki'], 2]);
  });
  it('is another once the node is called otherwise, and the old one is used until then', async () => {
    serve();
    await issue(100 * 24 * 60);
    names = { dns: ['n1'], ips: ['172.18.0.3'] };
    await world.advance(60 * MINUTE_MS);
    await reaches('awaiting');
    expect(used).toHaveLength(1);
    await issue(100 * 24 * 60);
    names = { dns: ['n1'], ips: [] };
    await world.advance(60 * MINUTE_MS);
    await reaches('holding');
    expect([requests().length, used.at(-1)!.certificate.subjectAltName]).toEqual([2, 'DNS:n1, IP Address:172.18.0.3']);
  });
  it('is not asked for before the node has an address', async () => {
    const known = names;
    names = undefined;
    serve();
    await reaches('backingOff');
    expect(requests()).toEqual([]);
    names = known;
    await world.advance(2_200);
    await issue();
    expect(used).toHaveLength(1);
  });
});
it.each<[what: string, addresses: [type: string, address: string][], names: ServerNames | undefined]>([
  ['both', [['InternalIP', '10.0.0.2'], ['Hostname', 'n1'], ['ExternalIP', '1.2.3.4'], ['InternalDNS', 'n1.lan']], { dns: ['n1', 'n1.lan'], ips: ['1.2.3.4', '10.0.0.2'] }],
  ['a host name that is an address', [['Hostname', '10.0.0.2'], ['Hostname', '10.0.0.2']], { dns: [], ips: ['10.0.0.2'] }],
  ['what is none', [['InternalIP', 'here'], ['InternalIP', ''], ['InternalIP', 'fd00::1']], { dns: [], ips: ['fd00::1'] }],
  ['names alone', [['Hostname', 'n1']], undefined],
])('names of a node with %s', (_, addresses, expected) => {
  expect(namesOf(addresses.map(([type, address]) => ({ type, address })))).toEqual(expected);
}); // prettier-ignore
