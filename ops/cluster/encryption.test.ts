import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { until } from '../../bus/testing/until.ts';
import { createVault, type EncryptionOptions } from '../../actors/apiserver/encryption/vault.ts';
import { createRegistry } from '../../schemas/registry.ts';
import { encryptionOf } from './encryption.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'kubus-encryption-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const log = (lines: string[]) => ({ info: (m: string) => lines.push(m), error: (m: string) => lines.push(m) });
const of = (provider: string, key = Buffer.alloc(32, 7).toString('base64')): string =>
  `kind: EncryptionConfiguration\napiVersion: apiserver.config.k8s.io/v1\nresources: [{resources: [secrets], providers: [{${provider}: {keys: [{name: a, secret: ${key}}]}}, {identity: {}}]}]`;

it('a file that changes is gone by from then on; what is wrong is told once and leaves the last in force', async () => {
  const file = join(dir, 'config.yaml');
  writeFileSync(file, of('aesgcm'));
  const lines: string[] = [];
  const flags = { encryptionConfig: file, encryptionProviderConfigAutomaticReload: true };
  const options = await encryptionOf(dir, flags, log(lines), 5);
  const told: EncryptionOptions[] = [];
  const stop = options!.onChange!((next) => told.push(next));
  try {
    // Whole at once: it is looked at all the time.
    const replace = (text: string): void => {
      writeFileSync(`${file}.new`, text);
      renameSync(`${file}.new`, file);
    };
    replace(of('aesgcm', 'short'));
    await until(() => lines.length > 0);
    replace(of('secretbox'));
    await until(() => told.length > 0);
    expect(lines).toEqual(['the encryption configuration stays as it was', 'goes by another encryption configuration']);
    expect(told[0]!.configuration[0]!.providers[0]!.kind).toBe('secretbox');
    // Its library came along: what needs it can be written and read.
    const { seal, open } = createVault(told[0]!, createRegistry());
    const sealed = seal('/registry/secrets/a/b', Buffer.from('plain'));
    expect(open('/registry/secrets/a/b', sealed)).toEqual(new Uint8Array(Buffer.from('plain')));
  } finally {
    stop();
  }
});
it('a file that is given is read once unless it is to be looked at; the own copy always is', async () => {
  const file = join(dir, 'config.yaml');
  writeFileSync(file, of('aescbc'));
  expect((await encryptionOf(dir, { encryptionConfig: file }, log([])))!.onChange).toBeUndefined();
  expect(await encryptionOf(dir, {}, log([]))).toBeUndefined();
});
