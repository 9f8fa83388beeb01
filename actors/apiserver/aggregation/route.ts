import type { Elsewhere, ForwardAnswer } from '../core.ts';
import type { BackendLocation } from '../outbound/backend.ts';
import type { PathAnswer, UserInfo } from '../request.ts';
import { identityHeaders } from './identity.ts';
import type { RemoteService, RemoteServices } from './registered.ts';
import type { Transports } from './transport.ts';

const text = (code: number, body: string): PathAnswer => ({
  code,
  headers: { 'Content-Type': 'text/plain; charset=utf-8', 'X-Content-Type-Options': 'nosniff' },
  body: `${body}\n`,
});

/**
 * Below `/apis/<group>/<version>` of an aggregated server, and its OpenAPI documents: to that server, on behalf of who asks.
 * Source: kube-aggregator pkg/apiserver handler_proxy.go ServeHTTP.
 */
export function createRoute(
  remotes: RemoteServices,
  transports: Transports,
  /** Whose document of `/openapi/v3/<path>` it is. */
  documentOf: (path: string) => RemoteService | undefined,
): Elsewhere {
  return (path, user, query) => {
    const remote = path.startsWith('/openapi/v3/')
      ? documentOf(path.slice('/openapi/v3/'.length))
      : served(remotes, path);
    return remote && handTo(remote, transports, path, user, query);
  };
}
function served(remotes: RemoteServices, path: string): RemoteService | undefined {
  if (!path.startsWith('/apis/')) return undefined;
  const [, , group = '', version = ''] = path.split('/');
  return version === '' ? undefined : remotes.find(group, version);
}
function handTo(remote: RemoteService, transports: Transports, path: string, user: UserInfo, query: URLSearchParams): ForwardAnswer | PathAnswer {
  if (!remote.available) return text(503, 'service unavailable');
  let to: BackendLocation;
  try {
    to = transports.locate(remote);
  } catch {
    return text(503, 'service unavailable');
  }
  try {
    const over = transports.to(remote);
    return { type: 'forward', to, over, path: decoded(path), query: encoded(query), upgradeOnly: false, identity: identityHeaders(user) };
  } catch (error) {
    return text(500, (error as Error).message);
  }
} // prettier-ignore
function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
/** Sorted by name. Source: net/url Values.Encode. */
function encoded(query: URLSearchParams): string {
  const sorted = new URLSearchParams(query);
  sorted.sort();
  return sorted.toString();
}
