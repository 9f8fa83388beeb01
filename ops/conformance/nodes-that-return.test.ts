import { spawn, type ChildProcess } from 'node:child_process';
import { createPrivateKey, sign, X509Certificate } from 'node:crypto';
import { existsSync, readFileSync, realpathSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KEY_LABEL } from '../../actors/runtime/node-labels.ts';
import type { ApiClient } from '../../actors/runtime/api-client.ts';
import * as resources from '../../actors/runtime/resources.ts';
import { parseCredentials } from '../../bus/credentials.ts';
import { formatKeyPair } from '../../node-agent/kubelet/certificates/key-pair.ts';
import { readProof } from '../../node-agent/kubelet/certificates/proof.ts';
import { makeRequest } from '../../node-agent/kubelet/certificates/request.ts';
import { pairStore, pkiOf } from '../../node-agent/kubelet/certificates/store.ts';
import type { Node, Pod, Secret } from '../../schemas/generated/core-v1.ts';
import { signerIn } from '../pki/signing.ts';
import { eventually, isolatedEnv, type TestCluster } from '../testing/cluster.ts';
import { clusterToJoin, joiningWorld as world, type Joining } from '../testing/joining.ts';

const VICTIM = 'test-node-1';
const TOKEN = 'aaaaaa.0123456789abcdef';
let joining: Joining;
let cluster: TestCluster;
let admin: ApiClient;
const children: ChildProcess[] = [];
const connect: Joining['connect'] = (credentials) => joining.connect(credentials);
const machine: Joining['machine'] = (node) => joining.machine(node);
const refusedToConnect: Joining['refusedToConnect'] = (credentials) => joining.refusedToConnect(credentials);
beforeAll(async () => {
  joining = await clusterToJoin();
  ({ cluster, admin } = joining);
  await joining.makeToken('aaaaaa');
  await admin.create<Secret>(resources.secrets, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'treasure', namespace: 'default' }, stringData: { a: 'b' } }); // prettier-ignore
}, 120_000);
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await joining?.stop();
});

