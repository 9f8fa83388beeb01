import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { askTcp, askUdp } from '../../../actors/dns/testing/ask.ts';
import { question, read } from '../../../actors/dns/testing/packets.ts';
import type { ClusterConfig } from '../../cluster/config.ts';
import { freePort } from '../../cluster/ports.ts';
import { eventually, isolatedEnv, readJson, upForTest, type TestCluster } from '../../testing/cluster.ts';

let cluster: TestCluster;
let port: number;
const others: ChildProcess[] = [];
beforeAll(async () => {
  const flags = ['--dns-port', '0', '--cluster-domain', 'k8s.test', '--dns-upstream', 'none'];
  cluster = await upForTest(['--nodes', '1', '--ephemeral', '--addons', 'dns', ...flags]);
  port = readJson<ClusterConfig>(join(cluster.data, 'cluster.json')).dns!.port;
}, 60_000);
afterAll(async () => {
  for (const other of others) {
    other.kill('SIGTERM');
    if (other.exitCode === null) await once(other, 'exit');
  }
  await cluster.stop();
});
const ask = async (name: string, type = 'A', at = port): Promise<readonly string[]> =>
  read(await askUdp(question(`${name}.k8s.test`, type, { edns: 1232 }), at)).answers;
const PG = `
apiVersion: v1
kind: Service
metadata: { name: pg }
spec: { clusterIP: None, selector: { app: pg }, ports: [{ name: sql, port: 5432 }] }
---
apiVersion: apps/v1
kind: StatefulSet
metadata: { name: pg }
spec:
  serviceName: pg
  replicas: 2
  selector: { matchLabels: { app: pg } }
  template: { metadata: { labels: { app: pg } }, spec: { containers: [{ name: c, image: x }] } }
`;

describe('names of a whole cluster', () => {
  it('are answered where its service says, at the tenth address', async () => {
    const ip = await eventually('the service is there', async () => {
      const out = await cluster.kubectl(['get', 'service', '-n', 'kube-system', '-l', 'k8s-app=kube-dns', '-o', 'jsonpath={.items[*].spec.clusterIP}']); // prettier-ignore
      return out || undefined;
    });
    expect(ip).toBe('10.96.0.10');
    await eventually('it is answered', async () => (await ask('kube-dns.kube-system.svc')).length > 0 || undefined);
    expect(await ask('kube-dns.kube-system.svc')).toEqual(['kube-dns.kube-system.svc.k8s.test. 30 A 10.96.0.10']);
    const [tcp] = await askTcp([question('kubernetes.default.svc.k8s.test', 'A')], port);
    expect(read(tcp!).answers).toEqual(['kubernetes.default.svc.k8s.test. 30 A 10.96.0.1']);
    const { stdout } = await cluster.kubus('status', '--name', cluster.name, '--output', 'json');
    expect(JSON.parse(stdout)).toMatchObject({ dns: { host: '127.0.0.1', port, domain: 'k8s.test' } });
  });
  it('of pods of a StatefulSet come with them, and go', async () => {
    await cluster.kubectl(['apply', '-f', '-'], PG);
    await cluster.kubectl(['rollout', 'status', 'statefulset/pg', '--timeout=60s']);
    const ips = (await cluster.kubectl(['get', 'pods', '-l', 'app=pg', '-o', 'jsonpath={.items[*].status.podIP}'])).split(' '); // prettier-ignore
    await eventually('both are answered', async () => (await ask('pg.default.svc')).length === 2 || undefined);
    expect((await ask('pg.default.svc')).toSorted()).toEqual(ips.map((ip) => `pg.default.svc.k8s.test. 30 A ${ip}`).toSorted()); // prettier-ignore
    expect(await ask('pg-1.pg.default.svc')).toEqual([`pg-1.pg.default.svc.k8s.test. 30 A ${ips[1]}`]);
    expect(await ask('_sql._tcp.pg.default.svc', 'SRV')).toHaveLength(2);
    await cluster.kubectl(['scale', 'statefulset/pg', '--replicas=1']);
    await eventually('one is left', async () => (await ask('pg-1.pg.default.svc')).length === 0 || undefined);
    expect(await ask('pg.default.svc')).toHaveLength(1);
  });
  it('are answered by another process too, and counted', async () => {
    const own = await freePort();
    const main = join(import.meta.dirname, '../../cli/main.ts');
    const args = [main, 'run', 'dns', '--name', cluster.name, '--dns-port', String(own)];
    const other = spawn(process.execPath, args, {
      env: isolatedEnv(cluster.dir),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    others.push(other);
    let said = '';
    other.stdout.on('data', (part: Buffer) => (said += part.toString()));
    await eventually('it says where', () => Promise.resolve(said.includes('dig') || undefined));
    expect(said).toContain(`dig @127.0.0.1 -p ${own} kubernetes.default.svc.k8s.test`);
    expect(await ask('pg-0.pg.default.svc', 'A', own)).toHaveLength(1);
    const metrics = await cluster.kubectl(['get', '--raw', '/metrics?component=coredns']);
    expect(metrics).toMatch(/^coredns_dns_requests_total\{/m);
  });
});
