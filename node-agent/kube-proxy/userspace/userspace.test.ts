import { createSocket } from 'node:dgram';
import { connect, createServer, type AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { realWorld } from '../../../bus/real-world.ts';
import { testWorld } from '../../../actors/runtime/testing/world.ts';
import type { Commands } from '../../host/commands.ts';
import { removeLeftovers } from '../leftovers.ts';
import { serviceFacts, sliceFacts } from '../plan/facts.ts';
import { Plan } from '../plan/plan.ts';
import type { ProxySettings } from '../settings.ts';
import { hasNetworks, openPeer } from '../testing/network.ts';
import { serviceOf, sliceOf } from '../testing/objects.ts';
import { userspaceBackend } from './backend.ts';
import { Balancer } from './balancer.ts';
import { frontsOf } from './fronts.ts';

const SETTINGS: ProxySettings = {
  podCidrs: { 4: ['10.244.0.0/24'], 6: [] },
  nodePortIPs: ['127.0.0.1'],
  nodeIPs: { 4: '192.168.0.1' },
  serviceCidrs: { 4: [], 6: [] },
  masqueradeAll: false,
};
const signal = new AbortController().signal;
const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

/** The loopback has all of 127.0.0.0/8, so nothing has to be given any address here. */
function recorded(): { readonly commands: Commands; readonly said: string[] } {
  const said: string[] = [];
  const run: Commands['run'] = (program, args) => {
    said.push([program, ...args].join(' '));
    return Promise.resolve({ code: 0, stdout: '', stderr: '' });
  };
  return { said, commands: { run, must: async (...args) => (await run(...args)).stdout } };
}
const free = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
/** Says who it is, and then what it hears, until there is no more. */
const tcpEcho = (host: string, port: number): Promise<void> =>
  new Promise((resolve) => {
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.write(`${host}|`);
      socket.pipe(socket);
      socket.on('error', () => undefined);
    }).listen(port, host, () => resolve());
    ends.push(() => new Promise((done) => server.close(done)));
  });
const askTcp = (host: string, port: number, text: string): Promise<string> =>
  new Promise((resolve) => {
    let heard = '';
    const socket = connect({ host, port, allowHalfOpen: true });
    socket.on('data', (bytes: Buffer) => (heard += bytes.toString()));
    socket.on('end', () => resolve(heard));
    socket.on('error', (error) => resolve((error as NodeJS.ErrnoException).code ?? ''));
    socket.end(text);
  });

describe('a proxy of connections', () => {
  it('carries what both sides say to the last byte, passes by who does not answer, and ends with its Service', async () => {
    const [port, to] = await Promise.all([free(), free()]);
    await tcpEcho('127.0.0.12', to);
    const { commands, said } = recorded();
    const backend = userspaceBackend({ world: realWorld({ level: 'silent' }), commands });
    ends.push(() => backend.close());
    const plan = new Plan();
    plan.putService(serviceFacts(serviceOf('web', { clusterIP: '127.96.0.10', ports: [{ name: '', port, protocol: 'TCP' }] }))!); // prettier-ignore
    plan.putSlice(sliceFacts(sliceOf('web', 'a', [{ ip: '127.0.0.11' }, { ip: '127.0.0.12' }], [{ name: '', port: to }]), 'n1')!); // prettier-ignore
    plan.changes();
    await backend.rebuild(plan.services(), SETTINGS, signal);
    expect(said.splice(0)).toEqual([
      'ip -json addr show dev lo scope global',
      'ip addr add 127.96.0.10/32 dev lo metric 196',
    ]);
    const long = 'x'.repeat(1_000_000);
    for (let i = 0; i < 6; i++) expect(await askTcp('127.96.0.10', port, long)).toBe(`127.0.0.12|${long}`);

    plan.dropSlice({ service: 'default/web', name: 'web-a' });
    await backend.update(plan.changes(), SETTINGS, signal);
    expect(await askTcp('127.96.0.10', port, '')).toBe('ECONNREFUSED');
    plan.dropService('default/web');
    await backend.update(plan.changes(), SETTINGS, signal);
    expect(said).toEqual(['ip addr del 127.96.0.10/32 dev lo']);
  });
  it('leads packets over UDP back to who asked, and to another endpoint once theirs is gone', async () => {
    const [port, to] = await Promise.all([free(), free()]);
    for (const host of ['127.0.0.21', '127.0.0.22']) {
      const server = createSocket('udp4');
      server.on('message', (bytes, from) => server.send(`${host}|${bytes.toString()}`, from.port, from.address));
      await new Promise<void>((resolve) => server.bind(to, host, resolve));
      ends.push(() => server.close());
    }
    const backend = userspaceBackend({ world: realWorld({ level: 'silent' }), commands: recorded().commands });
    ends.push(() => backend.close());
    const plan = new Plan();
    plan.putService(serviceFacts(serviceOf('dns', { clusterIP: '127.96.0.11', ports: [{ name: '', port, protocol: 'UDP' }] }))!); // prettier-ignore
    const endpoints = (...ips: string[]): void =>
      plan.putSlice(sliceFacts(sliceOf('dns', 'a', ips.map((ip) => ({ ip })), [{ name: '', port: to, protocol: 'UDP' }]), 'n1')!); // prettier-ignore
    endpoints('127.0.0.21');
    plan.changes();
    await backend.rebuild(plan.services(), SETTINGS, signal);
    const client = createSocket('udp4');
    ends.push(() => client.close());
    const ask = (text: string): Promise<string> =>
      new Promise((resolve) => {
        client.once('message', (bytes) => resolve(bytes.toString()));
        client.send(text, port, '127.96.0.11');
      });
    expect(await ask('a')).toBe('127.0.0.21|a');
    expect(await ask('b')).toBe('127.0.0.21|b');
    endpoints('127.0.0.22');
    await backend.update(plan.changes(), SETTINGS, signal);
    expect(await ask('c')).toBe('127.0.0.22|c');
  });
});

