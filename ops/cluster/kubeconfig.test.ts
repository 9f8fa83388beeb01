import {
  existsSync,
  lstatSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { Pki } from '../pki/pki.ts';
import { kubeconfigFor, mergeKubeconfig, unmergeKubeconfig } from './kubeconfig.ts';

const pki: Pki = {
  ca: 'ca',
  serverCert: 's',
  serverKey: 'k',
  adminCert: 'cert',
  adminKey: 'key',
  serviceAccountKey: 'sa',
};
const own = (name: string, server = 'https://127.0.0.1:1'): string => kubeconfigFor(name, server, pki);
const MINE = `# by hand
apiVersion: v1
kind: Config
current-context: mine
clusters: [{name: mine, cluster: {server: https://mine}}]
contexts: [{name: mine, context: {cluster: mine, user: me, namespace: ns}}]
users: [{name: me, user: {exec: {command: login, args: [a]}}}]
extensions: [{name: x, extension: {y: 1}}]
`;
interface Kubeconfig {
  readonly clusters: { name: string; cluster: { server: string } }[];
  readonly contexts: { name: string }[];
  readonly 'current-context': string;
}
let dir: string;
let file: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'kubus-kubeconfig-'));
  file = join(dir, 'home/.kube/config');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));
const read = (): Kubeconfig => parse(readFileSync(file, 'utf8')) as Kubeconfig;
const names = (): string[] => read().contexts.map((c) => c.name);

describe("the user's kubeconfig", () => {
  it('is made where there is none, for its owner alone', async () => {
    await mergeKubeconfig(file, 'a', own('a'));
    expect(read()).toEqual(JSON.parse(own('a')));
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(join(dir, 'home/.kube')).mode & 0o777).toBe(0o700);
    await unmergeKubeconfig(file, 'a');
    expect(read()).toMatchObject({ clusters: [], contexts: [], users: [], 'current-context': '' });
  });
  it('keeps everything else in it, coming and going', async () => {
    file = join(dir, 'config');
    writeFileSync(file, MINE, { mode: 0o644 });
    await mergeKubeconfig(file, 'a', own('a'));
    await mergeKubeconfig(file, 'b', own('b'));
    expect([names(), read()['current-context']]).toEqual([['mine', 'kubus-a', 'kubus-b'], 'kubus-b']);
    await unmergeKubeconfig(file, 'b');
    await unmergeKubeconfig(file, 'a');
    expect(read()).toEqual({ ...(parse(MINE) as object), 'current-context': '' });
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });
  it('holds a cluster once, as it was last', async () => {
    await mergeKubeconfig(file, 'a', own('a', 'https://127.0.0.1:1'));
    await mergeKubeconfig(file, 'a', own('a', 'https://127.0.0.1:2'));
    expect(read().clusters.map((c) => c.cluster.server)).toEqual(['https://127.0.0.1:2']);
  });
  it('leaves the current context alone when another cluster goes', async () => {
    await mergeKubeconfig(file, 'a', own('a'));
    await mergeKubeconfig(file, 'b', own('b'));
    await unmergeKubeconfig(file, 'a');
    expect(read()['current-context']).toBe('kubus-b');
  });
  it('is not touched by what is not in it', async () => {
    await unmergeKubeconfig(file, 'a');
    expect(existsSync(file)).toBe(false);
    file = join(dir, 'config');
    writeFileSync(file, MINE, { mode: 0o644 });
    await unmergeKubeconfig(file, 'a');
    expect([readFileSync(file, 'utf8'), statSync(file).mode & 0o777]).toEqual([MINE, 0o644]);
  });
  it('may be a link, and stays one', async () => {
    const target = join(dir, 'target');
    file = join(dir, 'config');
    writeFileSync(target, MINE);
    symlinkSync(target, file);
    await mergeKubeconfig(file, 'a', own('a'));
    expect(lstatSync(file).isSymbolicLink()).toBe(true);
    expect(names()).toEqual(['mine', 'kubus-a']);
  });
  it('loses nothing to clusters that come up at the same time', async () => {
    const clusters = Array.from({ length: 12 }, (_, i) => `c${i}`);
    await Promise.all(clusters.map((name) => mergeKubeconfig(file, name, own(name))));
    expect(names().sort()).toEqual(clusters.map((c) => `kubus-${c}`).sort());
    expect(existsSync(`${file}.lock`)).toBe(false);
  });
  it.each(['', '\n', '# nothing\n', 'null\n', '{}', 'clusters: null\n'])('%j is as good as none', async (text) => {
    file = join(dir, 'config');
    writeFileSync(file, text);
    await mergeKubeconfig(file, 'a', own('a'));
    expect(names()).toEqual(['kubus-a']);
  });
  it.each(['a: [unclosed', '"text"', '42', 'contexts: 7\n', 'users: {a: b}\n'])('%j is left as it is', async (text) => {
    file = join(dir, 'config');
    writeFileSync(file, text);
    const message = `${file} is not readable as a kubeconfig and was left as it is: mend it, or set KUBECONFIG to another file`;
    await expect(mergeKubeconfig(file, 'a', own('a'))).rejects.toThrow(message);
    await expect(unmergeKubeconfig(file, 'a')).rejects.toThrow(message);
    expect(readFileSync(file, 'utf8')).toBe(text);
    expect(existsSync(`${file}.lock`)).toBe(false);
  });
});
