import { createPublicKey, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testWorld } from '../runtime/testing/world.ts';
import { fakeApi } from '../runtime/testing/fake-api.ts';
import { KEY_LABEL, REVOKED_LABEL } from '../runtime/node-labels.ts';
import { nodes } from '../runtime/resources.ts';
import { createMemoryHub } from '../../bus/memory/bus.ts';
import type { JoinRequest, NodeGate } from '../../bus/node-gate.ts';
import { makeRequest } from '../../node-agent/kubelet/certificates/request.ts';
import { authority, issue, selfSigned, type Authority } from '../../ops/pki/issue.ts';
import { ensurePki } from '../../ops/pki/pki.ts';
import { signerIn } from '../../ops/pki/signing.ts';
import { x509 } from '../../ops/pki/x509-library.ts';
import type { Node } from '../../schemas/generated/core-v1.ts';
import { ApiError } from '../../schemas/meta/status.ts';
import { startNodeAuthenticator } from './actor.ts';
import { readCertificate } from './certificate.ts';

const NOW = Date.parse('2026-01-01T00:10:00Z');
const DAY_MS = 86_400_000;
const dir = mkdtempSync(join(tmpdir(), 'kubus-authority-'));
const pem = (name: string): string => readFileSync(join(dir, name), 'utf8');
let ca: Authority;
let foreign: Authority;
beforeAll(async () => {
  await ensurePki(dir, ['127.0.0.1'], NOW);
  const none = (): never => {
    throw new Error('there is one');
  };
  ca = await authority(x509, dir, NOW, none);
  // It goes by the same name.
  foreign = await authority(x509, dir, NOW, (_name, text) => text, 'other', 'CN=kubernetes');
});
afterAll(() => rmSync(dir, { recursive: true }));

const der = (text: string): Uint8Array => new X509Certificate(text).raw;
/** As the signer of kubelets' certificates makes them. */
const signed = async (node: string, usages = ['digital signature', 'client auth'], from = NOW - 300_000, until = NOW + DAY_MS) =>
  der(await signerIn(dir)!.sign(makeRequest(node).pem, usages, { from, until })); // prettier-ignore
const made = async (by: Authority, name: string, purpose: string = x509.ExtendedKeyUsage.clientAuth, more: ConstructorParameters<typeof x509.Extension>[] = []) =>
  der((await issue(x509, by, name, NOW, NOW + DAY_MS, [new x509.ExtendedKeyUsageExtension([purpose]), ...more.map((m) => new x509.Extension(...m))])).cert); // prettier-ignore

describe('a certificate that somebody shows who says to be worker-1', () => {
  const NODE = 'CN=system:node:worker-1, O=system:nodes';
  it.each<[what: string, certificate: () => Promise<Uint8Array> | Uint8Array, outcome: string]>([
    ['worker-1’s', () => signed('worker-1'), 'good'],
    ['worker-2’s', () => signed('worker-2'), 'its certificate is that of "system:node:worker-2" in "system:nodes"'],
    ['worker-1’s to serve with', () => signed('worker-1', ['digital signature', 'server auth']), 'its certificate is not one for clients'],
    ['one that is over', () => signed('worker-1', undefined, NOW - DAY_MS, NOW - 1_000), 'its certificate expired at'],
    ['one that is not good yet', () => signed('worker-1', undefined, NOW + 60_000), 'its certificate is not good before'],
    ['one by another authority of the same name', () => made(foreign, NODE), 'its certificate is of another authority'],
    ['one that vouches for itself', async () => der((await selfSigned(x509, NODE, NOW, NOW + DAY_MS, [])).cert), 'its certificate is of another authority'],
    ['a user’s', () => made(ca, 'CN=jane, O=system:nodes'), 'its certificate is that of "jane"'],
    ['the administrator’s', () => der(pem('admin.crt')), 'its certificate is that of "kubernetes-admin" in "system:masters"'],
    ['the API server’s', () => der(pem('apiserver.crt')), 'its certificate is not one for clients'],
    ['the authority’s', () => der(pem('ca.crt')), 'its certificate is not one for clients'],
    ['of a user who is called so', () => made(ca, 'CN=system:node:worker-1'), 'in undefined'],
    ['of two names', () => made(ca, `CN=system:node:worker-2, ${NODE}`), 'is that of ["system:node:worker-2","system:node:worker-1"]'],
    ['of two groups', () => made(ca, `${NODE}, O=system:masters`), 'in ["system:nodes","system:masters"]'],
    ['of a name with more in it', () => made(ca, 'CN="system:node:worker-1\\0A", O=system:nodes'), 'its certificate is that of'],
    ['nothing', () => new Uint8Array(), 'what it showed is no certificate'],
  ])('%s', async (_, certificate, outcome) => {
    const read = readCertificate(await certificate(), { node: 'worker-1', authority: pem('ca.crt'), now: NOW });
    if (outcome === 'good') expect(read).toEqual({ notBefore: NOW - 300_000 });
    else expect(read).toEqual({ why: expect.stringContaining(outcome) as string });
  }); // prettier-ignore
  it('is worth nothing where the authority is not known', async () => {
    expect(readCertificate(await signed('worker-1'), { node: 'worker-1', authority: undefined, now: NOW })).toHaveProperty('why'); // prettier-ignore
  });
  it('has the key of the request', async () => {
    const { pem: request, key } = makeRequest('n');
    const certificate = new X509Certificate(await signerIn(dir)!.sign(request, ['client auth'], { from: 0, until: 1 }));
    expect(certificate.publicKey.equals(createPublicKey(key))).toBe(true);
  });
});

