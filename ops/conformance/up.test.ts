import { spawn, type ChildProcess } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { findKubectl } from '../fetch/kubectl.ts';
import { eventually, finish, isolatedEnv, type Finished } from '../testing/cluster.ts';

const main = join(import.meta.dirname, '../cli/main.ts');
const API_ALONE = ['--only', 'etcd,apiserver', '--port', '0'];
let dir: string;
let kubectlBinary: string;
const children: ChildProcess[] = [];
const clusters = (): string => join(dir, 'data/kubus/clusters');
const kubus = (...args: string[]): Promise<Finished> => finish(process.execPath, [main, ...args], isolatedEnv(dir));
const kubectl = async (...args: string[]): Promise<string> => {
  const { status, stdout, stderr } = await finish(kubectlBinary, args, isolatedEnv(dir));
  expect([status, stderr]).toEqual([0, '']);
  return stdout;
};
interface Foreground {
  readonly process: ChildProcess;
  readonly said: () => string;
  readonly ended: Promise<number | string | null>;
}
function foreground(...args: string[]): Foreground {
  const child = spawn(process.execPath, [main, 'up', ...args], {
    env: isolatedEnv(dir),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (d: Buffer) => (said += d.toString()));
  const ended = new Promise<number | string | null>((resolve) =>
    child.once('close', (code, signal) => resolve(signal ?? code)),
  );
  return { process: child, said: () => said, ended };
}
const isUp = (one: Foreground): Promise<boolean> =>
  eventually(
    'it is up',
    () => {
      if (!one.said().includes('\nNext:')) throw new Error(one.said());
      return true;
    },
    40_000,
  );

beforeAll(async () => {
  kubectlBinary = await findKubectl();
});
afterEach(async () => {
  for (const name of existsSync(clusters()) ? readdirSync(clusters()) : [])
    await kubus('down', '--name', name, '--delete-data');
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(dir, { recursive: true, force: true });
});
const fresh = (): void => {
  dir = mkdtempSync(join(tmpdir(), 'kubus-up-'));
};

describe('up', { timeout: 60_000 }, () => {
  it('shows its steps, says what to type next, and ends with 0 on Ctrl-C', async () => {
    fresh();
    const one = foreground('--name', 'one', '--nodes', '0', '--port', '0');
    await isUp(one);
    expect(one.said()).toMatch(
      /^ ✓ keys and credentials \d+ ms\n ✓ bus \(nats-server\) \d+ ms\n ✓ store and API server \d+ ms\n ✓ controllers, scheduler, 0 nodes \d+ ms\n\nCluster "one" is up at https:\/\/127\.0\.0\.1:\d+ \(context kubus-one\)\.\n\nNext:\n {2}kubectl --context kubus-one get nodes\n {2}kubectl --context kubus-one create deployment hello --image=hello --replicas=3\n {2}kubus status --name one\n/,
    );
    expect(await kubectl('--context', 'kubus-one', 'get', 'nodes', '-o', 'name')).toBe('');
    const nats = (JSON.parse(readFileSync(join(clusters(), 'one/nats/nats-server.pid'), 'utf8')) as { pid: number })
      .pid;
    one.process.kill('SIGINT');
    expect(await one.ended).toBe(0);
    expect(one.said()).toMatch(/\nkubus: stopping\n$/);
    expect(existsSync(`/proc/${nats}`)).toBe(false);
    // Down, but not forgotten.
    expect((await kubus('status', '--name', 'one')).stdout).toBe(
      'Cluster "one" is down. Start it with: kubus up --name one\n',
    );
    expect(await kubus('down', '--name', 'one')).toMatchObject({ status: 0, stdout: 'Cluster "one" was not up.\n' });
  });
  it('ends cleanly when it is interrupted while it starts', async () => {
    fresh();
    const one = foreground('--name', 'one', ...API_ALONE);
    await eventually('the first step', () => (one.said().includes('keys and credentials') ? true : undefined));
    one.process.kill('SIGINT');
    expect([0, 130]).toContain(await one.ended);
    expect(one.said()).not.toMatch(/^\s+at /m);
    expect((await kubus('list')).stdout).toMatch(/one +down/);
  });
  it('leaves nothing of what is ephemeral, wherever it was', async () => {
    fresh();
    const data = join(dir, 'mine');
    mkdirSync(data);
    writeFileSync(join(data, 'notes.txt'), 'not of kubus');
    const one = foreground('--name', 'one', '--ephemeral', '--data', data, ...API_ALONE);
    await isUp(one);
    expect(one.said()).toContain('It is ephemeral: nothing of it is kept.');
    expect(await kubectl('--context', 'kubus-one', 'get', '--raw', '/readyz')).toBe('ok');
    one.process.kill('SIGTERM');
    expect(await one.ended).toBe(0);
    expect(readdirSync(data)).toEqual(['notes.txt']);
    expect(readdirSync(clusters())).toEqual([]);
    expect(readFileSync(join(dir, 'kubeconfig'), 'utf8')).not.toContain('kubus-one');
  });
  it('in the background, with several side by side, and keeps what the user has in the kubeconfig', async () => {
    fresh();
    const real = join(dir, 'real-kubeconfig');
    writeFileSync(
      real,
      'apiVersion: v1\nkind: Config\ncurrent-context: mine\nclusters: [{name: mine, cluster: {server: "https://mine"}}]\ncontexts: [{name: mine, context: {cluster: mine, user: me}}]\nusers: [{name: me, user: {token: t}}]\npreferences: {colors: true}\n',
      { mode: 0o644 },
    );
    symlinkSync(real, join(dir, 'kubeconfig'));
    const [a, b] = await Promise.all(['a', 'b'].map((name) => kubus('up', '--name', name, '--detach', ...API_ALONE)));
    expect([a!.status, b!.status, a!.stderr.includes('✗')]).toEqual([0, 0, false]);
    expect(statSync(real).mode & 0o777).toBe(0o600);
    expect((await kubectl('config', 'get-contexts', '-o', 'name')).trim().split('\n').sort()).toEqual([
      'kubus-a',
      'kubus-b',
      'mine',
    ]);
    await kubectl('--context', 'kubus-a', 'create', 'configmap', 'only-a');
    expect(await kubectl('--context', 'kubus-b', 'get', 'configmaps', '-o', 'name')).toBe('');
    expect((await kubus('list')).stdout).toMatch(/\na +up .*\nb +up /);
    // The fresh one is not to get the port of one that is only down.
    expect(await kubus('down', '--name', 'a')).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^Cluster "a" is down; its data is kept in /) as unknown,
    });
    expect((await kubectl('config', 'get-contexts', '-o', 'name')).trim().split('\n').sort()).toEqual([
      'kubus-b',
      'mine',
    ]);
    expect((await kubus('up', '--name', 'a', '--detach', '--quiet')).stdout).toBe('');
    expect(await kubectl('--context', 'kubus-a', 'get', 'configmaps', '-o', 'name')).toContain('configmap/only-a\n');
    for (const name of ['a', 'b'])
      expect((await kubus('down', '--name', name, '--delete-data')).stdout).toBe(
        `Cluster "${name}" and its data are gone.\n`,
      );
    expect((await kubus('list')).stdout).toBe('No clusters. Start one with: kubus up\n');
    expect((await kubectl('config', 'get-contexts', '-o', 'name')).trim()).toBe('mine');
    expect(JSON.parse(await kubectl('config', 'view', '--raw', '-o', 'json'))).toMatchObject({
      users: [{ name: 'me', user: { token: 't' } }],
      preferences: { colors: true },
    });
  });
  it('comes up all the same when the kubeconfig of the user cannot be read, and leaves that alone', async () => {
    fresh();
    const broken = 'clusters: [unclosed\n';
    writeFileSync(join(dir, 'kubeconfig'), broken);
    const up = await kubus('up', '--name', 'one', '--detach', ...API_ALONE);
    expect(up.stderr).toMatch(
      /\nkubus: \S+kubeconfig is not readable as a kubeconfig and was left as it is: mend it, or set KUBECONFIG to another file\n/,
    );
    expect(up.status).toBe(0);
    expect((await kubus('kubectl', '--name', 'one', 'get', '--raw', '/readyz')).stdout).toBe('ok');
    expect((await kubus('down', '--name', 'one', '--delete-data')).status).toBe(0);
    expect(readFileSync(join(dir, 'kubeconfig'), 'utf8')).toBe(broken);
  });
  it('keeps the data where --data says, and finds it there again; refuses to change sides', async () => {
    fresh();
    const data = join(dir, 'elsewhere');
    expect((await kubus('up', '--name', 'one', '--data', data, '--detach', ...API_ALONE)).status).toBe(0);
    const other = await kubus('up', '--name', 'one', '--data', join(dir, 'third'), ...API_ALONE);
    expect([other.status, other.stderr]).toEqual([1, expect.stringMatching(/^kubus: cluster "one" is already up/)]);
    expect((await kubus('down', '--name', 'one')).stdout).toContain(`its data is kept in ${data}.`);
    expect(existsSync(join(data, 'cluster.json'))).toBe(true);
    const ephemeral = await kubus('up', '--name', 'one', '--ephemeral');
    expect([ephemeral.status, ephemeral.stderr]).toEqual([
      1,
      'kubus: cluster "one" keeps its data and cannot become ephemeral: use another --name\n',
    ]);
    expect((await kubus('up', '--name', 'one', '--detach')).status).toBe(0);
    expect((await kubus('list')).stdout).toContain(data);
    expect((await kubus('down', '--name', 'one', '--delete-data')).status).toBe(0);
    expect(existsSync(data)).toBe(false);
  });
  it('an API server alone, and the rest by run in a process of its own', async () => {
    fresh();
    expect((await kubus('up', '--name', 'one', '--detach', '--nodes', '1', ...API_ALONE)).status).toBe(0);
    const rest = spawn(process.execPath, [main, 'run', 'controller-manager', 'scheduler', 'nodes', '--name', 'one'], {
      env: isolatedEnv(dir),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.push(rest);
    await kubectl('create', 'deployment', 'web', '--image=web');
    await eventually('a pod that runs', async () => {
      const pods = await kubectl('get', 'pods', '-o', 'jsonpath={.items[*].status.phase}');
      return pods === 'Running' ? true : undefined;
    });
    const ended = new Promise((resolve) => rest.once('exit', resolve));
    rest.kill('SIGINT');
    expect(await ended).toBe(0);
  });
});
