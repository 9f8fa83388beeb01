import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type * as X509 from '@peculiar/x509';
import type { ReadRequest } from '../../actors/runtime/certificate-requests.ts';
import type { Signer } from '../../actors/controllers/csr-signing/actor.ts';
import { authority, serial, SIGNATURE, type Authority } from './issue.ts';
import type { x509 as Library } from './x509-library.ts';

const SUBJECT_ALT_NAME = '2.5.29.17';
/** As Kubernetes calls them. Source: pkg/controller/certificates/authority/policies.go. */
const USAGES = {
  signing: 'digitalSignature', 'digital signature': 'digitalSignature', 'content commitment': 'nonRepudiation',
  'key encipherment': 'keyEncipherment', 'key agreement': 'keyAgreement', 'data encipherment': 'dataEncipherment',
  'cert sign': 'keyCertSign', 'crl sign': 'cRLSign', 'encipher only': 'encipherOnly', 'decipher only': 'decipherOnly',
} as const; // prettier-ignore
/** In the order in which Go writes them. */
const EXTENDED_USAGES: readonly (readonly [usage: string, oid: string])[] = [
  ['any', '2.5.29.37.0'], ['server auth', '1.3.6.1.5.5.7.3.1'], ['client auth', '1.3.6.1.5.5.7.3.2'],
  ['code signing', '1.3.6.1.5.5.7.3.3'], ['email protection', '1.3.6.1.5.5.7.3.4'], ['s/mime', '1.3.6.1.5.5.7.3.4'],
  ['ipsec end system', '1.3.6.1.5.5.7.3.5'], ['ipsec tunnel', '1.3.6.1.5.5.7.3.6'], ['ipsec user', '1.3.6.1.5.5.7.3.7'],
  ['timestamping', '1.3.6.1.5.5.7.3.8'], ['ocsp signing', '1.3.6.1.5.5.7.3.9'],
  ['microsoft sgc', '1.3.6.1.4.1.311.10.3.3'], ['netscape sgc', '2.16.840.1.113730.4.1'],
]; // prettier-ignore

/** What a request asks for. What reads it is loaded with the first one. */
export const readRequest: ReadRequest = async (request) => {
  const { x509 } = await import('./x509-library.ts');
  const { subjectName, extensions } = new x509.Pkcs10CertificateRequest(request);
  const names = extensions.find(({ type }) => type === SUBJECT_ALT_NAME);
  const all = names === undefined ? [] : new x509.SubjectAlternativeNameExtension(names.rawData).names.items;
  const named = (type: string): string[] => all.filter((name) => name.type === type).map((name) => name.value);
  return {
    // As in Go the last one counts.
    commonName: subjectName.getField('CN').at(-1) ?? '',
    organizations: subjectName.getField('O'),
    dnsNames: named('dns'),
    addresses: named('ip'),
    emails: named('email'),
    uris: named('url'),
  };
};

/**
 * Signs requests by the authority in `dir`, `ca.crt` and `ca.key`; undefined if its key is not there. Both are read, and
 * what reads and writes certificates is loaded, with the first request.
 */
export function signerIn(dir: string): Signer | undefined {
  if (!existsSync(join(dir, 'ca.key'))) return undefined;
  let loaded: Promise<{ readonly x509: typeof Library; readonly ca: Authority }> | undefined;
  const load = async () => {
    const { x509 } = await import('./x509-library.ts');
    const none = (): never => {
      throw new Error(`${join(dir, 'ca.crt')} is missing`);
    };
    return { x509, ca: await authority(x509, dir, 0, none) };
  };
  const ready = () => (loaded ??= load().catch((error: unknown) => {
    loaded = undefined;
    throw error;
  })); // prettier-ignore
  return {
    read: readRequest,
    async sign(request, usages, { from, until }) {
      const { x509, ca } = await ready();
      const { subjectName, publicKey, extensions } = new x509.Pkcs10CertificateRequest(request);
      const end = ca.cert.notAfter.getTime();
      if (from >= end) throw new Error(`the signer has expired: NotAfter=${ca.cert.notAfter.toISOString()}`);
      const names = extensions.find(({ type }) => type === SUBJECT_ALT_NAME);
      const cert = await x509.X509CertificateGenerator.create({
        serialNumber: serial(), subject: subjectName, issuer: ca.cert.subject, notBefore: new Date(from),
        notAfter: new Date(Math.min(until, end)), signingAlgorithm: SIGNATURE, publicKey, signingKey: ca.key,
        extensions: [
          ...usagesIn(x509, usages),
          new x509.BasicConstraintsExtension(false, undefined, true),
          await x509.AuthorityKeyIdentifierExtension.create(ca.cert.publicKey),
          ...(names === undefined ? [] : [new x509.Extension(SUBJECT_ALT_NAME, false, names.value)]),
        ],
      }); // prettier-ignore
      return `${cert.toString('pem')}\n`;
    },
  };
}
function usagesIn(x509: typeof Library, usages: readonly string[]): X509.Extension[] {
  const named = Object.entries(USAGES).flatMap(([usage, flag]) => (usages.includes(usage) ? [flag] : []));
  const { KeyUsageFlags, KeyUsagesExtension } = x509;
  const extended = [...new Set(EXTENDED_USAGES.filter(([usage]) => usages.includes(usage)).map(([, oid]) => oid))];
  return [
    ...(named.length === 0
      ? []
      : [
          new KeyUsagesExtension(
            named.map((name) => KeyUsageFlags[name]).reduce((all, flag) => all | flag),
            true,
          ),
        ]),
    ...(extended.length === 0 ? [] : [new x509.ExtendedKeyUsageExtension(extended)]),
  ];
}
