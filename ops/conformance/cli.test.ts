import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createProgram } from '../cli/program/program.ts';
import { eventually, finish, isolatedEnv, upForTest, type Finished, type TestCluster } from '../testing/cluster.ts';

const main = join(import.meta.dirname, '../cli/main.ts');
const COMMANDS = createProgram()
  .createHelp()
  .visibleCommands(createProgram())
  .map((c) => c.name());
const STACK = /^\s+at .*:\d+:\d+/m;

let dir: string;
let cluster: TestCluster;
const kubus = async (...args: string[]): Promise<Finished> => {
  const done = await finish(process.execPath, [main, ...args], isolatedEnv(dir));
  expect(done.stdout + done.stderr).not.toMatch(STACK);
  expect(done.stdout + done.stderr).not.toContain('\u001b');
  return done;
};
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'kubus-cli-'));
  cluster = await upForTest(['--nodes', '2', '--wait'], { dir });
});
afterAll(async () => {
  await cluster?.stop();
  rmSync(dir, { recursive: true, force: true });
});

it('helps, and ends with 2 where something is typed wrong', async () => {
  const { status, stdout } = await kubus('--help');
  expect(status).toBe(0);
  expect([...stdout.matchAll(/^ {2}(\w+)( \[| <| {2})/gm)].map((m) => m[1])).toEqual(COMMANDS);
  expect(await kubus('statsu')).toEqual({ status: 2, stdout: '', stderr: expect.stringMatching(/Did you mean status\?/) as string });
  expect(await kubus('up', '--nodes', 'many')).toMatchObject({ status: 2, stdout: '' });
}); // prettier-ignore
describe('which cluster', () => {
  it.each([
    ...['status', 'kubeconfig', 'logs', 'down', 'kubectl'].map((c) => [c, '--name', 'nope']),
    ['run', 'scheduler', '--name', 'nope'],
    ['scale', 'apiserver=2', '--name', 'nope'],
    ['restart', 'apiserver', '--name', 'nope'],
  ])('%s %s %s: there is no such cluster', async (...args) => {
    const { status, stderr } = await kubus(...args);
    expect(stderr).toBe('kubus: there is no cluster "nope" (there is: test): start it with: kubus up --name nope\n');
    expect(status).toBe(1);
  });
  it.each(['UPPER', 'a_b', '-', '../x', 'a'.repeat(41), ''])('"%s" is no name', async (name) => {
    const { status, stderr } = await kubus('up', `--name=${name}`);
    expect(stderr).toMatch(/^kubus: ".*" cannot name a cluster: use up to 40 lower-case letters/);
    expect(status).toBe(1);
  });
});

describe('what a cluster says of itself', () => {
  it('status', async () => {
    const text = await kubus('status', '--name', 'test');
    expect(text.stdout).toMatch(/^Cluster "test" is up \(process \d+\)\.\n\nCOMPONENT +ID +STATE\n/);
    for (const c of ['apiserver', 'controller-manager', 'etcd', 'node-agent', 'scheduler'])
      expect(text.stdout).toMatch(new RegExp(`^${c} +\\S+ +\\S`, 'm'));
    const json = JSON.parse((await kubus('status', '--name', 'test', '--output', 'json')).stdout) as object;
    expect(json).toMatchObject({ name: 'test', state: 'up', pid: cluster.process.pid });
    expect((json as { components: object[] }).components).toContainEqual(
      expect.objectContaining({ component: 'apiserver', state: 'serving' }),
    );
  });
  it('list', async () => {
    expect((await kubus('list')).stdout).toMatch(
      new RegExp(`^NAME +STATE +NODES +SERVER +DATA\ntest +up +2 +${cluster.server} +${cluster.data}\n$`),
    );
    expect(JSON.parse((await kubus('list', '-o', 'json')).stdout)).toEqual([
      { name: 'test', state: 'up', pid: cluster.process.pid, nodes: 2, server: cluster.server, data: cluster.data },
    ]);
  });
  it('version', async () => {
    expect((await kubus('version')).stdout).toMatch(
      /^kubus \d+\.\d+\.\d+ \(Kubernetes API v1\.36\.\d+, Node v24\.\S+\)\n$/,
    );
    expect(JSON.parse((await kubus('version', '--output', 'json')).stdout)).toMatchObject({ node: process.version });
    expect((await kubus('--version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
  it('doctor', async () => {
    const { status, stdout } = await kubus('doctor');
    expect([status, stdout]).toEqual([0, expect.stringMatching(/^✓ node .*\n✓ nats-server .*\n✓ kubectl /)]);
    const checks = JSON.parse((await kubus('doctor', '--output', 'json')).stdout) as { check: string; ok: boolean; for: string }[]; // prettier-ignore
    expect(checks.filter((c) => c.for === 'every cluster').every((c) => c.ok)).toBe(true);
    expect(checks.filter((c) => c.for === 'real nodes').map((c) => c.check)).toContain('containerd');
  });
  it('kubeconfig', async () => {
    const { stdout } = await kubus('kubeconfig', '--name', 'test');
    const file = join(dir, 'printed');
    writeFileSync(file, stdout, { mode: 0o600 });
    expect(await cluster.kubectl(['--kubeconfig', file, 'config', 'current-context'])).toBe('kubus-test\n');
    expect(await cluster.kubectl(['--kubeconfig', file, 'get', '--raw', '/readyz'])).toBe('ok');
  });
  it('a second up: that it is up, and harms nothing', async () => {
    for (const how of [[], ['--detach']]) {
      const { status, stderr } = await kubus('up', '--name', 'test', '--nodes', '7', ...how);
      expect(stderr).toBe(
        `kubus: cluster "test" is already up (process ${cluster.process.pid}): see it with: kubus status --name test\n`,
      );
      expect(status).toBe(1);
    }
    expect((await kubus('list')).stdout).toMatch(/\ntest +up +2 /);
    expect(await cluster.kubectl(['get', '--raw', '/readyz'])).toBe('ok');
  });
});

describe('kubectl', () => {
  const kubectl = (...args: string[]): Promise<Finished> => kubus('kubectl', '--name', 'test', ...args);
  it('hands on options, namespaces and help, and ends with the status of kubectl', async () => {
    expect((await kubectl('get', 'nodes', '-o', 'name')).stdout).toBe('node/test-node-1\nnode/test-node-2\n');
    expect((await kubectl('-n', 'kube-system', 'get', 'leases', '-o', 'name')).stdout).toContain('kube-scheduler');
    expect((await kubectl('--help')).stdout).toMatch(/^kubectl controls the Kubernetes cluster manager/);
    const wrong = await kubectl('get', 'nonsense');
    expect([wrong.status, wrong.stderr]).toEqual([1, 'error: the server doesn\'t have a resource type "nonsense"\n']);
    await kubectl('create', 'configmap', 'x', '--from-literal=a=b');
    const changed = await finish(
      process.execPath,
      [main, 'kubectl', '--name', 'test', 'diff', '-f', '-'],
      isolatedEnv(dir),
      'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: x }\ndata: { a: c }\n',
    );
    expect([changed.status, changed.stdout]).toEqual([1, expect.stringContaining('+  a: c')]);
  });
});

describe('logs', () => {
  it('of all components in order, or of one, the last lines, as they are', async () => {
    const all = (await kubus('logs', '--name', 'test')).stdout.trim().split('\n');
    expect(all.some((l) => /^controllers +\d\d:\d\d:\d\d\.\d{3} INFO {2}became leader /.test(l))).toBe(true);
    expect(all.some((l) => l.startsWith('nats-server  ['))).toBe(true);
    const times = all.flatMap((l) => /\d\d:\d\d:\d\d\.\d{3}/.exec(l)?.[0] ?? []);
    expect(times).toEqual(times.toSorted());
    expect((await kubus('logs', '--name', 'test', '--tail', '3')).stdout.trim().split('\n')).toEqual(all.slice(-3));
    expect((await kubus('logs', '--name', 'test', '--tail', '0')).stdout).toBe('');
    const raw = (await kubus('logs', 'controllers', '--name', 'test', '--raw')).stdout.trim().split('\n');
    expect(raw.map((l) => JSON.parse(l) as object)).toContainEqual(expect.objectContaining({ msg: 'became leader' }));
    const none = await kubus('logs', 'nope', '--name', 'test');
    expect([none.status, none.stderr]).toEqual([1, expect.stringMatching(/^kubus: there is no log of "nope": choose from .*nats-server/)]);
  }); // prettier-ignore
  it('follows, until it is told to stop or nobody reads any more', async () => {
    const file = join(cluster.data, 'logs/later.log');
    const child = spawn(process.execPath, [main, 'logs', '-f', '--tail', '1', '--name', 'test'], { env: isolatedEnv(dir), stdio: ['ignore', 'pipe', 'pipe'] }); // prettier-ignore
    let said = '';
    child.stdout.on('data', (d: Buffer) => (said += d.toString()));
    await eventually('the last line', () => (said.includes('\n') ? true : undefined));
    let i = 0;
    const line = (): string =>
      `${JSON.stringify({ level: 'info', time: new Date().toISOString(), msg: `größe ${i++}` })}\n`;
    await eventually('a line of a new file', () => {
      writeFileSync(file, line(), { flag: 'a' });
      return /later +\d\d:\d\d:\d\d\.\d{3} INFO {2}größe \d+/.test(said) ? true : undefined;
    });
    const ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve(signal ?? code)));
    child.stdout.destroy();
    await eventually('the end of it', () => {
      writeFileSync(file, line(), { flag: 'a' });
      return child.exitCode !== null ? true : undefined;
    });
    expect(await ended).toBe(0);
    rmSync(file);
  });
});

describe('completion', () => {
  it('completes commands, options and names of clusters in a real bash', async () => {
    const { stdout: script } = await kubus('completion', 'bash');
    const complete = async (...words: string[]): Promise<string[]> => {
      const run = `kubus() { ${process.execPath} ${main} "$@"; }\n${script}\nCOMP_WORDS=(kubus ${words.map((w) => `'${w}'`).join(' ')}) COMP_CWORD=${words.length}\n_kubus\nprintf '%s\\n' "\${COMPREPLY[@]}"`; // prettier-ignore
      const { status, stdout, stderr } = await finish('bash', ['--norc', '-c', run], isolatedEnv(dir));
      expect([status, stderr]).toEqual([0, '']);
      return stdout.trim().split('\n');
    };
    expect(await complete('')).toEqual(COMMANDS);
    expect(await complete('ku')).toEqual(['kubeconfig', 'kubectl']);
    expect(await complete('up', '--n')).toEqual([
      '--name',
      '--nodes',
      '--node-cidr-mask-size-ipv4',
      '--node-cidr-mask-size-ipv6',
    ]);
    expect(await complete('scale', 's')).toEqual(['scheduler=']);
    expect(await complete('restart', 'a')).toEqual(['apiserver']);
    expect(await complete('run', 'n')).toEqual(['node-authenticator', 'nodes']);
    expect(await complete('token', 'c')).toEqual(['create']);
    expect(await complete('token', 'create', '--t')).toEqual(['--ttl', '--to']);
    expect(await complete('token', 'create', '--ttl', '')).toEqual(['']);
    expect(await complete('machines', 'export', '--format', 'm')).toEqual(['mermaid']);
    expect(await complete('help', 'ins')).toEqual(['inspect']);
    expect(await complete('down', '--name', 't')).toEqual(['test']);
    expect(await complete('status', '-n', '')).toEqual(['test']);
  });
  it.each([['zsh', /^#compdef kubus\n/], ['fish', /^complete -c kubus -n '__fish_use_subcommand' -f -a up /]])(
    'prints one for %s',
    async (shell, head) => expect((await kubus('completion', shell)).stdout).toMatch(head),
  ); // prettier-ignore
});

describe('machines', () => {
  it('lists them, draws one, prints one', async () => {
    expect((await kubus('machines')).stdout).toMatch(/^MACHINE +STATES +OF\n(\S+ +\d+ +\S.*\n)+$/);
    expect((await kubus('machines', 'pod')).stdout).toMatch(/^stateDiagram-v2\n/);
    expect((await kubus('machines', 'pod', '-o', 'mermaid')).stdout).toMatch(/^stateDiagram-v2\n/);
    expect(JSON.parse((await kubus('machines', 'pod', '-o', 'json')).stdout)).toMatchObject({ id: 'pod', initial: 'arriving' });
    expect(JSON.parse((await kubus('machines', '-o', 'json')).stdout)).toContainEqual(expect.objectContaining({ name: 'pod' }));
  }); // prettier-ignore
});

describe('run', () => {
  it('runs a second scheduler beside the first, which takes over when that is gone', async () => {
    const child = spawn(process.execPath, [main, 'run', 'scheduler', '--name', 'test'], { env: isolatedEnv(dir), stdio: ['ignore', 'pipe', 'pipe'] }); // prettier-ignore
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (d: Buffer) => (said += d.toString()));
    await eventually('it to run', () => (said.includes('running: scheduler\n') ? true : undefined));
    await eventually('two schedulers', async () => {
      const { components } = JSON.parse((await kubus('status', '--name', 'test', '-o', 'json')).stdout) as { components: { component: string }[] };
      return components.filter((c) => c.component === 'scheduler').length === 2 ? true : undefined;
    }); // prettier-ignore
    const ended = new Promise((resolve) => child.once('exit', (code) => resolve(code)));
    child.kill('SIGINT');
    expect(await ended).toBe(0);
    expect(said).not.toMatch(STACK);
  });
  it('says that the bus does not answer', async () => {
    const { status, stderr } = await kubus('run', 'scheduler', '--name', 'test', '--nats', 'nats://127.0.0.1:1');
    expect(stderr).toMatch(/^kubus: .*127\.0\.0\.1:1.*\n$/);
    expect(status).toBe(1);
  });
  it('says that a folder holds no cluster', async () => {
    const { status, stderr } = await kubus('run', 'scheduler', '--data', join(dir, 'empty'));
    expect(stderr).toMatch(/^kubus: there is no cluster in \S+\/empty: .*\n$/);
    expect(status).toBe(1);
  });
});
