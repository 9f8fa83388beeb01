import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { takeLock } from '../cluster/lock.ts';
import { freePort } from '../cluster/ports.ts';
import { tellFailure } from './failure.ts';
import { createProgram } from './program/program.ts';

let dir: string;
let said: { stdout: string; stderr: string };
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'kubus-odd-'));
  vi.stubEnv('XDG_DATA_HOME', dir);
  vi.stubEnv('KUBECONFIG', join(dir, 'kubeconfig'));
  said = { stdout: '', stderr: '' };
  for (const to of ['stdout', 'stderr'] as const)
    vi.spyOn(process[to], 'write').mockImplementation((text) => {
      said[to] += String(text);
      return true;
    });
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  rmSync(dir, { recursive: true, force: true });
});
/** A cluster's folder as `kubus up` leaves it, but for its keys and data. */
const cluster = async (name: string, text?: string): Promise<string> => {
  const folder = join(dir, 'kubus/clusters', name);
  mkdirSync(folder, { recursive: true });
  const [port, natsPort] = [await freePort(), await freePort()];
  const config = { format: 1, name, nodes: 1, runtime: 'simulated', port, natsPort, disableAdmission: [], ephemeral: false }; // prettier-ignore
  writeFileSync(join(folder, 'cluster.json'), text ?? JSON.stringify(config));
  return folder;
};
/** In this process; the exit status. Nothing it says may be a stack trace, a colour or a progress character. */
async function kubus(...args: string[]): Promise<number> {
  const before = process.exitCode;
  process.exitCode = 0;
  try {
    await createProgram().parseAsync(args, { from: 'user' });
    return process.exitCode;
  } catch (error) {
    return tellFailure(error);
  } finally {
    process.exitCode = before;
    expect(said.stdout + said.stderr).not.toMatch(/^\s+at .*:\d+:\d+|\r|KUBUS_DEBUG/m);
    expect(said.stdout + said.stderr).not.toContain('\u001b');
  }
}
/** Commands about one cluster, with arguments that are good. */
const ABOUT_ONE = [
  ['kubeconfig'], ['logs'], ['logs', '--follow'], ['kubectl'], ['scale', 'apiserver=2'], ['restart', 'apiserver'], ['run', 'scheduler'],
  ['token', 'create'], ['token', 'list', '-o', 'json'], ['token', 'delete', 'abcdef'], ['node', 'revoke', 'worker'],
  ['inspect', '--no-open'], ['inspect', '--url'], ['status'], ['status', '-o', 'json'],
  ['etcd', 'get', '/registry/x'], ['etcd', 'list'], ['etcd', 'status', '-o', 'json'],
].map((args) => ({ args, label: args.join(' ') })); // prettier-ignore
const ASK_THE_BUS = ABOUT_ONE.filter(({ args }) => ['token', 'node', 'scale', 'restart', 'etcd'].includes(args[0]!));

