import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { checkServerIdentity } from 'node:tls';
import type { PeerCertificate } from 'node:tls';

export interface NatsTls {
  /** PEM of the authority, or a file of it. */
  readonly ca?: string | undefined;
  readonly caFile?: string | undefined;
  /** PEM of a client certificate and its key, where the server asks for one. */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** What `node:tls` is told about the servers of a connection. */
export interface TlsSettings {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly checkServerIdentity: (host: string, certificate: PeerCertificate) => Error | undefined;
}

export function tlsSettings(tls: NatsTls, servers: readonly string[]): TlsSettings {
  const ca = tls.ca ?? (tls.caFile === undefined ? undefined : readFileSync(tls.caFile, 'utf8'));
  const addresses = servers
    .map((url) => new URL(url).hostname.replace(/^\[|\]$/g, ''))
    .filter((host) => isIP(host) !== 0);
  return {
    ...(ca !== undefined && { ca }),
    ...(tls.cert !== undefined && { cert: tls.cert }),
    ...(tls.key !== undefined && { key: tls.key }),
    // The client names no server when it dials an address, and node then takes `localhost` for the name: the certificate
    // must vouch for one of the addresses that we were given.
    checkServerIdentity: (host, certificate) => {
      const refusal = checkServerIdentity(host, certificate);
      if (!refusal || host !== 'localhost') return refusal;
      return addresses.some((address) => !checkServerIdentity(address, certificate)) ? undefined : refusal;
    },
  };
}
