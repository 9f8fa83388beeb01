import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { ShownCertificate } from './clients.ts';

/** A request that may want another protocol: then `hijack` hands over the connection. */
export interface DoorRequest {
  readonly method: string;
  /** As it came, without its query, and decoded; undefined: it cannot be. */
  readonly path: string | undefined;
  readonly target: string;
  readonly headers: IncomingMessage['headers'];
  hijack?(): Duplex;
}
export function requestOf(message: IncomingMessage, socket?: Duplex): DoorRequest {
  const target = message.url ?? '/';
  return {
    method: message.method ?? 'GET',
    path: decoded(target.split('?', 1)[0]!),
    target,
    headers: message.headers,
    ...(socket !== undefined && { hijack: () => socket }),
  };
}
function decoded(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}

interface Peer {
  readonly subject?: { readonly CN?: string | string[]; readonly O?: string | string[] };
  readonly fingerprint256?: string;
  readonly valid_to?: string;
}
const listed = (value: string | string[] | undefined): string[] =>
  value === undefined ? [] : typeof value === 'string' ? [value] : value;
/** What the other end has shown, if an authority of the door's has signed it and it is good at `now`. */
export function certificateOf(socket: TLSSocket, now: number): ShownCertificate | undefined {
  if (!socket.authorized) return undefined;
  const { subject, fingerprint256 = '', valid_to: end = '' } = socket.getPeerCertificate() as Peer;
  if (subject === undefined || !(now <= Date.parse(end))) return undefined;
  return {
    // As in Go the last one counts.
    commonName: listed(subject.CN).at(-1) ?? '',
    organizations: listed(subject.O),
    sha256: fingerprint256.replaceAll(':', '').toLowerCase(),
  };
}
