import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { realWorld } from '../../bus/real-world.ts';
import { until } from '../../bus/testing/until.ts';
import type { World } from '../../bus/world.ts';
import type { Component } from '../../actors/runtime/component.ts';
import * as resources from '../../actors/runtime/resources.ts';
import { fakeApi } from '../../actors/runtime/testing/fake-api.ts';
import type { Commands } from '../host/commands.ts';
import { startKubeProxy } from './actor.ts';
import type { Backend } from './backend.ts';
import { iptablesBackend } from './iptables/backend.ts';
import { nftablesBackend } from './nftables/backend.ts';
import { serviceFacts, sliceFacts } from './plan/facts.ts';
import { Plan } from './plan/plan.ts';
import { questionsFor } from './testing/expectation.ts';
import { goldenNode } from './testing/golden.ts';
import { hasNetworks, openNetwork, type Network } from './testing/network.ts';
import { serviceOf, sliceOf } from './testing/objects.ts';
import { randomSituation } from './testing/random.ts';

type Making = (o: { readonly world: World; readonly commands: Commands }) => Backend;
const backends: readonly (readonly [mode: 'nftables' | 'iptables', make: Making])[] = [
  ['nftables', nftablesBackend],
  ['iptables', iptablesBackend],
];
const SEED = 7;
/** What is refused or vanishes is waited for so long; an answer for as long as it takes. */
const SILENCE_MS = 400;
const PATIENCE_MS = 15_000;

