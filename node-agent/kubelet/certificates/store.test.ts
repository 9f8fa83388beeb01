import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'; // prettier-ignore
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CURRENT, pairStore } from './store.ts';

const NOW = Date.parse('2026-03-04T05:06:07.890Z');
const FIRST = 'kubelet-client-2026-03-04-05-06-07.pem';
let at: string;
let folder: string;
beforeEach(() => {
  at = mkdtempSync(join(tmpdir(), 'kubus-pairs-'));
  folder = join(at, 'pki');
});
afterEach(() => rmSync(at, { recursive: true, force: true }));

describe('the pairs of a node', () => {
  it('lie in files of their own, root’s alone, and a link leads to the current one', async () => {
    const store = pairStore(folder);
    expect(await store.read()).toBeUndefined();
    await store.write('one', NOW);
    await store.write('two', NOW + 1_000);
    expect(await store.read()).toBe('two');
    expect(readdirSync(folder).sort()).toEqual([FIRST, 'kubelet-client-2026-03-04-05-06-08.pem', CURRENT]);
    expect(readlinkSync(join(folder, CURRENT))).toBe('kubelet-client-2026-03-04-05-06-08.pem');
    expect([statSync(folder).mode & 0o777, statSync(join(folder, FIRST)).mode & 0o777]).toEqual([0o700, 0o600]);
  });
  it('of the same second take each other’s place whole', async () => {
    const store = pairStore(folder);
    await store.write('one', NOW);
    await store.write('two', NOW);
    expect([await store.read(), readdirSync(folder)]).toEqual(['two', [FIRST, CURRENT]]);
  });
  it('are found after a swap that was cut off, before or after', async () => {
    const store = pairStore(folder);
    await store.write('one', NOW);
    writeFileSync(join(folder, 'kubelet-client-x.pem'), 'cut off');
    writeFileSync(join(folder, `${FIRST}.tmp`), 'half');
    symlinkSync('kubelet-client-x.pem', join(folder, 'kubelet-client-updated.pem'));
    expect(await store.read()).toBe('one');
    rmSync(join(folder, CURRENT));
    expect(await store.read()).toBe('cut off');
    symlinkSync(FIRST, join(folder, 'kubelet-client-updated.pem'));
    await store.write('two', NOW);
    expect([await store.read(), readdirSync(folder)]).toEqual(['two', [FIRST, CURRENT, 'kubelet-client-x.pem']]);
  });
  it('take no place of what somebody put there, and say so', async () => {
    const store = pairStore(folder);
    mkdirSync(folder);
    writeFileSync(join(folder, CURRENT), 'by hand');
    expect(await store.read()).toBe('by hand');
    await expect(store.write('x', NOW)).rejects.toThrow(`expected "${join(folder, CURRENT)}" to be a symlink but it is a file`); // prettier-ignore
    expect([readFileSync(join(folder, CURRENT), 'utf8'), readdirSync(folder)]).toEqual(['by hand', [CURRENT]]);
  });
  it('that are gone behind their link are none', async () => {
    const store = pairStore(folder);
    await store.write('one', NOW);
    rmSync(join(folder, FIRST));
    expect(await store.read()).toBeUndefined();
    await store.write('two', NOW + 5_000);
    expect([await store.read(), lstatSync(join(folder, CURRENT)).isSymbolicLink()]).toEqual(['two', true]);
  });
  it('stay as they are where nothing can be written', async () => {
    const store = pairStore(folder);
    await store.write('one', NOW);
    rmSync(folder, { recursive: true });
    writeFileSync(folder, 'no folder');
    await expect(store.write('two', NOW)).rejects.toThrow('EEXIST');
    await expect(store.read()).rejects.toThrow('ENOTDIR');
  });
});
