import type { IncomingMessage, ServerResponse } from 'node:http';
import { ApiError, toStatus } from '../../schemas/meta/status.ts';

const MAX_BODY_BYTES = 64 * 1024;

/** Nothing from elsewhere, nothing inline, in nobody's frame. */
const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
} as const;

export function setCommonHeaders(response: ServerResponse): void {
  for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
}
export function sendJson(response: ServerResponse, body: unknown, code = 200): void {
  const text = JSON.stringify(body);
  response.writeHead(code, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
  });
  response.end(text);
}
export function sendNothing(response: ServerResponse): void {
  response.writeHead(204, { 'cache-control': 'no-store' });
  response.end();
}
export function sendError(response: ServerResponse, error: unknown): void {
  if (response.headersSent) return void response.destroy();
  const status = toStatus(error);
  sendJson(response, status, status.code);
}
/** Thrown: ApiError BadRequest, UnsupportedMediaType, RequestEntityTooLarge. */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  const type = (request.headers['content-type'] ?? '').split(';')[0]!.trim().toLowerCase();
  if (type !== 'application/json')
    throw new ApiError('UnsupportedMediaType', `the body must be application/json, not "${type}"`);
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > MAX_BODY_BYTES) throw new ApiError('RequestEntityTooLarge', `the body is over ${MAX_BODY_BYTES} bytes`);
    parts.push(part);
  }
  try {
    return JSON.parse(Buffer.concat(parts).toString('utf8')) as unknown;
  } catch {
    throw new ApiError('BadRequest', 'the body is not JSON');
  }
}
/**
 * Refuses what another site made a browser send: whatever changes something carries a header that only a page of this
 * origin can add, and a browser that says where a request comes from says that it is here. Thrown: ApiError Forbidden.
 */
export function checkOrigin(request: IncomingMessage): void {
  const { method = 'GET', headers } = request;
  const site = headers['sec-fetch-site'];
  // Following a link to the page from elsewhere is how it is opened.
  const opens = headers['sec-fetch-mode'] === 'navigate' && (request.url ?? '').split('?')[0] === '/';
  if (site !== undefined && site !== 'same-origin' && site !== 'none' && !opens)
    throw new ApiError('Forbidden', 'this was asked by another site');
  if (method === 'GET' || method === 'HEAD') return;
  if (headers['kubus-console'] !== '1') throw new ApiError('Forbidden', 'the header "Kubus-Console: 1" is missing');
  const { origin } = headers;
  if (origin !== undefined && origin !== `https://${headers.host}`)
    throw new ApiError('Forbidden', 'this was asked by another site');
}
export function cookieOf(request: IncomingMessage, name: string): string | undefined {
  for (const part of (request.headers.cookie ?? '').split(';')) {
    const [key, value] = part.trim().split('=', 2);
    if (key === name) return value;
  }
  return undefined;
}
