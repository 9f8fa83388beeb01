import { isIP, isIPv6 } from 'node:net';
import type { PeerCertificate } from 'node:tls';
import { formatTime } from '../../../schemas/meta/time.ts';

/** The certificate is good and is not the server's. `message`: as crypto/x509 says it. */
export class BadCertificate extends Error {}

/** Whether it is too old, or too new. `now`: ms since the epoch. Source: crypto/x509 verify.go isValid. */
export function dateProblem({ valid_from, valid_to }: PeerCertificate, now: number): BadCertificate | undefined {
  const said = (when: string, limit: number): BadCertificate =>
    new BadCertificate(
      `certificate has expired or is not yet valid: current time ${formatTime(now)} is ${when} ${formatTime(limit)}`,
    );
  if (now < Date.parse(valid_from)) return said('before', Date.parse(valid_from));
  return now > Date.parse(valid_to) ? said('after', Date.parse(valid_to)) : undefined;
}
/** Whether a certificate is for a host: by its names and addresses alone. Source: crypto/x509 VerifyHostname. */
export function certificateProblem(host: string, certificate: PeerCertificate): BadCertificate | undefined {
  const { names, addresses } = alternatives(certificate.subjectaltname);
  if (isIP(host) !== 0) {
    if (addresses.some((a) => canonical(a) === canonical(host))) return undefined;
    return new BadCertificate(
      addresses.length === 0
        ? `cannot validate certificate for ${host} because it doesn't contain any IP SANs`
        : `certificate is valid for ${addresses.join(', ')}, not ${host}`,
    );
  }
  const wanted = host.toLowerCase().replace(/\.$/, '');
  if (names.some((name) => matches(name.toLowerCase(), wanted))) return undefined;
  if (names.length > 0) return new BadCertificate(`certificate is valid for ${names.join(', ')}, not ${host}`);
  if (addresses.length === 0 && certificate.subject?.CN)
    return new BadCertificate('certificate relies on legacy Common Name field, use SANs instead');
  return new BadCertificate(`certificate is not valid for any names, but wanted to match ${host}`);
}
function matches(pattern: string, host: string): boolean {
  if (!pattern.startsWith('*.')) return pattern === host;
  const dot = host.indexOf('.');
  return dot > 0 && host.slice(dot) === pattern.slice(1);
}
/** `DNS:a.example, IP Address:10.0.0.1`. */
function alternatives(text: string | undefined): { names: string[]; addresses: string[] } {
  const parts = (text ?? '').split(', ').map((part) => part.trim());
  const after = (prefix: string): string[] =>
    parts.filter((p) => p.startsWith(prefix)).map((p) => p.slice(prefix.length).replace(/^"(.*)"$/, '$1'));
  return { names: after('DNS:'), addresses: after('IP Address:') };
}
const canonical = (ip: string): string => (isIPv6(ip) ? new URL(`http://[${ip}]`).hostname : ip);
