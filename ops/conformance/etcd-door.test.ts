import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../cluster/ports.ts';
import { kubeconfigFor } from '../cluster/kubeconfig.ts';
import { findKubectl } from '../fetch/kubectl.ts';
import { ensurePki } from '../pki/pki.ts';
import { eventually, finish, upForTest, type Finished, type TestCluster } from '../testing/cluster.ts';

const isInstalled = (program: string, flag: string): boolean => spawnSync(program, [flag]).error === undefined;
const HAS_ETCDCTL = isInstalled('etcdctl', 'version');
const HAS_APISERVER = isInstalled('kube-apiserver', '--version');

let dir: string;
let cluster: TestCluster;
let port: number;
const key = (name: string): string => join(cluster.data, 'pki/etcd', name);
beforeAll(async () => {
  if (!HAS_ETCDCTL && !HAS_APISERVER) return;
  dir = mkdtempSync(join(tmpdir(), 'kubus-etcd-door-'));
  port = await freePort();
  cluster = await upForTest(['--only', 'etcd,apiserver', '--ephemeral', '--etcd-port', String(port)], { dir });
});
afterAll(async () => {
  await cluster?.stop();
  if (dir !== undefined) rmSync(dir, { recursive: true, force: true });
});
const store = (...args: string[]): Promise<Finished> => cluster.kubus('etcd', ...args, '--name', 'test');

describe.skipIf(!HAS_ETCDCTL)('etcdctl (skipped where it is not installed)', () => {
  const etcdctl = (args: string, input = ''): Promise<Finished> =>
    finish('etcdctl', [
      '--endpoints', `https://127.0.0.1:${port}`, '--cacert', key('ca.crt'), '--cert', key('client.crt'), '--key', key('client.key'),
      ...args.split(' '),
    ], { ...process.env, ETCDCTL_API: '3' }, input); // prettier-ignore
  it.each<[args: string, said: RegExp, input?: string]>([
    ['put t/a 1', /^OK\n$/],
    ['put t/b 2', /^OK\n$/],
    ['put t/a 3 --prev-kv', /^OK\nt\/a\n1\n$/],
    ['get t/a', /^t\/a\n3\n$/],
    ['get t/ --prefix --order=DESCEND', /^t\/b\n2\nt\/a\n3\n$/],
    ['get t/ --prefix --keys-only --limit 1', /^t\/a\n\n?$/],
    ['get t/ --prefix --count-only --write-out=fields', /"Count" : 2/],
    ['txn', /^SUCCESS\n\nOK\n$/, 'mod("t/c") = "0"\n\nput t/c new\n\nget t/c\n\n'],
    ['txn', /^FAILURE\n\nt\/c\nnew\n$/, 'mod("t/c") = "0"\n\nput t/c newer\n\nget t/c\n\n'],
    ['txn', /^SUCCESS\n\nOK\n\nOK\n\n1\n$/, 'value("t/c") = "new"\nmod("t/b") > "0"\n\nput t/d 4\nput t/e 5\ndel t/c\n\n\n'],
    ['del t/d', /^1\n$/],
    ['lease grant 100', /^lease [0-9a-f]{16} granted with TTL\(100s\)\n$/],
    ['lease list', /^found 1 leases\n[0-9a-f]{16}\n$/],
    ['endpoint health', / is healthy: /],
    ['endpoint status', /^https:\/\/127\.0\.0\.1:\d+, [0-9a-f]+, /],
    ['member list', /started/],
    ['alarm list', /^$/],
    ['del t/ --prefix', /^3\n$/],
  ])('%s', async (args, said, input) => {
    const { status, stdout, stderr } = await etcdctl(args, input);
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(said);
  }); // prettier-ignore
  it('watches from a revision on, compacts, and takes a snapshot', async () => {
    const { stdout } = await etcdctl('put w/a 1 --write-out=json');
    const { revision } = (JSON.parse(stdout) as { header: { revision: number } }).header;
    const watch = spawn('etcdctl', [
      '--endpoints', `https://127.0.0.1:${port}`, '--cacert', key('ca.crt'), '--cert', key('client.crt'), '--key', key('client.key'),
      'watch', 'w/', '--prefix', '--rev', String(revision),
    ]); // prettier-ignore
    let told = '';
    watch.stdout.on('data', (d: Buffer) => (told += d.toString()));
    try {
      await etcdctl('del w/a');
      await eventually('both changes', () => (told === 'PUT\nw/a\n1\nDELETE\nw/a\n\n' ? true : undefined));
    } finally {
      watch.kill();
    }
    expect(await etcdctl(`compact ${revision + 1}`)).toMatchObject({ status: 0 });
    expect((await etcdctl(`get w/a --rev ${revision}`)).stderr).toContain('required revision has been compacted');
    expect((await store('get', 'w/a', '--revision', String(revision))).stderr).toMatch(
      /^kubus: revision \d+ has been compacted: see from which one on .*: kubus etcd status\n$/,
    );
    expect((await etcdctl(`snapshot save ${join(dir, 'snapshot')}`)).status).toBe(0);
  });
  it('is refused what needs users or raft, and any key without a certificate of this authority', async () => {
    expect((await etcdctl('user add x:y')).stderr).toContain('lets in whoever shows a certificate of its authority');
    expect((await etcdctl('member add x --peer-urls=https://127.0.0.1:1')).stderr).toContain('start another');
    const args = [
      '--endpoints',
      `https://127.0.0.1:${port}`,
      '--cacert',
      key('ca.crt'),
      '--command-timeout',
      '1s',
      'get',
      'x',
    ];
    expect((await finish('etcdctl', args, process.env)).status).not.toBe(0);
  });
});

