import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { isSignedBy, objectIn, parseJws } from '../../actors/apiserver/authentication/jws.ts';
import { readTokenKey } from '../../actors/apiserver/authentication/keys.ts';
import { accountTokensKeyIn, ensureAccountTokens, tokenIssuerIn } from './account-tokens.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'kubus-account-tokens-'));
});
afterEach(() => rmSync(dir, { recursive: true }));
const names = ['secret-tokens.key', 'secret-tokens.pub'] as const;
const content = () => names.map((name) => readFileSync(join(dir, name), 'utf8'));
async function isGood(): Promise<boolean> {
  const token = parseJws(await tokenIssuerIn(dir)!({ iss: 'me' }));
  expect(objectIn(token.payload)).toEqual({ iss: 'me' });
  return isSignedBy(token, { key: readTokenKey(accountTokensKeyIn(dir)!).publicKey });
}

it('what one signs the other checks, and nobody else reads either', async () => {
  expect([tokenIssuerIn(dir), accountTokensKeyIn(dir)]).toEqual([undefined, undefined]);
  ensureAccountTokens(dir);
  expect(await isGood()).toBe(true);
  expect(names.map((name) => statSync(join(dir, name)).mode & 0o777)).toEqual([0o600, 0o600]);
  expect(accountTokensKeyIn(dir)).not.toContain('PRIVATE');
});
it.each([
  ['both are there', () => undefined, true],
  ['the public half is gone', () => rmSync(join(dir, names[1])), true],
  ['the public half is another', () => writeFileSync(join(dir, names[1]), 'x'), true],
  ['the key is gone', () => rmSync(join(dir, names[0])), false],
  ['the key is damaged', () => writeFileSync(join(dir, names[0]), 'x'), false],
])('goes together again where %s', async (_, harm, isSame) => {
  ensureAccountTokens(dir);
  const before = content();
  harm();
  ensureAccountTokens(dir);
  expect(content()[0] === before[0]).toBe(isSame);
  expect(await isGood()).toBe(true);
});
