import {
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { finish, type Finished } from '../testing/cluster.ts';

const launcher = join(import.meta.dirname, '../../kubus');
const NODE_VERSION = /^NODE_VERSION=(\S+)$/m.exec(readFileSync(launcher, 'utf8'))![1]!;
/** All that the launcher may count on: no Node, no npm, nothing that fetches. */
const TOOLS = ['cat', 'chmod', 'cksum', 'cmp', 'cp', 'cut', 'dirname', 'env', 'find', 'grep', 'head', 'id', 'mkdir', 'mktemp', 'mv', 'printf', 'readlink', 'rm', 'sh', 'sleep', 'tail', 'tar', 'uname']; // prettier-ignore
let dir: string;
const bin = (): string => join(dir, 'bin');
const script = (file: string, text: string): void => writeFileSync(file, `#!/bin/sh\n${text}\n`, { mode: 0o755 });

/** The launcher on a machine that has these tools, and `extra` before them. */
function launch(args: readonly string[], o: { cache?: string; extra?: string; as?: string } = {}): Promise<Finished> {
  const env = { HOME: dir, XDG_CACHE_HOME: o.cache ?? join(dir, 'cache'), PATH: [...(o.extra ? [o.extra] : []), bin()].join(delimiter) };
  return finish('/bin/sh', [o.as ?? launcher, ...args], env);
} // prettier-ignore
const withCachedNode = (cache: string): void => {
  mkdirSync(join(cache, `kubus/node-${NODE_VERSION}/bin`), { recursive: true });
  symlinkSync(process.execPath, join(cache, `kubus/node-${NODE_VERSION}/bin/node`));
};

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'kubus-launcher-'));
  mkdirSync(bin());
  for (const tool of TOOLS) {
    const found = (process.env['PATH'] ?? '').split(delimiter).find((d) => existsSync(join(d, tool)));
    if (found !== undefined) symlinkSync(join(found, tool), join(bin(), tool));
  }
  withCachedNode(join(dir, 'cache'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe('the launcher', () => {
  it('runs with the Node that it keeps, builds once, and is found through links', async () => {
    const [first, second] = await Promise.all([launch(['version']), launch(['version'])]);
    for (const done of [first, second]) {
      expect([done.status, done.stdout]).toEqual([0, expect.stringMatching(/^kubus \d+\.\d+\.\d+ \(Kubernetes API v/)]);
      expect(done.stderr.split('\n').filter((l) => l !== '' && l !== 'kubus: building (once)')).toEqual([]);
    }
    const [beside] = globSync(join(dir, 'cache/kubus/bundle-*/descriptions.json'));
    expect(readFileSync(beside!, 'utf8')).toContain('DeploymentSpec is the specification');
    mkdirSync(join(dir, 'links'));
    symlinkSync(launcher, join(dir, 'links/one'));
    symlinkSync('one', join(dir, 'links/kubus'));
    const linked = await launch(['version'], { as: join(dir, 'links/kubus') });
    expect([linked.status, linked.stderr, linked.stdout]).toEqual([0, '', first.stdout]);
  });
  it('ends with the status of the command', async () => {
    const done = await launch(['nope']);
    expect([done.status, done.stderr]).toEqual([2, expect.stringContaining("unknown command 'nope'")]);
  });
  it('takes a Node on PATH if it is recent, and asks it once', async () => {
    const extra = join(dir, 'recent');
    mkdirSync(extra);
    script(join(extra, 'node'), `[ "$1" = -p ] && echo asked >>${join(dir, 'asked')}\nexec ${process.execPath} "$@"`);
    const cache = join(dir, 'other-cache');
    for (let i = 0; i < 2; i++) expect((await launch(['version'], { cache, extra })).status).toBe(0);
    expect(readFileSync(join(dir, 'asked'), 'utf8')).toBe('asked\n');
  });
  it('says what to do where Node is missing or old and cannot be fetched, and leaves nothing behind', async () => {
    const extra = join(dir, 'old');
    mkdirSync(extra);
    script(join(extra, 'node'), 'echo 18');
    // Root would ask apt.
    script(join(extra, 'id'), 'echo 1000');
    const cache = join(dir, 'empty-cache');
    const done = await launch(['version'], { cache, extra });
    expect(done.stderr).toBe(
      `kubus: fetching Node ${NODE_VERSION} (once)\nkubus: Node 24 is needed and cannot be fetched (no npm, curl or wget that reaches the npm registry): install Node 24, or curl, and run this again\n`,
    );
    expect([done.status, done.stdout]).toEqual([1, '']);
    expect((await finish('/bin/sh', ['-c', `ls -A ${join(cache, 'kubus')}`], process.env)).stdout).toBe('');
  });
  it('says that the cache cannot be written', async () => {
    const done = await launch(['version'], { cache: '/dev/null' });
    expect([done.status, done.stdout]).toEqual([1, '']);
    expect(done.stderr).toBe(
      'kubus: cannot write /dev/null/kubus: set XDG_CACHE_HOME to a folder that can be written\n',
    );
  });
});
