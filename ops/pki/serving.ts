import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { authority, DAY_MS, hostNames, issue } from './issue.ts';

/**
 * A serving certificate of the cluster's authority for a door that is not the API server's, as `<name>.crt` and `.key` in the
 * `dir` of `ensurePki`; made if missing or damaged, renewed if less than 30 days of life are left or a host is not in it.
 */
export async function ensureServing(dir: string, name: string, hosts: readonly string[], now: number): Promise<void> {
  const file = (ending: string): string => join(dir, `${name}.${ending}`);
  if (isGood(file('crt'), file('key'), join(dir, 'ca.crt'), hosts, now)) return;
  const { x509 } = await import('./x509-library.ts');
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const write = (file: string, text: string): string => {
    writeFileSync(join(dir, file), text, { mode: 0o600 });
    return text;
  };
  const ca = await authority(x509, dir, now, write);
  const { cert, key } = await issue(x509, ca, `CN=${name}`, now, now + 365 * DAY_MS, [
    hostNames(x509, hosts),
    new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
  ]);
  write(`${name}.key`, key);
  write(`${name}.crt`, cert);
}
function isGood(certFile: string, keyFile: string, caFile: string, hosts: readonly string[], now: number): boolean {
  if (![certFile, keyFile, caFile].every((file) => existsSync(file))) return false;
  try {
    const cert = new X509Certificate(readFileSync(certFile));
    return (
      cert.checkPrivateKey(createPrivateKey(readFileSync(keyFile))) &&
      cert.verify(new X509Certificate(readFileSync(caFile)).publicKey) &&
      Date.parse(cert.validTo) - now > 30 * DAY_MS &&
      hosts.every((host) => (cert.checkHost(host, { wildcards: false }) ?? cert.checkIP(host)) !== undefined)
    );
  } catch {
    return false;
  }
}
