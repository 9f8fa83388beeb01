import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readTokenKey, signJwt, type TokenKey } from '../../actors/apiserver/authentication/keys.ts';
import type { IssueToken } from '../../actors/controllers/serviceaccount-token/actor.ts';
import { writerTo } from './kept.ts';

const [PRIVATE, PUBLIC] = ['secret-tokens.key', 'secret-tokens.pub'];

/**
 * The key pair for service accounts' tokens that are kept in Secrets, in the `dir` of `ensurePki`: the controller manager
 * signs them, API servers check them, and neither has the other's key. Made if missing or damaged; a new one voids the tokens
 * that were handed out. Elliptic, since that takes no time to make.
 */
export function ensureAccountTokens(dir: string): void {
  const file = (name: string): string => join(dir, name);
  const write = writerTo(dir);
  const known = readKey(file(PRIVATE));
  const key = known ?? generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  if (known === undefined) write(PRIVATE, key.export({ type: 'pkcs8', format: 'pem' }).toString());
  const pem = createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString();
  if (!existsSync(file(PUBLIC)) || readFileSync(file(PUBLIC), 'utf8') !== pem) write(PUBLIC, pem);
}
function readKey(file: string): ReturnType<typeof createPrivateKey> | undefined {
  try {
    return createPrivateKey(readFileSync(file));
  } catch {
    return undefined;
  }
}

/** PEM of the key that checks them; undefined: there are none. */
export function accountTokensKeyIn(dir: string): string | undefined {
  const file = join(dir, PUBLIC);
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}
/** Signs them by the key in `dir`, which is read with the first; undefined if it is not there. */
export function tokenIssuerIn(dir: string): IssueToken | undefined {
  const file = join(dir, PRIVATE);
  if (!existsSync(file)) return undefined;
  let key: TokenKey | undefined;
  return (claims) => signJwt((key ??= readTokenKey(readFileSync(file, 'utf8'))), claims);
}
