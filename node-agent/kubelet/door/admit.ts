import type { TLSSocket } from 'node:tls';
import type { World } from '../../../bus/world.ts';
import { askedOf, isPage, offWithoutDebugging } from './attributes.ts';
import type { Client, Shown } from './clients.ts';
import { certificateOf, type DoorRequest } from './connection.ts';
import type { Authorize } from './rights.ts';

/** Why a request is not served. */
export interface Refusal {
  readonly status: number;
  readonly text: string;
}
export type Admission = { readonly request: DoorRequest } | { readonly refusal: Refusal };
export type Admit = (request: DoorRequest, socket: TLSSocket) => Promise<Admission>;
const refused = (status: number, text: string): Admission => ({ refusal: { status, text } });
const PROTOCOLS = 'sec-websocket-protocol';
const MISSING = refused(404, '404 page not found\n');

/** Who asks, and whether he may. Source: kubelet pkg/server InstallAuthFilter. */
export function createAdmission(o: {
  readonly world: Pick<World, 'clock' | 'log'>;
  readonly authenticate: (shown: Shown) => Promise<Client>;
  readonly authorize: Authorize;
  readonly hasDebugging: boolean;
  /** Somebody has shown a certificate that is not believed: others may be by now. */
  readonly onStrangeCertificate: () => void;
}): Admit {
  const { clock, log } = o.world;
  return async (request, socket) => {
    const { path, method, headers } = request;
    if (path === undefined) return refused(400, '400 Bad Request');
    if (!isPage(path)) return MISSING;
    const certificate = certificateOf(socket, clock.now());
    if (certificate === undefined && isStrange(socket)) o.onStrangeCertificate();
    const protocols = isWebSocket(request) ? headers[PROTOCOLS] : undefined;
    const client = await o.authenticate({ certificate, authorization: headers.authorization, protocols });
    if (client.user === undefined) {
      if (client.why !== undefined) log.info('a client is not known', { err: client.why });
      return refused(401, 'Unauthorized');
    }
    const refusal = await o.authorize(client.user, askedOf(method, path));
    if (refusal !== undefined) return { refusal };
    const off = o.hasDebugging ? undefined : offWithoutDebugging(path);
    if (off !== undefined) return off === 'missing' ? MISSING : refused(405, 'Debug endpoints are disabled.\n');
    const others = client.protocols === undefined ? headers : { ...headers, [PROTOCOLS]: client.protocols };
    return { request: { ...request, headers: others } };
  };
}
const isWebSocket = ({ headers, hijack }: DoorRequest): boolean =>
  hijack !== undefined && headers.upgrade?.toLowerCase() === 'websocket';
const isStrange = (socket: TLSSocket): boolean => !socket.authorized && Object.keys(socket.getPeerCertificate() ?? {}).length > 0; // prettier-ignore
