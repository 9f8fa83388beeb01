import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { integer, oid, pem, sequence, tagged, time, bits } from './der.ts';
import { alternatives, AUTHORITY_USAGE, constraints, name, SERVER_PURPOSE, SERVER_USAGE } from './extensions.ts';

const HOUR_MS = 3_600_000;
const YEAR_MS = 365 * 24 * HOUR_MS;
const [VERSION, EXTENSIONS] = [0, 3];
const V3 = Uint8Array.of(2);
/** ecdsa-with-SHA256. */
export const SIGNATURE = sequence(oid('2a8648ce3d040302'));

/** What a server shows until somebody signs for it. */
export interface SelfSigned {
  /** PEM: its certificate, and that of the authority that it is its own. */
  readonly cert: string;
  /** PEM, a secret. */
  readonly key: string;
}
/**
 * For a year from an hour ago, by an authority made for it and forgotten; `serials` are two numbers, their bytes.
 * Source: client-go util/cert GenerateSelfSignedCertKey, whose keys are RSA ones of 2048 bits; these are of P-256.
 */
export function selfSigned(host: string, now: number, serials: readonly [Uint8Array, Uint8Array]): SelfSigned {
  const pair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const [ca, own] = [pair(), pair()];
  const seconds = Math.trunc(now / 1_000);
  const issuer = name({ commonName: `${host}-ca@${seconds}` });
  const from = now - HOUR_MS;
  const issue = (serial: Uint8Array, subject: Buffer, of: KeyObject, extensions: readonly Buffer[]): string => {
    const info = sequence(
      tagged(VERSION, integer(V3)),
      integer(serial),
      SIGNATURE,
      issuer,
      sequence(time(from), time(from + YEAR_MS)),
      subject,
      of.export({ type: 'spki', format: 'der' }),
      tagged(EXTENSIONS, sequence(...extensions)),
    );
    return pem('CERTIFICATE', sequence(info, SIGNATURE, bits(sign('sha256', info, ca.privateKey))));
  };
  const names = alternatives({ dns: [host], ips: [] });
  const leaf = issue(serials[0], name({ commonName: `${host}@${seconds}` }), own.publicKey, [SERVER_USAGE, SERVER_PURPOSE, constraints(false), names]); // prettier-ignore
  const authority = issue(serials[1], issuer, ca.publicKey, [AUTHORITY_USAGE, constraints(true)]);
  return { cert: leaf + authority, key: own.privateKey.export({ type: 'sec1', format: 'pem' }).toString() };
}