describe('the node authenticator', () => {
  const [OLD, NEW] = ['UOLD', 'UNEW'];
  async function running() {
    const world = testWorld();
    const api = fakeApi(world);
    const admin = api.client('admin');
    let decide: Parameters<NodeGate['serve']>[0] | undefined;
    const looks: number[] = [];
    const gate: NodeGate = {
      serve: (how) => {
        decide = how;
        return { unsubscribe: () => undefined };
      },
      endUntrusted: () => Promise.resolve((looks.push(world.clock.now()), [])),
    };
    const bus = createMemoryHub({}).connect('a', { world });
    const component = startNodeAuthenticator({ world, bus, id: 'a', gate, client: api.client('node-authenticator'), clusterCa: pem('ca.crt') }); // prettier-ignore
    await world.until(() => decide !== undefined);
    await admin.create<Node>(nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'worker-1', labels: { [KEY_LABEL]: OLD, mine: '1' } } }); // prettier-ignore
    const certificate = await signed('worker-1', undefined, world.clock.now() - 300_000, world.clock.now() + DAY_MS);
    const ask = (more: Partial<JoinRequest> = {}) => decide!({ node: 'worker-1', key: NEW, token: '', host: 'h', shown: { certificate }, ...more }); // prettier-ignore
    const labels = () => api.object<Node>(nodes, 'worker-1')!.metadata.labels;
    return { world, api, admin, ask, labels, looks, component };
  }
  it('gives the Node the key of who shows its certificate, and ends what came by the old one', async () => {
    const { world, ask, labels, looks, component } = await running();
    const before = looks.length;
    expect(await ask()).toBeUndefined();
    expect(labels()).toEqual({ [KEY_LABEL]: NEW, mine: '1' });
    await world.advance(10_000);
    expect(looks.length).toBeGreaterThan(before);
    // Whoever had the old one is out, unless it shows its certificate too.
    expect(await ask({ key: OLD, shown: undefined })).toContain('bound to another key');
    expect(await ask({ shown: undefined })).toBeUndefined();
    await component.stop();
  });
  it('says in the log why it refuses, and leaves the Node as it is', async () => {
    const { world, ask, labels, component } = await running();
    expect(await ask({ shown: { problem: 'it lies' } })).toBe('the Node is bound to another key, and it lies');
    expect(await ask({ shown: { certificate: await signed('worker-2', undefined, NOW - DAY_MS) } })).toContain(
      'worker-2',
    );
    expect(world.complaints.map(({ message, keys }) => [message, (keys as { why: string }).why])).toEqual([
      ['node refused', 'the Node is bound to another key, and it lies'],
      ['node refused', expect.stringContaining('its certificate is that of "system:node:worker-2"')],
    ]);
    expect(labels()?.[KEY_LABEL]).toBe(OLD);
    await component.stop();
  });
  it('looks again where somebody changes the Node meanwhile: what was revoked stays so', async () => {
    const { api, admin, ask, labels, component } = await running();
    let revoke: (() => Promise<unknown>) | undefined = () =>
      admin.patch(nodes, 'worker-1', undefined, 'merge', { metadata: { labels: { [REVOKED_LABEL]: '' } } });
    api.intercept = async ({ caller, verb }) => {
      if (caller !== 'node-authenticator' || verb !== 'patch' || revoke === undefined) return;
      const once = revoke;
      revoke = undefined;
      await once();
    };
    expect(await ask()).toBe('its credential was revoked');
    expect(labels()?.[KEY_LABEL]).toBe(OLD);
    api.intercept = ({ verb, caller }) => {
      if (verb === 'patch' && caller === 'node-authenticator') throw new ApiError('Conflict', 'busy');
    };
    await admin.patch(nodes, 'worker-1', undefined, 'merge', { metadata: { labels: { [REVOKED_LABEL]: null } } });
    await expect(ask()).rejects.toThrow('busy');
    await component.stop();
  });
});