describe.skipIf(!hasNetworks)('addresses of Services that a proxy bore when it was cut off', () => {
  const world = realWorld({ level: 'silent' });
  const planOf = (...ips: string[]): Plan => {
    const plan = new Plan();
    for (const [i, clusterIP] of ips.entries())
      plan.putService(serviceFacts(serviceOf(`s${i}`, { clusterIP, clusterIPs: [clusterIP], ipFamilies: [clusterIP.includes(':') ? 'IPv6' : 'IPv4'], ports: [{ name: '', port: 80, protocol: 'TCP' }] }))!); // prettier-ignore
    plan.changes();
    return plan;
  };
  const bear = async (commands: Commands, ...ips: string[]): Promise<void> => {
    const backend = userspaceBackend({ world, commands });
    await backend.rebuild(planOf(...ips).services(), SETTINGS, signal);
    await backend.close();
  };
  const borne = async (commands: Commands): Promise<string[]> => {
    const said = await commands.must('ip', ['-o', 'addr', 'show', 'dev', 'lo', 'scope', 'global']);
    return [...said.matchAll(/inet6? (\S+)/g)].map(([, address]) => address!).toSorted();
  };
  it('the next one of its mode takes away those of Services that are gone, and nobody else’s', async () => {
    const { commands, close } = await openPeer(world);
    ends.push(close);
    await commands.must('ip', ['addr', 'add', '198.51.100.1/32', 'dev', 'lo']);
    await bear(commands, '10.96.0.10', '10.96.0.11', 'fd00:10:96::a');
    expect(await borne(commands)).toEqual(['10.96.0.10/32', '10.96.0.11/32', '198.51.100.1/32', 'fd00:10:96::a/128']);
    await bear(commands, '10.96.0.11', '10.96.0.12', '198.51.100.1');
    expect(await borne(commands)).toEqual(['10.96.0.11/32', '10.96.0.12/32', '198.51.100.1/32']);
  });
  it('the next of another mode, and a machine that is a node no more, have none', async () => {
    const { commands, close } = await openPeer(world);
    ends.push(close);
    await commands.must('ip', ['addr', 'add', '198.51.100.1/32', 'dev', 'lo']);
    await bear(commands, '10.96.0.10', 'fd00:10:96::a');
    await removeLeftovers({ world, commands }, signal);
    expect(await borne(commands)).toEqual(['198.51.100.1/32']);
  });
});

describe('who is sent where', () => {
  const front = (client: string, key: string) => {
    const plan = new Plan();
    plan.putService(
      serviceFacts(
        serviceOf(
          'web',
          {
            type: 'LoadBalancer',
            clusterIP: '10.96.0.9',
            ports: [{ name: '', port: 80, protocol: 'TCP', nodePort: 30_080 }, { name: 's', port: 81, protocol: 'SCTP', nodePort: 30_081 }],
            externalTrafficPolicy: 'Local',
            loadBalancerSourceRanges: ['203.0.113.0/24', '10.244.0.0/24'],
          },
          { loadBalancer: { ingress: [{ ip: '198.18.0.1' }] } },
        ),
      )!,
    ); // prettier-ignore
    plan.putSlice(sliceFacts(sliceOf('web', 'a', [{ ip: '10.244.0.2', node: 'n1' }, { ip: '10.244.1.2', node: 'n2' }], [{ name: '', port: 8080 }, { name: 's', port: 8081, protocol: 'SCTP' }]), 'n1')!); // prettier-ignore
    plan.changes();
    const { fronts } = frontsOf(plan.services(), SETTINGS, (address) => address === '192.168.0.1');
    expect([...fronts.keys()].toSorted()).toEqual(['TCP 10.96.0.9:80', 'TCP 127.0.0.1:30080', 'TCP 198.18.0.1:80']);
    return fronts
      .get(key)!
      .targets(client)
      ?.map(({ ip }) => ip);
  };
  it.each([
    ['10.244.0.2', 'TCP 10.96.0.9:80', ['10.244.0.2', '10.244.1.2']],
    ['203.0.113.5', 'TCP 198.18.0.1:80', ['10.244.0.2']],
    ['203.0.114.5', 'TCP 198.18.0.1:80', undefined],
    ['10.244.0.3', 'TCP 198.18.0.1:80', ['10.244.0.2', '10.244.1.2']],
    ['192.168.0.1', 'TCP 198.18.0.1:80', ['10.244.0.2', '10.244.1.2']],
    ['203.0.114.5', 'TCP 127.0.0.1:30080', ['10.244.0.2']],
  ])('%s at %s: %j', (client, key, targets) => expect(front(client, key)).toEqual(targets));

  it('a client keeps its endpoint as long as the Service says', async () => {
    const world = testWorld();
    const balancer = new Balancer(world);
    const targets = ['10.0.0.1', '10.0.0.2', '10.0.0.3'].map((ip) => ({ ip, port: 80, isLocal: false }));
    const sticky = { protocol: 'TCP', host: '10.96.0.1', port: 80, owner: 'a', affinitySeconds: 10, targets: () => targets } as const;
    balancer.took(sticky, '1.2.3.4', targets[1]!);
    for (let i = 0; i < 20; i++) expect(balancer.order(sticky, '1.2.3.4')[0]).toBe(targets[1]);
    await world.advance(10_000);
    const firsts = new Set(Array.from({ length: 50 }, () => balancer.order(sticky, '1.2.3.4')[0]?.ip));
    expect(firsts.size).toBe(3);
  }); // prettier-ignore
});
