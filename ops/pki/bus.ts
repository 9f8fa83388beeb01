import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { authority, DAY_MS, hostNames, issue } from './issue.ts';
import { isGood, writerTo } from './kept.ts';

/** What the nats-servers of a cluster show each other and their clients. */
export interface BusPki {
  /** PEM of the authority: what clients trust. */
  readonly ca: string;
  readonly caFile: string;
  /** Of each server, by its name. */
  readonly servers: Readonly<Record<string, { readonly certFile: string; readonly keyFile: string }>>;
}

/**
 * Certificates of nats-servers, kept in `dir` as `nats-<name>.crt` and `.key`, mode 0600; made if missing or damaged,
 * renewed if less than 30 days of life are left or a host is not in them. `servers`: by name, the host names and addresses
 * under which clients and the other servers reach each. Their authority (`bus-ca.crt`) is not the cluster's: between
 * servers a certificate is all that is asked for, so one of a user or a node must not do.
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
    const write = writerTo(dir);
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
