import { getServers } from 'node:dns';
import { BadCertificate } from './verify.ts';

const ERRNO: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  EHOSTUNREACH: 'no route to host',
  ENETUNREACH: 'network is unreachable',
  ETIMEDOUT: 'connection timed out',
  EADDRNOTAVAIL: 'cannot assign requested address',
  EACCES: 'permission denied',
};
/** What Go's crypto/x509 says where OpenSSL has a code. */
const UNTRUSTED: ReadonlySet<string> = new Set([
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_UNTRUSTED',
]);
const X509 = 'tls: failed to verify certificate: x509: ';

interface Failure extends Error {
  readonly code?: string | undefined;
  readonly hostname?: string | undefined;
  readonly errors?: readonly Failure[];
}
/** Why a connection failed, as Go says it. Source: net OpError, crypto/x509 verify.go. */
export function explain(error: Failure, to: { readonly host: string; readonly port: number }): string {
  if (error instanceof BadCertificate) return X509 + error.message;
  // Several addresses were tried: the first counts.
  const { code = '', hostname } = error.errors?.[0] ?? error;
  const address = to.host.includes(':') ? `[${to.host}]:${to.port}` : `${to.host}:${to.port}`;
  const failed = error.errors?.[0] as { address?: string; port?: number } | undefined;
  if (Object.hasOwn(ERRNO, code)) {
    const { address: ip = (error as { address?: string }).address } = failed ?? {};
    const shown = ip === undefined ? address : ip.includes(':') ? `[${ip}]:${to.port}` : `${ip}:${to.port}`;
    return `dial tcp ${shown}: connect: ${ERRNO[code]}`;
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    const [server] = getServers();
    const on = server === undefined ? '' : ` on ${server.includes(':') ? server : `${server}:53`}`;
    const why = code === 'ENOTFOUND' ? 'no such host' : 'server misbehaving';
    return `dial tcp: lookup ${hostname ?? to.host}${on}: ${why}`;
  }
  if (UNTRUSTED.has(code)) return `${X509}certificate signed by unknown authority`;
  if (/wrong version number|packet length too long|http request/i.test(error.message))
    return 'http: server gave HTTP response to HTTPS client';
  if (code === 'ECONNRESET') return 'EOF';
  return error.message;
}
