import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createPrivateKey, generateKeyPair, X509Certificate } from 'node:crypto';
import { authority, DAY_MS, hostNames, issue } from './issue.ts';
import { writerTo } from './kept.ts';

/** Keys and certificates of one cluster, PEM. Files are 0600, folders 0700. */
export interface Pki {
  readonly ca: string;
  readonly serverCert: string;
  readonly serverKey: string;
  readonly adminCert: string;
  readonly adminKey: string;
  /** Signs service-account tokens: RSA, for the RS256 that clients of Kubernetes tokens expect. */
  readonly serviceAccountKey: string;
}

/** By which API servers are reached from their own machine and from within the cluster, whatever else they are called. */
const OWN_HOSTS = [
  'localhost',
  '127.0.0.1',
  '::1',
  '10.96.0.1',
  'kubernetes',
  'kubernetes.default',
  'kubernetes.default.svc',
  'kubernetes.default.svc.cluster.local',
];

/**
 * The cluster's keys from `dir`; made there if they are missing, renewed if less than 30 days of life are left or a host is
 * not in the API servers' certificate. `others`: names and addresses beside those that every API server has.
 */
export async function ensurePki(dir: string, others: readonly string[], now: number): Promise<Pki> {
  const hosts = [...new Set([...others, ...OWN_HOSTS])];
  const file = (name: string): string => join(dir, name);
  const names = {
    ca: 'ca.crt',
    serverCert: 'apiserver.crt',
    serverKey: 'apiserver.key',
    adminCert: 'admin.crt',
    adminKey: 'admin.key',
    serviceAccountKey: 'sa.key',
  };
  const stamp = file('issued.json');
  const issued = readStamp(stamp);
  if (issued !== undefined && Object.values(names).every((n) => existsSync(file(n)))) {
    if (issued.until - now > 30 * DAY_MS && hosts.every((h) => issued.hosts.includes(h))) {
      const pki = Object.fromEntries(
        Object.entries(names).map(([k, n]) => [k, readFileSync(file(n), 'utf8')]),
      ) as unknown as Pki;
      verify(pki, names);
      return pki;
    }
  }
  // In OpenSSL's threads, while the certificates are made here: 0.1 s or so.
  const saKey = existsSync(file(names.serviceAccountKey)) ? undefined : rsaKey();
  const { x509 } = await import('./x509-library.ts');
  const write = writerTo(dir);
  const ca = await authority(x509, dir, now, write);
  const until = now + 365 * DAY_MS;
  const serving = await issue(x509, ca, 'CN=kube-apiserver', now, until, [
    hostNames(x509, hosts),
    new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
  ]);
  const admin = await issue(x509, ca, 'O=system:masters, CN=kubernetes-admin', now, until, [
    new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
  ]);
  const pki: Pki = {
    ca: ca.cert.toString('pem'),
    serverCert: write(names.serverCert, serving.cert),
    serverKey: write(names.serverKey, serving.key),
    adminCert: write(names.adminCert, admin.cert),
    adminKey: write(names.adminKey, admin.key),
    // A new signing key would void every token that was handed out: it outlives renewals.
    serviceAccountKey:
      saKey === undefined
        ? readFileSync(file(names.serviceAccountKey), 'utf8')
        : write(names.serviceAccountKey, await saKey),
  };
  write('issued.json', JSON.stringify({ until, hosts }));
  return pki;
}
/** When and for whom certificates were issued; undefined if that cannot be told, and so others are issued. */
function readStamp(file: string): { readonly until: number; readonly hosts: readonly string[] } | undefined {
  try {
    const { until, hosts } = JSON.parse(readFileSync(file, 'utf8')) as { until?: number; hosts?: string[] };
    return typeof until === 'number' && Array.isArray(hosts) ? { until, hosts } : undefined;
  } catch {
    return undefined;
  }
}
/** Thrown: Error that names the file which is damaged, or does not go with its key. */
function verify(pki: Pki, names: Readonly<Record<keyof Pki, string>>): void {
  const read = <T>(which: keyof Pki, parse: (pem: string) => T): T => {
    try {
      return parse(pki[which]);
    } catch {
      throw new Error(`${names[which]} is damaged`);
    }
  };
  read('ca', (pem) => new X509Certificate(pem));
  read('serviceAccountKey', createPrivateKey);
  for (const [cert, key] of [
    ['serverCert', 'serverKey'],
    ['adminCert', 'adminKey'],
  ] as const) {
    const certificate = read(cert, (pem) => new X509Certificate(pem));
    if (!certificate.checkPrivateKey(read(key, createPrivateKey)))
      throw new Error(`${names[key]} is not the key of ${names[cert]}`);
  }
}
const rsaKey = async (): Promise<string> => {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
};