describe('kubus run nodes with a token', () => {
  const main = join(import.meta.dirname, '../cli/main.ts');
  const folder = (node: string): string => join(cluster.dir, 'data/kubus/nodes', node);
  const current = (node: string): string => join(folder(node), 'kubelet/pki/kubelet-client-current.pem');
  const bound = async (node: string) => (await admin.get<Node>(resources.nodes, node)).metadata.labels?.[KEY_LABEL];
  /** Runs until it serves; returns what ends it. */
  const run = async (node: string, ...more: string[]): Promise<() => Promise<void>> => {
    const child = spawn(process.execPath, [main, 'run', 'nodes', '--node', node, ...more], {
      env: isolatedEnv(cluster.dir),
    });
    children.push(child);
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (d: Buffer) => (said += d.toString()));
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    await eventually('the node runs', () => said.includes(`running: node ${node}`) || undefined, 60_000).catch(
      (error: unknown) => {
        throw new Error(`${(error as Error).message}: ${said}`);
      },
    );
    return () => {
      child.kill('SIGTERM');
      return gone;
    };
  };
  const certificate = (node: string): Promise<true> =>
    eventually('it has a certificate', () => existsSync(current(node)) || undefined, 60_000);
  let token: string;
  let nats: string;
  beforeAll(async () => {
    const made = await cluster.kubus('token', 'create', '--name', cluster.name, '--output', 'json');
    const told = JSON.parse(made.stdout) as { token: string; nats: string[] };
    token = told.token;
    nats = told.nats.join(',');
  });

  it('runs a node with a key of its own, and again without the token', async () => {
    const stop = await run('worker-9', '--nats', nats, '--token', token);
    await admin.create<Pod>(resources.pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'there', namespace: 'default' }, spec: { nodeName: 'worker-9', containers: [{ name: 'c', image: 'c' }] } }); // prettier-ignore
    const isRunning = async (): Promise<true | undefined> =>
      (await admin.get<Pod>(resources.pods, 'there', 'default')).status?.phase === 'Running' || undefined;
    await eventually('its pod runs', isRunning, 60_000);
    const file = join(folder('worker-9'), 'credential.json');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, 'utf8')).not.toContain(token);
    await certificate('worker-9');
    await stop();
    await admin.delete(resources.secrets, `bootstrap-token-${token.slice(0, 6)}`, 'kube-system');
    await (
      await run('worker-9')
    )();
  }, 120_000);
  it('has a certificate then, by which API servers know it, and it alone', async () => {
    expect(statSync(realpathSync(current('worker-9'))).mode & 0o777).toBe(0o600);
    const config = join(folder('worker-9'), 'kubelet/kubelet.conf');
    // This cluster's server listens on loopback, where it does not say that it is.
    const asNode = (...args: string[]): Promise<string> =>
      cluster.kubectl([`--kubeconfig=${config}`, `--server=${cluster.server}`, ...args]);
    expect(await asNode('get', 'node', 'worker-9', '-o', 'name')).toBe('node/worker-9\n');
    expect(JSON.parse(await asNode('auth', 'whoami', '-o', 'json'))).toMatchObject({
      status: { userInfo: { username: 'system:node:worker-9', groups: ['system:nodes', 'system:authenticated'] } },
    });
    await expect(asNode('get', 'node', VICTIM)).rejects.toThrow('Forbidden');
    await expect(asNode('get', 'secret', 'treasure')).rejects.toThrow('Forbidden');
    const requests = await cluster.kubectl(['get', 'csr']);
    expect(requests).toMatch(/kube-apiserver-client-kubelet\s+system:node:worker-9\s+<none>\s+Approved,Issued/);
  });
  it('comes back by its certificate when its key is lost, and nobody by the lost key', async () => {
    const file = join(folder('worker-9'), 'credential.json');
    const lost = parseCredentials(readFileSync(file, 'utf8'));
    const before = await bound('worker-9');
    rmSync(file);
    // Where the bus is stood in the file.
    const stop = await run('worker-9', '--nats', nats);
    expect(await bound('worker-9')).not.toBe(before);
    await refusedToConnect(lost);
    await stop();
    await (
      await run('worker-9')
    )();
  }, 120_000);

  /** What a thief of the node's folder has. */
  const proof = async (node: string, of = node) => (await readProof(join(folder(of), 'kubelet'), of, world))!;
  it('no other node comes in its name, nor anybody by a certificate of something else', async () => {
    const before = await bound('worker-9');
    await (await connect({ ...machine('thief'), token: TOKEN })).drain();
    const stolen = await proof('worker-9');
    // Under another name, and in place of a node that did not join, or is not there.
    for (const node of ['thief', VICTIM, 'nobody']) await refusedToConnect({ ...machine(node), certificate: stolen });
    const pki = (name: string): string => readFileSync(join(cluster.data, 'pki', name), 'utf8');
    for (const name of ['admin', 'apiserver', 'front-proxy-client']) {
      const key = createPrivateKey(pki(`${name}.key`));
      const shown = new X509Certificate(pki(`${name}.crt`)).raw;
      await refusedToConnect({ ...machine('worker-9'), certificate: { certificate: shown, sign: (text) => sign('sha256', Buffer.from(text), key) } }); // prettier-ignore
    }
    // The certificate alone, without its key; and what was signed for a connection before.
    await refusedToConnect({ ...machine('worker-9'), certificate: { ...stolen, sign: () => new Uint8Array(70) } });
    let replayed: Uint8Array | undefined;
    const spy = { ...stolen, sign: (text: string) => (replayed ??= stolen.sign(text)) };
    await refusedToConnect({ ...machine('thief'), certificate: spy });
    await refusedToConnect({ ...machine('worker-9'), certificate: { ...stolen, sign: () => replayed! } });
    expect(await bound('worker-9')).toBe(before);
  }, 60_000);
  it('does not come back when it was revoked, nor in the name of the Node after it', async () => {
    const stolen = await proof('worker-9');
    await cluster.kubus('node', 'revoke', 'worker-9', '--name', cluster.name);
    await refusedToConnect({ ...machine('worker-9'), certificate: stolen });
    // API servers are shown it in vain too, also for another one.
    const config = join(folder('worker-9'), 'kubelet/kubelet.conf');
    for (const what of ['nodes/worker-9', 'csr'])
      await expect(cluster.kubectl([`--kubeconfig=${config}`, `--server=${cluster.server}`, 'get', what])).rejects.toThrow('was revoked'); // prettier-ignore
    await admin.delete(resources.nodes, 'worker-9');
    await refusedToConnect({ ...machine('worker-9'), certificate: stolen });
    // Signers date back by five minutes, so this one has to be older.
    const old = signerIn(join(cluster.data, 'pki'))!;
    const { pem, key } = makeRequest('worker-9');
    const life = { from: Date.now() - 3_600_000, until: Date.now() + 3_600_000 };
    const certificateText = await old.sign(pem, ['digital signature', 'client auth'], life);
    const issued = new X509Certificate(certificateText).raw;
    await (await connect({ ...machine('worker-9'), token: TOKEN })).drain();
    const before = await bound('worker-9');
    await refusedToConnect({ ...machine('worker-9'), certificate: { certificate: issued, sign: (text) => sign('sha256', Buffer.from(text), key) } }); // prettier-ignore
    // Nor at the other door, where it could have got a younger one.
    await pairStore(pkiOf(join(folder('worker-9'), 'kubelet'))).write(formatKeyPair(certificateText, key), Date.now());
    for (const what of ['nodes/worker-9', 'csr'])
      await expect(cluster.kubectl([`--kubeconfig=${config}`, `--server=${cluster.server}`, 'get', what])).rejects.toThrow('older than node'); // prettier-ignore
    expect(await bound('worker-9')).toBe(before);
  }, 60_000);
});
