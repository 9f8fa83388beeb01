import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { DAY_MS, type Write } from './issue.ts';

/** Makes the folder, mode 0700, if there is none. */
export function writerTo(dir: string): Write {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  return (name, text) => {
    writeFileSync(join(dir, name), text, { mode: 0o600 });
    return text;
  };
}
/**
 * Whether the certificate in `certFile` is whole and goes with its key, is of the authority in `caFile`, names all `hosts`,
 * and has 30 days of life left.
 */
export function isGood(
  certFile: string,
  keyFile: string,
  caFile: string,
  hosts: readonly string[],
  now: number,
): boolean {
  if (![certFile, keyFile, caFile].every((file) => existsSync(file))) return false;
  try {
    const cert = new X509Certificate(readFileSync(certFile));
    const names = (host: string): boolean =>
      (isIP(host) === 0 ? cert.checkHost(host, { wildcards: false }) : cert.checkIP(host)) !== undefined;
    return (
      cert.checkPrivateKey(createPrivateKey(readFileSync(keyFile))) &&
      cert.verify(new X509Certificate(readFileSync(caFile)).publicKey) &&
      Date.parse(cert.validTo) - now > 30 * DAY_MS &&
      hosts.every(names)
    );
  } catch {
    return false;
  }
}
