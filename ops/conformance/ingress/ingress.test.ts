import { Agent, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, readJson, upForTest, type TestCluster } from '../../testing/cluster.ts';
import type { ClusterConfig } from '../../cluster/config.ts';
import { join } from 'node:path';

let cluster: TestCluster;
let port: number;
const agent = new Agent({ keepAlive: true });
beforeAll(async () => {
  const free = ['--ingress-http-port', '0', '--ingress-https-port', '0'];
  cluster = await upForTest(['--nodes', '2', '--ephemeral', '--addons', 'ingress', ...free]);
  port = readJson<ClusterConfig>(join(cluster.data, 'cluster.json')).ingressPorts!.http;
}, 60_000);
afterAll(async () => {
  agent.destroy();
  await cluster.stop();
});
const get = (host: string, path = '/'): Promise<{ readonly status: number; readonly body: string }> =>
  new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, agent, headers: { host } }, (response) => {
      text(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject);
    });
    asked.on('error', reject).end();
  });
const podOf = (body: string): string => /^pod: (.*)$/m.exec(body)?.[1] ?? body;

describe('Ingresses of a whole cluster', () => {
  it('have pods without a network answer from outside, in turn', async () => {
    await cluster.kubectl(['create', 'deployment', 'hello', '--image=hello', '--replicas=3', '--port=8080']);
    await cluster.kubectl(['expose', 'deployment', 'hello', '--port=80', '--target-port=8080']);
    await cluster.kubectl(['create', 'ingress', 'hello', '--rule=hello.test/api*=hello:80']);
    const pods = new Set<string>();
    await eventually('all pods have answered', async () => {
      const { status, body } = await get('hello.test', '/api/x');
      if (status === 200) pods.add(podOf(body));
      return pods.size === 3 || undefined;
    });
    const told = await cluster.kubectl(['get', 'pods', '-o', 'name']);
    expect([...pods].map((pod) => `pod/${pod}`).sort()).toEqual(told.trim().split('\n').sort());
    expect((await get('hello.test', '/apix')).status).toBe(404);
    expect((await get('other.test')).status).toBe(404);
    const address = await eventually('its address is told', async () => {
      const out = await cluster.kubectl([
        'get',
        'ingress',
        'hello',
        '-o',
        'jsonpath={.status.loadBalancer.ingress[0].ip}',
      ]);
      return out || undefined;
    });
    expect(address).toBe('127.0.0.1');
    expect(await cluster.kubectl(['get', 'ingressclass', '-o', 'name'])).toContain('/kubus');
  });
  it('lose no request while their pods are replaced', async () => {
    let isOver = false;
    const failures: unknown[] = [];
    let answered = 0;
    const clients = Array.from({ length: 4 }, async () => {
      while (!isOver) {
        const { status } = await get('hello.test', '/api').catch((error: unknown) => ({ status: error }));
        if (status === 200) answered++;
        else failures.push(status);
      }
    });
    await cluster.kubectl(['rollout', 'restart', 'deployment/hello']);
    await cluster.kubectl(['rollout', 'status', 'deployment/hello', '--timeout=60s']);
    await cluster.kubectl(['scale', 'deployment/hello', '--replicas=1']);
    await cluster.kubectl(['create', 'ingress', 'more', '--rule=more.test/*=hello:80']);
    await eventually('the other Ingress is served', async () => (await get('more.test')).status === 200 || undefined);
    isOver = true;
    await Promise.all(clients);
    expect(failures).toEqual([]);
    expect(answered).toBeGreaterThan(10);
  });
  it('are not needed to reach a pod: its proxy and its Service do', async () => {
    const pod = (await cluster.kubectl(['get', 'pods', '-o', 'jsonpath={.items[0].metadata.name}'])).trim();
    const get = (path: string): Promise<string> =>
      cluster.kubectl(['get', '--raw', `/api/v1/namespaces/default/${path}`]);
    expect(await get(`pods/${pod}:8080/proxy/hostname`)).toBe(pod);
    expect(await get(`pods/${pod}/proxy/a?b=c`)).toContain('path: /a?b=c\n');
    expect(await get('services/hello:80/proxy/')).toContain('port: 8080\n');
    await expect(get(`pods/${pod}:8081/proxy/`)).rejects.toThrow('connection refused');
  });
  it('may do no more than they need', async () => {
    const can = async (...args: string[]): Promise<string> =>
      (await cluster.kubectl(['auth', 'can-i', ...args, '--as', 'system:component:ingress']).catch((error: Error) => error.message)).trim(); // prettier-ignore
    expect(await can('list', 'ingresses.networking.k8s.io', '-A')).toBe('yes');
    expect(await can('patch', 'ingresses.networking.k8s.io', '--subresource=status', '-A')).toBe('yes');
    for (const [verb, what] of [['update', 'ingresses.networking.k8s.io'], ['create', 'secrets'], ['delete', 'secrets'], ['get', 'pods'], ['get', 'configmaps'], ['update', 'leases.coordination.k8s.io/other'], ['list', 'nodes']])
      expect(await can(verb!, what!, '-n', 'kube-system')).toMatch(/no$/);
  }); // prettier-ignore
});
