import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { authority, DAY_MS, hostNames, issue } from './issue.ts';

/** What the nats-servers of a cluster show each other and their clients. */
export interface BusPki {
  /** PEM of the authority: what clients trust. */
  readonly ca: string;
  readonly caFile: string;
  /** Of each server, by its name. */
  readonly servers: Readonly<Record<string, { readonly certFile: string; readonly keyFile: string }>>;
}

/**
 * Certificates of nats-servers, kept in `dir` as `nats-<name>.crt` and `.key`, mode 0600; made if missing, renewed if less
 * than 30 days of life are left or a host is not in them. `servers`: by name, the host names and addresses under which
 * clients and the other servers reach each. Their authority (`bus-ca.crt`) is not the cluster's: between servers a
 * certificate is all that is asked for, so one of a user or a node must not do.
 */
export async function ensureBusPki(
  dir: string,
  servers: Readonly<Record<string, readonly string[]>>,
  now: number,
): Promise<BusPki> {
  const fileOf = (name: string, ending: 'crt' | 'key'): string => join(dir, `nats-${name}.${ending}`);
  const caFile = join(dir, 'bus-ca.crt');
  const lacking = Object.entries(servers).filter(
    ([name, hosts]) => !isGood(fileOf(name, 'crt'), fileOf(name, 'key'), caFile, hosts, now),
  );
  if (lacking.length > 0) {
    const { x509 } = await import('./x509-library.ts');
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    const write = (name: string, text: string): string => {
      writeFileSync(join(dir, name), text, { mode: 0o600 });
      return text;
    };
    const ca = await authority(x509, dir, now, write, 'bus-ca', 'CN=kubus-bus');
    for (const [name, hosts] of lacking) {
      const { cert, key } = await issue(x509, ca, `CN=nats-${name}`, now, now + 365 * DAY_MS, [
        hostNames(x509, hosts),
        // A server is also the client of those that it dials.
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
      ]);
      write(`nats-${name}.key`, key);
      write(`nats-${name}.crt`, cert);
    }
  }
  return {
    ca: readFileSync(caFile, 'utf8'),
    caFile,
    servers: Object.fromEntries(
      Object.keys(servers).map((name) => [name, { certFile: fileOf(name, 'crt'), keyFile: fileOf(name, 'key') }]),
    ),
  };
}

function isGood(certFile: string, keyFile: string, caFile: string, hosts: readonly string[], now: number): boolean {
  if (![certFile, keyFile, caFile].every(existsSync)) return false;
  const cert = new X509Certificate(readFileSync(certFile));
  if (!cert.verify(new X509Certificate(readFileSync(caFile)).publicKey)) return false;
  return (
    Date.parse(cert.validTo) - now > 30 * DAY_MS &&
    hosts.every(
      (host) => (isIP(host) === 0 ? cert.checkHost(host, { wildcards: false }) : cert.checkIP(host)) !== undefined,
    )
  );
}
