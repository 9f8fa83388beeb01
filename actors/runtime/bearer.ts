import { decodeBase64Url } from '../../schemas/codec/base64-url.ts';
import { ApiError } from '../../schemas/meta/status.ts';

const unauthorized = (): ApiError => new ApiError('Unauthorized', 'Unauthorized');

/** The token of an `Authorization` header; undefined: it has none. Source: apiserver pkg/authentication/request/bearertoken. */
export function bearerToken(authorization: string | undefined): string | undefined {
  if (authorization === undefined) return undefined;
  const [scheme, token] = authorization.trim().split(' ', 2);
  return scheme!.toLowerCase() === 'bearer' && token !== '' ? token : undefined;
}

const PREFIX = 'base64url.bearer.authorization.k8s.io.';
const utf8 = new TextDecoder('utf-8', { fatal: true });
export interface WebSocketToken {
  readonly token: string;
  /** The others, for whoever speaks them. */
  readonly protocols: string;
}
/**
 * The token that a browser shows, who can set no other header of a WebSocket than that of its protocols. Throws
 * Unauthorized. Source: apiserver pkg/authentication/request/websocket/protocol.go.
 */
export function webSocketToken(header: string | undefined): WebSocketToken | undefined {
  if (header === undefined || !header.includes(PREFIX)) return undefined;
  const all = header.split(',').map((protocol) => protocol.trim());
  const [encoded, ...more] = all.filter((protocol) => protocol.startsWith(PREFIX));
  const others = all.filter((protocol) => !protocol.startsWith(PREFIX));
  if (encoded === undefined) return undefined;
  const bytes = decodeBase64Url(encoded.slice(PREFIX.length));
  if (more.length > 0 || typeof bytes === 'number') throw unauthorized();
  let token: string;
  try {
    token = utf8.decode(bytes);
  } catch {
    throw unauthorized();
  }
  if (token === '') return undefined;
  // One has to be left to answer with: this one is not told to anybody.
  if (others.length === 0) throw unauthorized();
  return { token, protocols: others.join(',') };
}
