import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRegistry } from '../../../schemas/registry.ts';
import { statusOf } from '../../../schemas/meta/status.ts';
import type { EncryptionConfiguration, EncryptionProvider } from './configuration.ts';
import { secretbox } from './secretbox.ts';
import { createChangingVault, createVault, openVault, type EncryptionOptions, type Vault } from './vault.ts';

const registry = createRegistry();
const vault = (configuration: EncryptionConfiguration): Vault =>
  createVault({ configuration, randomBytes, secretbox }, registry);
const secret = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));
const LONG = secret('0123456789abcdef0123456789abcdef');
const SHORT = secret('0123456789abcdef');
const gcm = (...keys: [string, Uint8Array][]): EncryptionProvider => ({ kind: 'aesgcm', keys: keys.map(([name, s]) => ({ name, secret: s })) }); // prettier-ignore
const cbc = (...keys: [string, Uint8Array][]): EncryptionProvider => ({ ...gcm(...keys), kind: 'aescbc' });
const box = (...keys: [string, Uint8Array][]): EncryptionProvider => ({ ...gcm(...keys), kind: 'secretbox' });
const identity: EncryptionProvider = { kind: 'identity', keys: [] };
const of = (resource: string, ...providers: EncryptionProvider[]): EncryptionConfiguration => [
  { resources: [resource], providers },
];
const SECRET = '/registry/secrets/default/s';
const MAP = '/registry/configmaps/default/m';
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
const problem = (run: () => unknown): string | undefined => {
  try {
    run();
  } catch (error) {
    return statusOf(error)?.message;
  }
  return undefined;
};

/** As etcd held them below a real kube-apiserver v1.36.3. */
const REAL = {
  [SECRET]:
    'azhzOmVuYzphZXNnY206djE6b25lOopSJ4fy8ew4a8AEosBJR32kg/vuRu68jIdOcttgLTjCHMTTco3lwBK0hfE2XJ0ljBkg3rtdIbUGoVnt1wvVwgRgWtlsXGsDi/7ba08WkdY+Ykl7gtVVfqOod8TrjVIQYQSqcWnnWn47a5q3k+nqAHgi6if0GDDq2JttpzIUGrEFw9OaCoc7WmWbXIRG4gyeUhOoSTek9hGwSf9aVnrcvJ8Wcz/da21AGOap1swANLJFYHkl+FbaU6miCdXbvNvimx/C1aa5y+LBCyoAKADet/F+k/T+zDOKWPcICVaGZ6r6ENu1KzyGftkqgKVmz4l7zvr83a3GGF+UiquA',
  [MAP]:
    'azhzOmVuYzphZXNjYmM6djE6dHdvOuZgXMbUMWFF14p4Z4NgLaKCchD3PFxwt8Vy1GFMZGW0ErlYU11/iDwH+bgmxLFhQtDgzH11Dn2H2AztDMfOg75ta3dWPsYznPWHWdJpG1kTuWiYQMUhB2fDwqeAWFaUr6dXPHOQnJnSITJPpg24UBZAwLT/O2vFbWLQ9mvM60yny8yiyh3n3jN4iRWAPUOafhhAB4tF0nOC7OUG7C3AgZBLsQy4BATJY6KT15HiWG79kLBZlhx4jFTRvcxmHCPG/bVwU2+6WzNuwgMdmdXk4A++XCldtoG12TNItNOd3f4A',
} as const;