describe.skipIf(!HAS_APISERVER)('a stock kube-apiserver (skipped where it is not installed)', () => {
  let server: ChildProcess;
  let url: string;
  let pki: Awaited<ReturnType<typeof ensurePki>>;
  let kubeconfig: string;
  let kubectlBinary: string;
  let said = '';
  const kubectl = (...args: string[]): Promise<Finished> =>
    finish(kubectlBinary, ['--kubeconfig', kubeconfig, ...args], process.env);
  beforeAll(async () => {
    const own = join(dir, 'stock');
    mkdirSync(own);
    pki = await ensurePki(own, ['127.0.0.1'], Date.now());
    const secure = await freePort();
    url = `https://127.0.0.1:${secure}`;
    kubectlBinary = await findKubectl();
    kubeconfig = join(own, 'kubeconfig');
    writeFileSync(kubeconfig, kubeconfigFor('stock', url, pki), { mode: 0o600 });
    const file = (name: string): string => join(own, name);
    server = spawn('kube-apiserver', [
      `--etcd-servers=https://127.0.0.1:${port}`, `--etcd-cafile=${key('ca.crt')}`, `--etcd-certfile=${key('client.crt')}`,
      `--etcd-keyfile=${key('client.key')}`, '--etcd-prefix=/stock', '--bind-address=127.0.0.1', `--secure-port=${secure}`,
      '--advertise-address=192.0.2.1', `--tls-cert-file=${file('apiserver.crt')}`, `--tls-private-key-file=${file('apiserver.key')}`,
      `--client-ca-file=${file('ca.crt')}`, '--authorization-mode=RBAC', '--service-account-issuer=https://kubernetes.default.svc',
      `--service-account-key-file=${file('sa.key')}`, `--service-account-signing-key-file=${file('sa.key')}`,
      '--service-cluster-ip-range=10.96.0.0/16', '--profiling=false',
    ], { stdio: ['ignore', 'ignore', 'pipe'] }); // prettier-ignore
    server.stderr!.on('data', (d: Buffer) => (said = (said + d.toString()).slice(-4000)));
  });
  afterAll(async () => {
    if (server === undefined || server.exitCode !== null) return;
    const gone = new Promise((resolve) => server.once('exit', resolve));
    server.kill('SIGKILL');
    await gone;
  });
  const readyz = (): Promise<number | undefined> =>
    new Promise((resolve) => {
      const asking = get(`${url}/readyz`, { ca: readFileSync(join(dir, 'stock/ca.crt')) }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      });
      asking.once('error', () => resolve(undefined));
    });
  it('boots on the store, and creates, watches and deletes there', { timeout: 150_000 }, async () => {
    await eventually('/readyz', async () => {
      if (server.exitCode !== null) throw new Error(said);
      return (await readyz()) === 200 || undefined;
    }, 110_000); // prettier-ignore
    const watch = spawn(kubectlBinary, [
      '--kubeconfig', kubeconfig, 'get', 'configmaps', '--watch', '--output-watch-events', '--no-headers', '-o', 'name', '--field-selector', 'metadata.name=c',
    ]); // prettier-ignore
    let told = '';
    watch.stdout.on('data', (d: Buffer) => (told += d.toString()));
    try {
      expect(await kubectl('create', 'configmap', 'c', '--from-literal', 'a=é')).toMatchObject({
        status: 0,
        stderr: '',
      });
      await eventually('the creation', () => told.includes('configmap/c') || undefined);
      // What it wrote as protobuf is read as YAML.
      const { stdout } = await store('get', '/stock/configmaps/default/c');
      expect(stdout).toMatch(
        /^# \/stock\/configmaps\/default\/c\n# created at (\d+), changed at \1, version 1\napiVersion: v1\ndata:\n {2}a: é\nkind: ConfigMap\nmetadata:\n/,
      );
      const seen = await kubectl('get', 'configmap', 'c', '-o', 'yaml', '--show-managed-fields');
      expect(stdout.split('\n').slice(2).join('\n')).toBe(seen.stdout);
      expect(await kubectl('delete', 'configmap', 'c')).toMatchObject({ status: 0 });
      expect(await store('get', '/stock/configmaps/default/c')).toEqual({
        status: 1, stdout: '', stderr: 'kubus: there is no key "/stock/configmaps/default/c": see which there are with: kubus etcd list /stock/configmaps/default/\n',
      }); // prettier-ignore
    } finally {
      watch.kill();
    }
    // Custom kinds, and those of the extension servers, are JSON.
    expect((await store('get', '/stock/', '--prefix', '--output', 'json')).stdout).not.toMatch(/"(base64|problem)":/);
  });
});
