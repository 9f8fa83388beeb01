import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Signer } from '../../actors/controllers/csr-signing/actor.ts';
import { authority, DAY_MS, SIGNATURE } from './issue.ts';
import { writerTo } from './kept.ts';
import { signerIn } from './signing.ts';

const folder = mkdtempSync(join(tmpdir(), 'kubus-signing-'));
const NOW = Math.floor(Date.now() / 1000) * 1000;
let signer: Signer;
let ca: X509Certificate;
let request: string;

beforeAll(async () => {
  expect(signerIn(folder)).toBeUndefined();
  const { x509 } = await import('./x509-library.ts');
  await authority(x509, folder, NOW, writerTo(folder));
  signer = signerIn(folder)!;
  ca = new X509Certificate(execFileSync('cat', [join(folder, 'ca.crt')]));
  const keys = await crypto.subtle.generateKey(SIGNATURE, true, ['sign', 'verify']);
  const csr = await x509.Pkcs10CertificateRequestGenerator.create({
    name: 'O=system:nodes, CN=system:node:n1',
    keys,
    signingAlgorithm: SIGNATURE,
    extensions: [
      new x509.SubjectAlternativeNameExtension([
        { type: 'dns', value: 'n1.example' },
        { type: 'ip', value: '10.0.0.1' },
        { type: 'email', value: 'a@b.example' },
        { type: 'url', value: 'spiffe://x/y' },
      ]),
      // Nobody signs himself an authority.
      new x509.BasicConstraintsExtension(true),
    ],
  });
  request = csr.toString('pem');
});
afterAll(() => rmSync(folder, { recursive: true }));

it('reads what a request asks for', async () => {
  expect(await signer.read(request)).toEqual({
    commonName: 'system:node:n1',
    organizations: ['system:nodes'],
    dnsNames: ['n1.example'],
    addresses: ['10.0.0.1'],
    emails: ['a@b.example'],
    uris: ['spiffe://x/y'],
  });
});
it('signs its names and what they are for, and nothing else', async () => {
  const usages = ['server auth', 'digital signature', 'client auth'];
  const pem = await signer.sign(request, usages, { from: NOW - 300_000, until: NOW + DAY_MS });
  expect(pem).toMatch(/^-----BEGIN CERTIFICATE-----\n[^]*\n-----END CERTIFICATE-----\n$/);
  const cert = new X509Certificate(pem);
  expect(cert.verify(ca.publicKey)).toBe(true);
  expect(cert.checkIssued(ca)).toBe(true);
  expect(cert.ca).toBe(false);
  expect(cert.subject).toBe('O=system:nodes\nCN=system:node:n1');
  expect(cert.subjectAltName).toBe('DNS:n1.example, IP Address:10.0.0.1, email:a@b.example, URI:spiffe://x/y');
  expect(cert.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
  expect([Date.parse(cert.validFrom), Date.parse(cert.validTo)]).toEqual([NOW - 300_000, NOW + DAY_MS]);
});
it('signs nothing beyond its own life', async () => {
  const end = Date.parse(ca.validTo);
  const cert = new X509Certificate(await signer.sign(request, [], { from: NOW, until: end + DAY_MS }));
  expect(Date.parse(cert.validTo)).toBe(end);
  await expect(signer.sign(request, [], { from: end, until: end + DAY_MS })).rejects.toThrow('the signer has expired');
});
