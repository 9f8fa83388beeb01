import { createPrivateKey, X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readRequest } from '../../../ops/pki/signing.ts';
import { pemBlocks } from '../../../schemas/certificates/pkcs10.ts';
import { integer } from './der.ts';
import { makeRequest } from './request.ts';
import { selfSigned } from './self-signed.ts';

const NOW = Date.parse('2026-03-04T05:06:07.890Z');
const serials = [Uint8Array.of(0, 0x81, 2), Uint8Array.of(7)] as const;

it('a server’s own certificate is good for a year, by an authority that came with it', () => {
  const { cert, key } = selfSigned('n1', NOW, serials);
  const [leaf, ca] = pemBlocks(cert).map(({ bytes }) => new X509Certificate(bytes));
  expect(leaf!.checkPrivateKey(createPrivateKey(key))).toBe(true);
  expect(leaf!.checkIssued(ca!) && leaf!.verify(ca!.publicKey) && ca!.verify(ca!.publicKey)).toBe(true);
  expect([leaf!.subject, ca!.subject]).toEqual(['CN=n1@1772600767', 'CN=n1-ca@1772600767']);
  expect([leaf!.ca, ca!.ca, leaf!.subjectAltName]).toEqual([false, true, 'DNS:n1']);
  expect([leaf!.validFrom, leaf!.validTo]).toEqual(['Mar  4 04:06:07 2026 GMT', 'Mar  4 04:06:07 2027 GMT']);
  expect([leaf!.serialNumber, leaf!.keyUsage]).toEqual(['8102', ['1.3.6.1.5.5.7.3.1']]);
  expect(leaf!.checkHost('n1')).toBe('n1');
});
it('a request of a server says how it is called, of any number of names', async () => {
  const dnsNames = fc.array(fc.stringMatching(/^[a-z]([a-z0-9-]{0,60}[a-z0-9])?$/), { maxLength: 40 });
  const addresses = fc.array(fc.oneof(fc.ipV4(), fc.ipV6()), { maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(dnsNames, addresses, async (dns, ips) => {
      const read = await readRequest(makeRequest('n1', { dns, ips }).pem);
      expect([read.commonName, read.organizations, read.dnsNames]).toEqual(['system:node:n1', ['system:nodes'], dns]);
      expect(read.addresses).toHaveLength(ips.length);
    }),
    { numRuns: 20 },
  );
  const { addresses: told } = await readRequest(makeRequest('n1', { dns: [], ips: ['10.0.0.1', 'fd00::2'] }).pem);
  expect(told).toEqual(['10.0.0.1', 'fd00::2']);
});
it('a number is written without signs and zeros that say nothing', () => {
  const hex = (bytes: number[]): string => integer(Uint8Array.from(bytes)).toString('hex');
  expect([hex([0]), hex([]), hex([0, 0, 5]), hex([0x80]), hex([0x7f, 0xff])]).toEqual(['020100', '020100', '020105', '02020080', '02027fff']); // prettier-ignore
});
