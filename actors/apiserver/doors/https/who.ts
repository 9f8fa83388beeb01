import { ApiError } from '../../../../schemas/meta/status.ts';
import { bearerToken, webSocketToken } from '../../../runtime/bearer.ts';
import { impersonationOf, remoteUser } from '../../authentication/index.ts';
import type { Core } from '../../core.ts';
import type { Credentials, UserInfo } from '../../request.ts';
import type { Exchange } from './exchange.ts';

/** What is known of a connection: all its requests share it, so authentication by certificate happens once. */
export interface Connection {
  readonly certificate: Credentials['certificate'];
  /** One was shown that cannot be believed. */
  readonly refusedCertificate: boolean;
  /** It is of a proxy that may say who asks. */
  readonly frontProxy: boolean;
  /** Of the client. */
  readonly address: string;
  user: UserInfo | undefined;
}

/** As whom the request is to be dealt with, if not as who sent it. */
export function wantedBy({ headers, rawHeaders }: Exchange): ReturnType<typeof impersonationOf> | undefined {
  if (headers['impersonate-user'] === undefined && !hasImpersonation(headers)) return undefined;
  return impersonationOf(distinct(rawHeaders));
}
/** Repeated headers as lists: a group may hold the comma that would otherwise part it from the next. */
function distinct(raw: readonly string[]): Record<string, string[]> {
  const out: Record<string, string[]> = {};
  for (let i = 0; i + 1 < raw.length; i += 2) (out[raw[i]!.toLowerCase()] ??= []).push(raw[i + 1]!);
  return out;
}
function hasImpersonation(headers: Exchange['headers']): boolean {
  if (headers['impersonate-group'] !== undefined || headers['impersonate-uid'] !== undefined) return true;
  for (const name in headers) if (name.startsWith('impersonate-extra-')) return true;
  return false;
}

/** Who asks, which is counted. Throws Unauthorized. */
export function authenticated(core: Core, exchange: Exchange, connection: Connection): UserInfo | Promise<UserInfo> {
  const began = core.world.clock.now();
  let found: UserInfo | Promise<UserInfo>;
  try {
    found = whoAsks(core, exchange, connection);
  } catch (error) {
    throw countRefusal(core, exchange, connection, began, error);
  }
  if (!(found instanceof Promise)) return countUser(core, began, found);
  return found.then(
    (user) => countUser(core, began, user),
    (error: unknown) => {
      throw countRefusal(core, exchange, connection, began, error);
    },
  );
}
function countUser({ metrics, world }: Core, began: number, user: UserInfo): UserInfo {
  metrics.authenticated('success', (world.clock.now() - began) / 1000, user.name);
  return user;
}
function countRefusal<T>({ metrics, world }: Core, { headers }: Exchange, of: Connection, began: number, error: T): T {
  const showsNothing = headers['authorization'] === undefined && !of.refusedCertificate && !of.certificate;
  metrics.authenticated(showsNothing ? 'failure' : 'error', (world.clock.now() - began) / 1000);
  return error;
}
function whoAsks(core: Core, exchange: Exchange, connection: Connection): UserInfo | Promise<UserInfo> {
  const authorization = exchange.headers['authorization'] as string | undefined;
  const { user: known, certificate, refusedCertificate, frontProxy } = connection;
  const told = frontProxy ? remoteUser(exchange.rawHeaders) : undefined;
  if (told !== undefined) return told;
  const asProtocol = certificate === undefined && authorization === undefined ? shownAsProtocol(exchange) : undefined;
  if (authorization === undefined && asProtocol === undefined && known !== undefined) {
    if (certificate?.notAfterMs === undefined || certificate.notAfterMs > core.world.clock.now()) return known;
    connection.user = undefined;
  }
  const token = asProtocol ?? bearerToken(authorization);
  const user = core.authenticator.authenticate({
    ...(token !== undefined && { bearerToken: token }),
    certificate,
    refusedCertificate,
    headers: exchange.headers,
    path: core.authenticator.looksAtPath ? pathOf(exchange.target) : undefined,
    notes: exchange,
  });
  if (user === undefined) throw new ApiError('Unauthorized', 'Unauthorized');
  if (user instanceof Promise)
    return user.then((found) => {
      if (found === undefined) throw new ApiError('Unauthorized', 'Unauthorized');
      return found;
    });
  if (
    token === undefined &&
    authorization === undefined &&
    (certificate !== undefined || !core.authenticator.looksAtPath)
  )
    connection.user = user;
  return user;
}
/** As Go's URL.Path has it: unescaped, without the query. */
function pathOf(target: string): string {
  const path = target.split('?', 1)[0]!;
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
const PROTOCOLS = 'sec-websocket-protocol';
/** A token that is shown as a protocol counts once; whoever comes after sees the other protocols alone. */
function shownAsProtocol({ headers, rawHeaders }: Exchange): string | undefined {
  if (headers['upgrade'] === undefined) return undefined;
  const found = webSocketToken(headers[PROTOCOLS] as string | undefined);
  if (found === undefined) return undefined;
  (headers as Record<string, string>)[PROTOCOLS] = found.protocols;
  const raw = rawHeaders as string[];
  let rest = found.protocols;
  for (let i = 0; i + 1 < raw.length; i += 2)
    if (raw[i]!.toLowerCase() === PROTOCOLS) {
      raw[i + 1] = rest;
      rest = '';
    }
  return found.token;
}