describe.skipIf(!hasNetworks).each(backends)('a node whose Services are brought by %s', (mode, make) => {
  const world = realWorld({ level: 'silent' });
  const api = fakeApi(world);
  const client = api.client('test');
  const situation = randomSituation(SEED, 12, { protocols: ['TCP', 'TCP', 'UDP'], families: [4] });
  let network: Network;
  let proxy: Component;
  const start = (): Component => {
    const { commands } = network.node;
    return startKubeProxy({ world, client: api.client('kube-proxy'), nodeName: 'n1', backend: make({ world, commands }), commands }); // prettier-ignore
  };
  beforeAll(async () => {
    network = await openNetwork(world);
    const { pods, others } = network;
    const listening = [
      ...pods.map((pod, i) => [pod, `10.244.0.${i + 2}`] as const),
      ...['10.244.1.2', '10.244.1.3', '10.244.2.4'].map((ip) => [others, ip] as const),
    ];
    for (const [peer, ip] of listening)
      for (const port of [8080, 8081])
        for (const protocol of ['tcp', 'udp'] as const) await peer.listen(protocol, ip, port);
    await client.create(resources.nodes, goldenNode);
    for (const service of situation.services) await client.create(resources.services, service);
    for (const slice of situation.slices) await client.create(resources.endpointSlices, slice);
    proxy = start();
    await proxy.ready;
    await until(() => proxy.state() === 'synced', 30_000);
  }, 60_000);
  afterAll(async () => {
    await proxy?.stop();
    await network?.close();
  });

  it('does with each packet what the plan says, whoever sends it', async () => {
    const plan = new Plan();
    plan.setZone('z1');
    for (const service of situation.services) plan.putService(serviceFacts(service)!);
    for (const slice of situation.slices) plan.putSlice(sliceFacts(slice, 'n1')!);
    plan.changes();
    const { pods, node, others } = network;
    const askers = [
      [pods[1], { is: 'pod', ip: '10.244.0.3' }],
      [node, { is: 'node', ip: '192.168.0.1' }],
      [others, { is: 'outside', ip: '192.168.0.2' }],
    ] as const;
    const kinds = new Set<string>();
    const wrong: string[] = [];
    const asked = [...plan.all()].flatMap((port) =>
      askers.flatMap(([peer, asker]) =>
        questionsFor(port, asker, { nodeIP: '192.168.0.1', mode }).map(async ({ host, port: at, expected }) => {
          const from = { from: asker.ip, waitMs: expected === 'silence' ? SILENCE_MS : PATIENCE_MS };
          const [who] = (await peer.ask(port.protocol === 'UDP' ? 'udp' : 'tcp', host, at, from)).split(' ');
          kinds.add(typeof expected === 'string' ? expected : 'answer');
          if (typeof expected === 'string' ? who !== expected : !expected.includes(who!))
            wrong.push(`${asker.is} to ${port.text} at ${host}:${at}: ${who} instead of ${JSON.stringify(expected)}`);
        }),
      ),
    );
    expect(asked.length).toBeGreaterThan(80);
    await Promise.all(asked);
    expect(wrong).toEqual([]);
    expect([...kinds].toSorted()).toEqual(['ECONNREFUSED', 'answer', 'silence']);
  }, 60_000);

  it('brings a client back to its endpoint, and spreads those of whom nobody asked that', async () => {
    const ports = [{ name: 'http', port: 80, protocol: 'TCP' as const }];
    const endpoints = [{ ip: '10.244.0.2', node: 'n1' }, { ip: '10.244.0.3', node: 'n1' }, { ip: '10.244.1.2', node: 'n2' }]; // prettier-ignore
    const sticky = {
      sessionAffinity: 'ClientIP',
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 600 } },
    } as const;
    await client.create(resources.services, serviceOf('any', { clusterIP: '10.96.9.1', ports }));
    await client.create(resources.services, serviceOf('own', { clusterIP: '10.96.9.2', ports, ...sticky }));
    for (const name of ['any', 'own'])
      await client.create(resources.endpointSlices, sliceOf(name, 'a', endpoints, [{ name: 'http', port: 8080 }]));
    const from = network.pods[0];
    const ask = async (host: string): Promise<string> => (await from.ask('tcp', host, 80)).split(' ')[0]!;
    const all = endpoints.map(({ ip }) => `${ip}:8080`);
    await until(async () => all.includes(await ask('10.96.9.2')));
    const first = await ask('10.96.9.2');
    const again = await Promise.all(Array.from({ length: 12 }, () => ask('10.96.9.2')));
    expect(new Set(again)).toEqual(new Set([first]));
    // To itself too: that answer would not come back by the same way, were it not masqueraded.
    const seen = new Set<string>();
    await until(async () => {
      seen.add(await ask('10.96.9.1'));
      return all.every((one) => seen.has(one));
    });
  }, 30_000);

  it('leaves a conversation over UDP that goes to who is gone, and refuses at once when nobody is left', async () => {
    const dns = (...ips: string[]) =>
      sliceOf('names', 'a', ips.map((ip) => ({ ip, node: 'n1' })), [{ name: 'dns', port: 8080, protocol: 'UDP' }]); // prettier-ignore
    await client.create(resources.services, serviceOf('names', { clusterIP: '10.96.9.3', ports: [{ name: 'dns', port: 53, protocol: 'UDP' }] })); // prettier-ignore
    await client.create(resources.endpointSlices, dns('10.244.0.3'));
    const ask = async (): Promise<string> => (await network.pods[0].ask('udp', '10.96.9.3', 53)).split(' ')[0]!;
    await until(async () => (await ask()) === '10.244.0.3:8080');
    const flows = (): Promise<string> =>
      network.node.commands.must('conntrack', ['-L', '-p', 'udp', '-d', '10.96.9.3']);
    expect(await flows()).toContain('src=10.244.0.3');
    const kept = await network.node.commands.must('cat', [
      '/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_close_wait',
    ]);
    expect(kept.trim()).toBe('3600');
    await client.update(resources.endpointSlices, dns('10.244.0.2'));
    await until(async () => !(await flows()).includes('src=10.244.0.3'));
    await until(async () => (await ask()) === '10.244.0.2:8080');
    await client.delete(resources.endpointSlices, 'names-a', 'default');
    await until(async () => (await ask()) === 'ECONNREFUSED');
  }, 30_000);

  it('takes up the rules of a proxy before it, and makes those anew that somebody has taken away', async () => {
    const { commands } = network.node;
    const ports = [{ name: 'http', port: 80, protocol: 'TCP' as const }];
    await client.create(resources.services, serviceOf('both', { clusterIPs: ['10.96.9.4', 'fd96::94'], ports }));
    await client.create(resources.endpointSlices, sliceOf('both', '4', [{ ip: '10.244.0.3', node: 'n1' }], [{ name: 'http', port: 8080 }])); // prettier-ignore
    await client.create(resources.endpointSlices, sliceOf('both', '6', [{ ip: 'fd44::3', node: 'n1' }], [{ name: 'http', port: 8080 }])); // prettier-ignore
    await network.pods[1].listen('tcp', 'fd44::3', 8080);
    const ask = async (host: string): Promise<string> => (await network.pods[0].ask('tcp', host, 80)).split(' ')[0]!;
    const isReached = async (): Promise<boolean> => (await ask('10.96.9.4')) === '10.244.0.3:8080' && (await ask('fd96::94')) === 'fd44::3:8080'; // prettier-ignore
    await until(isReached);
    await proxy.stop();
    expect(await isReached()).toBe(true);
    await client.delete(resources.services, 'own', 'default');
    proxy = start();
    await proxy.ready;
    expect(await isReached()).toBe(true);
    expect(await ask('10.96.9.2')).not.toContain('10.244');

    for (const flush of ['nft flush ruleset', 'iptables -t nat -F', 'iptables -t nat -X', 'ip6tables -t nat -F'])
      await commands.run('sh', ['-c', flush]);
    expect(await isReached()).toBe(false);
    await client.create(resources.services, serviceOf('another', { clusterIP: '10.96.9.5', ports }));
    await client.create(resources.endpointSlices, sliceOf('another', 'a', [{ ip: '10.244.0.3', node: 'n1' }], [{ name: 'http', port: 8080 }])); // prettier-ignore
    await client.delete(resources.endpointSlices, 'another-a', 'default');
    await until(isReached, 30_000);
  }, 60_000);

  it('takes its own rules away when asked to, and no others', async () => {
    const { commands } = network.node;
    await commands.must('nft', ['-f', '-'], { input: 'add table ip others\nadd chain ip others c\n' });
    await commands.must('iptables', ['-A', 'INPUT', '-p', 'tcp', '--dport', '9', '-j', 'ACCEPT']);
    await make({ world, commands }).remove(new AbortController().signal);
    const left = (await commands.must('nft', ['list', 'ruleset'])) + (await commands.must('iptables-save', []));
    expect(left).not.toMatch(/KUBE-|kube-proxy/);
    expect(left).toContain('table ip others');
    expect(left).toContain('--dport 9 -j ACCEPT');
  }, 30_000);
});
