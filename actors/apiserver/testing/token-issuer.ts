import { createHmac, generateKeyPairSync, sign, type KeyPairKeyObjectResult } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';

type Claims = Readonly<Record<string, unknown>> | string;
export interface SigningOptions {
  readonly alg?: string;
  readonly kid?: string;
  readonly key?: KeyPairKeyObjectResult;
  readonly header?: object;
}
/** An issuer of tokens on loopback, which tests have do wrong. */
export interface TokenIssuer {
  readonly url: string;
  /** Paths that were asked, in order. */
  readonly asked: string[];
  /** Keys that are published from now on, by their ids. */
  publish(keys: Readonly<Record<string, KeyPairKeyObjectResult>>): void;
  /** How a path answers from now on; undefined: as an issuer does. */
  on(path: string, respond: ((response: ServerResponse) => void) | undefined): void;
  stop(): Promise<void>;
}
export const rsaKey = (): KeyPairKeyObjectResult => generateKeyPairSync('rsa', { modulusLength: 2048 });
export const ecKey = (namedCurve: string): KeyPairKeyObjectResult => generateKeyPairSync('ec', { namedCurve });
const encode = (value: Claims): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

/** A token; `claims` as a string are signed as they are. */
export function signToken(claims: Claims, { alg = 'RS256', kid = 'rsa', key, header }: SigningOptions): string {
  const text = `${encode({ alg, ...(kid !== '' && { kid }), ...header })}.${encode(claims)}`;
  if (alg === 'none') return `${text}.`;
  if (alg.startsWith('HS')) return `${text}.${createHmac('sha256', 'secret').update(text).digest('base64url')}`;
  const pss = alg.startsWith('PS') ? { padding: 6, saltLength: -1 } : {};
  const options = { key: key!.privateKey, dsaEncoding: 'ieee-p1363' as const, ...pss };
  return `${text}.${sign(`sha${alg.slice(2)}`, Buffer.from(text), options).toString('base64url')}`;
}
export async function startTokenIssuer(tls: { readonly key: string; readonly cert: string }): Promise<TokenIssuer> {
  const asked: string[] = [];
  const paths = new Map<string, (response: ServerResponse) => void>();
  let keys: object[] = [];
  const server = createServer(tls, (request, response) => {
    const path = request.url ?? '';
    asked.push(path);
    const own = paths.get(path);
    if (own !== undefined) return own(response);
    response.setHeader('content-type', 'application/json');
    if (path === '/.well-known/openid-configuration')
      return response.end(JSON.stringify({ issuer: url, jwks_uri: `${url}/jwks` }));
    if (path === '/jwks') return response.end(JSON.stringify({ keys }));
    response.writeHead(404).end('{}');
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    asked,
    publish(of) {
      keys = Object.entries(of).map(([kid, { publicKey }]) => ({ ...publicKey.export({ format: 'jwk' }), kid }));
    },
    on(path, respond) {
      if (respond === undefined) paths.delete(path);
      else paths.set(path, respond);
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
