import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readTokenKey, signJwt, type TokenKey } from '../../actors/apiserver/authentication/keys.ts';
import type { IssueToken } from '../../actors/controllers/serviceaccount-token/actor.ts';

/** Signs service accounts' tokens by `sa.key` in `dir`, which is read with the first; undefined if it is not there. */
export function tokenIssuerIn(dir: string): IssueToken | undefined {
  const file = join(dir, 'sa.key');
  if (!existsSync(file)) return undefined;
  let key: TokenKey | undefined;
  return (claims) => signJwt((key ??= readTokenKey(readFileSync(file, 'utf8'))), claims);
}