describe('values in the store', () => {
  it('have the bytes of the real server', () => {
    const both = vault([...of('secrets', gcm(['one', LONG])), ...of('configmaps', cbc(['two', SHORT]))]);
    for (const [key, says] of [
      [SECRET, 'plain-of-secret'],
      [MAP, 'plain-of-map'],
    ] as const) {
      const stored = Buffer.from(REAL[key], 'base64');
      expect(text(both.open(key, stored))).toMatch(new RegExp(`^k8s\\0[^]*${says}`));
      expect(both.isStale(key, stored)).toBe(false);
      const sealed = both.seal(key, secret(says));
      expect(text(sealed).startsWith(text(stored).slice(0, 22))).toBe(true);
      expect(text(sealed)).not.toContain(says);
    }
  });
  it('come back as they were, of any length and under any provider', () => {
    const providers = [
      gcm(['k', LONG]),
      gcm(['k', SHORT]),
      cbc(['k', LONG]),
      cbc(['k', SHORT]),
      box(['k', LONG]),
      identity,
    ];
    fc.assert(
      fc.property(fc.constantFrom(...providers), fc.uint8Array({ maxLength: 100 }), (provider, plain) => {
        const own = vault(of('*.*', provider));
        expect([...own.open(SECRET, own.seal(SECRET, plain))]).toEqual([...plain]);
      }),
    );
  });
  it('are read under any key of any provider, and are stale unless under the first of the first', () => {
    const old = vault(of('secrets', gcm(['one', LONG])));
    const stored = old.seal(SECRET, secret('x'));
    const plain = secret('plain');
    const ask = (v: Vault, bytes: Uint8Array): [string, boolean] => [
      text(v.open(SECRET, bytes)),
      v.isStale(SECRET, bytes),
    ];
    const added = vault(of('secrets', gcm(['two', SHORT], ['one', LONG]), identity));
    expect(ask(added, stored)).toEqual(['x', true]);
    expect(ask(added, plain)).toEqual(['plain', true]);
    expect(ask(added, added.seal(SECRET, plain))).toEqual(['plain', false]);
    const other = vault(of('secrets', cbc(['one', LONG]), gcm(['one', LONG])));
    expect(ask(other, stored)).toEqual(['x', true]);
    const away = vault(of('secrets', identity, gcm(['one', LONG])));
    expect(ask(away, stored)).toEqual(['x', true]);
    expect(ask(away, plain)).toEqual(['plain', false]);
    expect(text(away.seal(SECRET, plain))).toBe('plain');
    const boxed = vault(of('secrets', box(['one', LONG])));
    const turned = vault(of('secrets', box(['two', secret('fedcba9876543210fedcba9876543210')], ['one', LONG])));
    expect(ask(turned, boxed.seal(SECRET, plain))).toEqual(['plain', true]);
    expect(ask(turned, turned.seal(SECRET, plain))).toEqual(['plain', false]);
  });
  it('are refused without their key, at another place, or changed', () => {
    const one = vault(of('secrets', gcm(['one', LONG])));
    const stored = one.seal(SECRET, secret('x'));
    const why = (v: Vault, bytes: Uint8Array, key = SECRET): string | undefined => problem(() => v.open(key, bytes));
    const says = (reason: string, key = SECRET): string =>
      `Internal error occurred: unable to transform key "${key}": ${reason}`;
    expect(why(openVault, stored)).toBe(says('identity transformer tried to read encrypted data'));
    expect(why(vault(of('secrets', gcm(['two', LONG]))), stored)).toBe(
      says('no matching key was found for the provided AES transformer'),
    );
    expect(why(vault(of('secrets', gcm(['one', SHORT]))), stored)).toBe(says('cipher: message authentication failed'));
    expect(why(one, stored, `${SECRET}2`)).toBe(says('cipher: message authentication failed', `${SECRET}2`));
    expect(why(one, secret('plain'))).toBe(says('the provided value does not match any of the supported transformers'));
    expect(why(one, stored.subarray(0, stored.length - 1))).toBe(says('cipher: message authentication failed'));
    expect(why(one, stored.subarray(0, 25))).toBe(says('the stored data was shorter than the required size'));
    const boxed = vault(of('secrets', box(['one', LONG])));
    const own = boxed.seal(SECRET, secret('x'));
    expect(why(vault(of('secrets', box(['two', LONG]))), own)).toBe(
      says('no matching key was found for the provided Secretbox transformer'),
    );
    expect(why(boxed, own.subarray(0, own.length - 2))).toBe(
      says('the stored data was shorter than the required size'),
    );
    own[own.length - 1]! ^= 1;
    expect(why(boxed, own)).toBe(says('output array was not large enough for encryption'));
  });
});

it('goes by another configuration as soon as it is told of one, until it is stopped', () => {
  const listeners = new Set<(options: EncryptionOptions) => void>();
  const onChange = (listener: (options: EncryptionOptions) => void): (() => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  };
  const own = createChangingVault({ configuration: of('secrets', identity), randomBytes, onChange }, registry);
  expect(text(own.seal(SECRET, secret('x')))).toBe('x');
  for (const tell of listeners) tell({ configuration: of('secrets', gcm(['k', LONG]), identity), randomBytes });
  expect(text(own.seal(SECRET, secret('x')))).toMatch(/^k8s:enc:aesgcm:v1:k:/);
  expect([text(own.open(SECRET, secret('x'))), own.isStale(SECRET, secret('x'))]).toEqual(['x', true]);
  own.stop();
  expect(listeners.size).toBe(0);
});

describe('which resources', () => {
  const isSealed = (configuration: EncryptionConfiguration, key: string): boolean =>
    text(vault(configuration).seal(key, secret('x'))) !== 'x';
  it.each<[string, string, boolean]>([
    ['secrets', SECRET, true],
    ['secrets', MAP, false],
    ['deployments.apps', '/registry/deployments/d/n', true],
    ['deployments', '/registry/deployments/d/n', false],
    ['*.', MAP, true],
    ['*.', '/registry/deployments/d/n', false],
    ['*.apps', '/registry/deployments/d/n', true],
    ['*.*', '/registry/deployments/d/n', true],
    ['pandas.bears.example', '/registry/bears.example/pandas/d/n', true],
    ['*.*', '/registry/bears.example/pandas/d/n', true],
    ['events', '/registry/events/d/n', true],
    // The store reads them.
    ['*.*', '/registry/leases/kube-system/l', false],
  ])('%s: %s %s', (name, key, expected) => {
    expect(isSealed(of(name, gcm(['k', LONG])), key)).toBe(expected);
  });
  it('by the first list that names it', () => {
    const both = [...of('secrets', identity), ...of('*.*', gcm(['k', LONG]))];
    expect(isSealed(both, SECRET)).toBe(false);
    expect(isSealed(both, MAP)).toBe(true);
  });
  it('named by two lists are read by both', () => {
    const old = vault(of('secrets', gcm(['one', LONG]))).seal(SECRET, secret('x'));
    const both = vault([...of('secrets', gcm(['two', SHORT])), ...of('secrets', gcm(['one', LONG]))]);
    expect([text(both.open(SECRET, old)), both.isStale(SECRET, old)]).toEqual(['x', true]);
  });
});