describe.each(ABOUT_ONE)('kubus $label', ({ args }) => {
  const on = (name: string): Promise<number> => kubus(...args, '--name', name);
  it('of a cluster that is not: says which there are, and how to start it', async () => {
    await cluster('one');
    await cluster('two');
    expect([await on('nope'), said.stdout]).toEqual([1, '']);
    expect(said.stderr).toBe(
      'kubus: there is no cluster "nope" (there is: one, two): start it with: kubus up --name nope\n',
    );
  });
  it('of a name that is none', async () => {
    expect([await on('../x'), said.stdout]).toEqual([1, '']);
    expect(said.stderr).toMatch(/^kubus: "\.\.\/x" cannot name a cluster: use up to 40 lower-case letters/);
  });
  it.each([['cut off', '{"format": 1, "na'], ['empty', ''], ['null', 'null'], ['of another shape', '[1]']])(
    'of a cluster.json that is %s: names the file',
    async (_, text) => {
      const folder = await cluster('one', text);
      expect([await on('one'), said.stdout]).toEqual([1, '']);
      expect(said.stderr).toMatch(new RegExp(`^kubus: ${folder}/cluster.json is not readable as .*: restore it, or `));
    },
  ); // prettier-ignore
});
describe('of a cluster that is down', () => {
  it.each(ASK_THE_BUS)('kubus $label: says so, and how to start it', async ({ args }) => {
    await cluster('one');
    expect([await kubus(...args, '--name', 'one'), said.stdout]).toEqual([1, '']);
    expect(said.stderr).toBe('kubus: cluster "one" is down: start it with: kubus up --name one\n');
  });
  it('kubus status: says so', async () => {
    await cluster('one');
    expect(await kubus('status', '--name', 'one')).toBe(1);
    expect(said).toEqual({ stdout: 'Cluster "one" is down. Start it with: kubus up --name one\n', stderr: '' });
  });
  it('kubus status -o json: the same', async () => {
    await cluster('one');
    expect(await kubus('status', '-o', 'json', '--name', 'one')).toBe(1);
    expect(JSON.parse(said.stdout)).toEqual({ name: 'one', state: 'down', components: [] });
  });
  it('kubus kubeconfig, kubectl: that nobody has written one', async () => {
    await cluster('one');
    for (const command of ['kubeconfig', 'kubectl']) expect(await kubus(command, '--name', 'one')).toBe(1);
    const line = 'kubus: cluster "one" has no kubeconfig: kubus up --name one writes it\n';
    expect(said).toEqual({ stdout: '', stderr: line + line });
  });
  it('kubus logs: nothing, or which there are', async () => {
    await cluster('one');
    expect([await kubus('logs', '--name', 'one'), said.stdout + said.stderr]).toEqual([0, '']);
    expect(await kubus('logs', 'etcd', '--name', 'one')).toBe(1);
    expect(said.stderr).toBe('kubus: there is no log of "etcd": choose from (none yet)\n');
  });
});
describe('of a cluster that is up', () => {
  it.each(ASK_THE_BUS)('kubus $label without its credential: names the file', async ({ args }) => {
    const folder = await cluster('one');
    takeLock(join(folder, 'lock'));
    expect([await kubus(...args, '--name', 'one'), said.stdout]).toEqual([1, '']);
    expect(said.stderr).toMatch(
      new RegExp(`^(?: ✗ .*\\n)?kubus: there is no ${folder}/credentials/[\\w-]+\\.json: kubus up makes it `),
    );
  });
  it.each(ASK_THE_BUS)('kubus $label with a credential that is cut off: names the file', async ({ args }) => {
    const folder = await cluster('one');
    takeLock(join(folder, 'lock'));
    mkdirSync(join(folder, 'credentials'));
    for (const role of ['admin', 'console', 'store-reader']) writeFileSync(join(folder, `credentials/${role}.json`), '{"a');
    expect([await kubus(...args, '--name', 'one'), said.stdout]).toEqual([1, '']);
    expect(said.stderr).toMatch(new RegExp(`^(?: ✗ .*\\n)?kubus: ${folder}/credentials/[\\w-]+\\.json: .*: remove it, and the next kubus up`));
  }); // prettier-ignore
});
describe('kubus list', () => {
  it('has the clusters that it cannot read too, and says why', async () => {
    const folder = await cluster('broken', '{');
    await cluster('good');
    await cluster('Not a name');
    expect(await kubus('list', '-o', 'json')).toBe(0);
    expect(JSON.parse(said.stdout)).toEqual([
      { name: 'broken', state: 'unreadable', data: folder },
      expect.objectContaining({ name: 'good', state: 'down', nodes: 1 }),
    ]);
    expect(said.stderr).toMatch(/^kubus: \S+broken\/cluster\.json is not readable as JSON/);
  });
  it('has none where there is none', async () => {
    expect(await kubus('list', '-o', 'json')).toBe(0);
    expect(await kubus('list')).toBe(0);
    expect(said).toEqual({ stdout: '[]\nNo clusters. Start one with: kubus up\n', stderr: '' });
  });
});
describe('files that cannot be written or read', () => {
  it.each([
    [['machines', 'export', '--out', 'FILE/x'], /^kubus: \S+\/x cannot be written \(ENOTDIR\): choose another --out\n$/],
    [['init', '--data', 'FILE/x'], /^kubus: \S+\/x cannot be written \(ENOTDIR\): choose another --data\n$/],
    [['up', '--data', 'FILE/x'], /^kubus: \S+\/x cannot be written \(ENOTDIR\): choose another --data\n$/],
    [['balance', '--to', 'localhost:1', '--ca', '/nope'], /^kubus: --ca \/nope cannot be read \(ENOENT\)/],
    [['run', 'etcd', '--data', 'FILE'], /^kubus: there is no cluster in \S+: point --data to the folder of one/],
    [['inspect', '--data', 'FILE'], /^kubus: there is no cluster in \S+: point --data to the folder of one/],
    [['token', 'create', '--data', '/nope'], /^kubus: there is no \/nope\/credentials\/admin\.json: /],
  ])('%j', async (args, message) => {
    const file = join(dir, 'file');
    writeFileSync(file, '');
    expect([await kubus(...args.map((a) => a.replace('FILE', file))), said.stdout]).toEqual([1, '']);
    expect(said.stderr).toMatch(message);
  }); // prettier-ignore
});
