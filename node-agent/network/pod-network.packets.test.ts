import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fakeApi, type FakeApi } from '../../actors/runtime/testing/fake-api.ts';
import { namespaces, networkPolicies, nodes, pods } from '../../actors/runtime/resources.ts';
import type { Component } from '../../actors/runtime/component.ts';
import { realWorld } from '../../bus/real-world.ts';
import { until } from '../../bus/testing/until.ts';
import { nodePaths } from '../host/paths.ts';
import { startPodNetwork } from './actor.ts';
import { hasRoutes } from './routes/look.ts';
import { readRoutes } from './routes/table.ts';
import { noPackets, privateMachine, type PrivateMachine } from './testing/private-machine.ts';

const why = noPackets();
const API_SERVER = '10.99.0.254';
const world = realWorld({ component: 'test', level: 'silent' });

describe.skipIf(why !== undefined)(`pods of two nodes, by packets${why === undefined ? '' : ` (${why})`}`, () => {
  let machine: PrivateMachine;
  let api: FakeApi;
  const agents = new Map<string, Component>();
  const addresses = new Map<string, string[]>();
  const procNets = new Map<string, string>();
  const paths = (node: string) => nodePaths(join(machine.folder, node));
  async function enlist(name: string, n: number): Promise<void> {
    const procNet = await machine.node(name, `10.99.0.${n}/24`);
    procNets.set(name, procNet);
    await api.client().create(nodes, {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name },
      spec: { podCIDR: `10.244.${n}.0/24`, podCIDRs: [`10.244.${n}.0/24`, `fd00:10:244:${n}::/64`] },
      status: { addresses: [{ type: 'InternalIP', address: `10.99.0.${n}` }] },
    } as never);
    await machine.commands(name).must('ip', ['route', 'add', 'default', 'via', '10.99.0.254']);
    agents.set(name, startPodNetwork({ world, id: name, client: api.client(), commands: machine.commands(name), node: name, ip: `10.99.0.${n}`, paths: paths(name), plugins: '/usr/lib/cni', procNet, apiServers: { link: 'eth0', addresses: [API_SERVER] } })); // prettier-ignore
  }
  const conflistOf = (node: string): Promise<string> => readFile(join(paths(node).cni.conf, '10-kubus.conflist'), 'utf8'); // prettier-ignore
  const reaches = async (from: string, ip: string): Promise<boolean> =>
    (await machine.commands(from).run('busybox', ['ping', '-W1', '-c1', ip])).code === 0;
  beforeAll(async () => {
    machine = await privateMachine(world);
    api = fakeApi(world);
    await enlist('n1', 1);
    await enlist('n2', 2);
    await Promise.all([...agents.values()].map((agent) => agent.ready));
    for (const [pod, node] of [
      ['a', 'n1'],
      ['b', 'n1'],
      ['c', 'n2'],
    ] as const)
      // prettier-ignore
      addresses.set(pod, await machine.pod(node, pod, { conflist: await conflistOf(node), plugins: paths(node).cni.bin }));
  }, 30_000);
  afterAll(async () => {
    await Promise.all([...agents.values()].map((agent) => agent.stop()));
    await machine.end();
  });

  const listen = (pod: string, port: number): void =>
    void machine.commands(pod).run('busybox', ['nc', '-ll', '-p', String(port), '-e', 'cat'], { timeoutMs: 60_000 }).catch(() => undefined); // prettier-ignore
  const hears = async (from: string, ip: string, port: number): Promise<boolean> =>
    (await machine.commands(from).run('busybox', ['nc', '-w1', ip, String(port)], { input: 'hi' })).stdout === 'hi';

  it('have addresses of their node, of both families', () => {
    expect(addresses.get('a')).toEqual(['10.244.1.2', 'fd00:10:244:1::2']);
    expect(addresses.get('c')).toEqual(['10.244.2.2', 'fd00:10:244:2::2']);
  });
  it.each([['a', 'b'], ['a', 'c'], ['c', 'a'], ['n1', 'b'], ['n1', 'c'], ['c', 'c']] as const)('%s reaches %s', async (from, to) => {
    for (const ip of addresses.get(to)!) await until(() => reaches(from, ip));
  }); // prettier-ignore

  it('are led to by routes that /proc/net tells of as programs do', async () => {
    const routes = await readRoutes(machine.commands('n1'), new AbortController().signal);
    expect(routes).toHaveLength(4);
    const [v4, v6] = await Promise.all(['route', 'ipv6_route'].map((file) => readFile(join(procNets.get('n1')!, file), 'utf8'))); // prettier-ignore
    expect(hasRoutes(routes, v4!, v6!)).toBe(true);
    for (const route of routes) {
      expect(hasRoutes([{ ...route, to: route.to.replace(/^10.244|^fd00/, (to) => `${to.slice(0, -1)}f`.replace('24f', '249')) }], v4!, v6!)).toBe(false); // prettier-ignore
      if (route.via) expect(hasRoutes([{ ...route, via: `${route.via}9` }], v4!, v6!)).toBe(false);
    }
  });
  it('hear on ports of their node, of TCP and UDP, on all of its addresses or one', async () => {
    const cni = { conflist: await conflistOf('n1'), plugins: paths('n1').cni.bin };
    await machine.pod('n1', 'd', cni, [
      { hostPort: 8080, containerPort: 80, protocol: 'tcp' },
      { hostPort: 8053, containerPort: 53, protocol: 'udp' },
      { hostPort: 8081, containerPort: 80, protocol: 'tcp', hostIP: '127.0.0.1' },
    ]);
    listen('d', 80);
    const node = '10.99.0.1';
    for (const from of ['n2', 'n1', 'c', 'a', 'd']) await until(() => hears(from, node, 8080));
    await until(() => hears('n1', '127.0.0.1', 8080));
    expect([await hears('n1', '127.0.0.1', 8081), await hears('n2', node, 8081)]).toEqual([true, false]);
    const udp = ['-e', "const s=require('dgram').createSocket('udp4');s.on('message',(m,r)=>s.send(m,r.port,r.address));s.bind(53)"]; // prettier-ignore
    void machine
      .commands('d')
      .run(process.execPath, udp, { timeoutMs: 60_000 })
      .catch(() => undefined);
    const ask = ['-e', "const s=require('dgram').createSocket('udp4');s.on('message',m=>{process.stdout.write(m);process.exit()});setInterval(()=>s.send('hi',8053,'10.99.0.1'),50);setTimeout(()=>process.exit(1),5000)"]; // prettier-ignore
    expect((await machine.commands('n2').run(process.execPath, ask)).stdout).toBe('hi');
  }, 30_000);
  it('hear whom policies let them hear, and always the node', async () => {
    const client = api.client();
    for (const [name, node] of [['a', 'n1'], ['b', 'n1'], ['c', 'n2']] as const) // prettier-ignore
      await client.create(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default', labels: { app: name } }, spec: { nodeName: node, containers: [{ name: 'm', image: 'i', ports: [{ name: 'web', containerPort: 81 }] }] }, status: { phase: 'Running', podIPs: addresses.get(name)!.map((ip) => ({ ip })) } } as never); // prettier-ignore
    await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' } });
    for (const port of [80, 81, 82]) listen('b', port);
    // What runs beside the nodes, an API server by an address of its own.
    for (const ip of [API_SERVER, '10.99.0.253']) await machine.commands().must('ip', ['address', 'add', `${ip}/24`, 'dev', 'kbg0']); // prettier-ignore
    await machine.commands().must('ip', ['route', 'add', '10.244.1.0/24', 'via', '10.99.0.1']);
    const say = "const [,host,localAddress]=process.argv,s=require('net').connect({host,localAddress,port:82},()=>s.write('hi'));s.on('data',d=>{process.stdout.write(d);process.exit()});s.on('error',()=>process.exit(1));setTimeout(()=>process.exit(1),1000)"; // prettier-ignore
    const isHeardFrom = async (source: string): Promise<boolean> =>
      (await machine.commands().run(process.execPath, ['-e', say, addresses.get('b')![0]!, source])).stdout === 'hi';
    for (const source of [API_SERVER, '10.99.0.253']) await until(() => isHeardFrom(source));
    await until(() => hears('c', addresses.get('b')![0]!, 80));
    await client.create(networkPolicies, { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name: 'p', namespace: 'default' }, spec: { podSelector: { matchLabels: { app: 'b' } }, ingress: [{ from: [{ podSelector: { matchLabels: { app: 'a' } } }], ports: [{ port: 80 }, { port: 'web' }] }] } } as never); // prettier-ignore
    await until(async () => !(await hears('c', addresses.get('b')![0]!, 80)));
    for (const ip of addresses.get('b')!) {
      expect([await hears('a', ip, 80), await hears('a', ip, 81), await hears('a', ip, 82), await hears('c', ip, 80), await hears('n1', ip, 82)]).toEqual([true, true, false, false, true]); // prettier-ignore
      expect(await reaches('c', ip)).toBe(false);
    }
    expect([await isHeardFrom(API_SERVER), await isHeardFrom('10.99.0.253')]).toEqual([true, false]);
    expect(await reaches('b', addresses.get('c')![0]!)).toBe(true);
    await client.delete(networkPolicies, 'p', 'default');
    await until(() => hears('c', addresses.get('b')![0]!, 82));
  }, 30_000);
  it('reach each other again after the wire was cut', async () => {
    const to = addresses.get('c')![0]!;
    const link = (how: string): Promise<string> => machine.commands('n1').must('ip', ['link', 'set', 'eth0', how]);
    await link('down');
    expect(await reaches('a', to)).toBe(false);
    expect(await reaches('a', addresses.get('b')![0]!)).toBe(true);
    await link('up');
    await until(() => reaches('a', to));
    const routes = await machine.commands('n1').must('ip', ['route', 'show']);
    expect(routes).toContain('10.244.2.0/24 via 10.99.0.2 dev eth0 proto 196');
    expect(routes).toContain('default via 10.99.0.254 dev eth0');
  }, 30_000);
  it('are led to nobody where a node was', async () => {
    await api.client().delete(nodes, 'n2');
    await until(async () => !(await machine.commands('n1').must('ip', ['route', 'show', 'proto', '196'])).includes('10.244.2.0')); // prettier-ignore
    expect(await reaches('a', '10.244.1.77')).toBe(false);
  });
});
