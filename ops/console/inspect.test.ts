import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, isolatedEnv, upForTest, type TestCluster } from '../testing/cluster.ts';
import type { ActorAddress, ActorPage, SessionInfo } from './protocol.ts';

interface Told {
  readonly pid: number;
  readonly address: string;
  readonly url: string;
}
interface Asked {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly cert?: string;
  readonly key?: string;
}
let cluster: TestCluster;
let inspector: ChildProcess;
let told: Told;
const pki = (name: string): string => readFileSync(join(cluster.data, 'pki', name), 'utf8');
function send(method: string, path: string, o: Asked = {}): Promise<{ status: number; cookie: string; text: string }> {
  return new Promise((resolve, reject) => {
    const { body, headers, ...identity } = o;
    const outgoing = request(
      `${told.address}${path}`,
      {
        method,
        ca: pki('ca.crt'),
        agent: false,
        ...identity,
        headers: {
          'kubus-console': '1',
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
      },
      (response) => {
        let text = '';
        response.on('data', (d: Buffer) => (text += d.toString()));
        const cookie = String(response.headers['set-cookie'] ?? '').split(';')[0]!;
        response.on('end', () => resolve({ status: response.statusCode!, cookie, text }));
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
beforeAll(async () => {
  cluster = await upForTest(['--nodes', '1', '--ephemeral']);
  const main = join(import.meta.dirname, '../cli/main.ts');
  const args = [main, 'inspect', '--name', 'test', '--port', '0', '--no-open', '--output', 'json'];
  inspector = spawn(process.execPath, args, { env: isolatedEnv(cluster.dir), stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [inspector.stdout, inspector.stderr]) stream?.on('data', (d: Buffer) => (said += d.toString()));
  told = await eventually('the inspector is up', () => {
    if (inspector.exitCode !== null) throw new Error(said);
    return JSON.parse(said) as Told;
  });
});
afterAll(async () => {
  if (inspector?.exitCode === null) {
    const gone = new Promise((resolve) => inspector.once('exit', resolve));
    inspector.kill('SIGTERM');
    await gone;
  }
  await cluster?.stop();
});

describe('kubus inspect', () => {
  let cookie: string;
  it('logs in by the printed address, and by another that --url prints', async () => {
    const codeOf = (url: string): unknown => ({ code: url.split('#code=')[1] });
    const first = await send('POST', '/api/login', { body: codeOf(told.url) });
    expect(first.status).toBe(200);
    cookie = first.cookie;
    const again = await cluster.kubus('inspect', '--name', 'test', '--url');
    expect(again.stdout.trim()).toMatch(new RegExp(`^${told.address}/#code=`));
    expect((await send('POST', '/api/login', { body: codeOf(again.stdout.trim()) })).status).toBe(200);
    expect(statSync(join(cluster.data, 'console.json')).mode & 0o777).toBe(0o600);
  });
  it("knows the kubeconfig's certificate, and tokens by what the cluster says of them", async () => {
    const admin = await send('GET', '/api/session', { cert: pki('admin.crt'), key: pki('admin.key') });
    expect(JSON.parse(admin.text)).toMatchObject({ user: 'kubernetes-admin', canControl: true });
    await cluster.kubectl(['create', 'serviceaccount', 'viewer']);
    const token = (await cluster.kubectl(['create', 'token', 'viewer'])).trim();
    const login = () => send('POST', '/api/login', { body: { token } });
    const refused = await login();
    expect([refused.status, refused.text]).toEqual([403, expect.stringContaining('nonResourceURLs')]);
    const rule = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name: 'inspector' }, rules: [{ nonResourceURLs: ['/inspect'], verbs: ['get'] }] }; // prettier-ignore
    await cluster.kubectl(['apply', '-f', '-'], JSON.stringify(rule));
    await cluster.kubectl(['create', 'clusterrolebinding', 'inspector', '--clusterrole=inspector', '--serviceaccount=default:viewer']); // prettier-ignore
    const session = await eventually('the viewer may look', async () => {
      const answer = await login();
      return answer.status === 200 ? answer : undefined;
    });
    expect(JSON.parse(session.text) as SessionInfo).toMatchObject({ user: 'system:serviceaccount:default:viewer', canControl: false }); // prettier-ignore
    const body = { type: 'pause', target: { component: 'a', id: 'b', actor: 'c' } };
    expect((await send('POST', '/api/commands', { body, headers: { cookie: session.cookie } })).status).toBe(403);
    expect((await send('GET', '/api/session', { headers: { authorization: `Bearer ${token}x` } })).status).toBe(401);
  });
  it('sees what kubectl sets in motion, in every component', async () => {
    await cluster.kubectl(['create', 'deployment', 'web', '--image=web', '--replicas=2']);
    const list = async (query: string): Promise<ActorPage> =>
      JSON.parse((await send('GET', `/api/actors?${query}`, { headers: { cookie } })).text) as ActorPage;
    const pods = await eventually('both pods run', async () => {
      const { actors } = await list('machine=pod&state=tending.running&text=web');
      return actors.length === 2 ? actors : undefined;
    });
    expect(pods[0]).toMatchObject({ component: 'node-agent', machine: 'pod' });
    const { actors } = await list('limit=500');
    expect([...new Set(actors.map((a) => a.component))]).toEqual(expect.arrayContaining(['apiserver', 'controller-manager', 'etcd', 'node-agent', 'scheduler'])); // prettier-ignore
  });
  it('holds a pod where it is while it is paused, and lets it go when the inspector ends', async () => {
    const pods = JSON.parse((await send('GET', '/api/actors?machine=pod&text=web', { headers: { cookie } })).text) as ActorPage; // prettier-ignore
    const { component, id, actor } = pods.actors[0]!;
    const target: ActorAddress = { component, id, actor };
    const body = { type: 'pause', target };
    expect((await send('POST', '/api/commands', { body, headers: { cookie } })).status).toBe(200);
    await cluster.kubectl(['delete', 'pod', actor.split('/').at(-1)!, '--wait=false', '--grace-period=1']);
    const held = await eventually('the deletion waits', async () => {
      const page = JSON.parse((await send('GET', '/api/actors?held=true', { headers: { cookie } })).text) as ActorPage;
      return page.actors.find((a) => a.control.queued.includes('pod.deleted'));
    });
    expect(held).toMatchObject({ actor, control: { mode: 'paused', reason: 'command' } });
    const gone = new Promise((resolve) => inspector.once('exit', resolve));
    inspector.kill('SIGTERM');
    await gone;
    await eventually('the pod is gone', async () => {
      const names = await cluster.kubectl(['get', 'pods', '-o', 'name']);
      return names.includes(actor.split('/').at(-1)!) ? undefined : true;
    });
    expect((await cluster.kubus('inspect', '--name', 'test', '--url')).stderr).toContain('no inspector runs');
  });
});
