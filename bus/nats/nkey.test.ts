import { createAccount, createUser, fromPublic, fromSeed } from '@nats-io/nkeys';
import { describe, expect, it } from 'vitest';
import { nkeyOf } from './nkey.ts';

describe('a key of NATS', () => {
  it.each([
    ['user', createUser],
    ['account', createAccount],
  ])("has the public half and the signatures that NATS's own library has: %s", (_, create) => {
    for (let i = 0; i < 5; i++) {
      const seed = new TextDecoder().decode(create().getSeed());
      const theirs = fromSeed(new TextEncoder().encode(seed));
      const ours = nkeyOf(seed);
      expect(ours.publicKey).toBe(theirs.getPublicKey());
      const nonce = `nonce-${i}`;
      expect(Buffer.from(ours.sign(nonce))).toEqual(Buffer.from(theirs.sign(Buffer.from(nonce))));
      expect(fromPublic(ours.publicKey).verify(Buffer.from(nonce), ours.sign(nonce))).toBe(true);
    }
  });
  it.each(['', 'SUxx', 'UAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'])('is refused from %j', (seed) => {
    expect(() => nkeyOf(seed)).toThrow();
  });
  it('is refused from a seed with a wrong letter', () => {
    const seed = new TextDecoder().decode(createUser().getSeed());
    const other = seed[20] === 'A' ? 'B' : 'A';
    expect(() => nkeyOf(seed.slice(0, 20) + other + seed.slice(21))).toThrow('checksum');
  });
});
