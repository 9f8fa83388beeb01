import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { conflist, commonVersion } from '../cni/conflist.ts';
import { linkOf, linkTo, readLinks, type Link } from './links.ts';
import { hasRoutes } from './look.ts';
import { masquerade } from './masquerade.ts';
import { placeOf, planRoutes, routeChanges, type NodePlace, type Route } from './plan.ts';
import { routeBatch } from './table.ts';

const eth0: Link = { name: 'eth0', mtu: 1400, addresses: ['10.99.0.1/24', 'fd99::1/64'] };
const place = (n: number, o: Partial<NodePlace> = {}): NodePlace => ({
  name: `n${n}`,
  created: `2026-01-01T00:00:0${n % 10}Z`,
  ranges: [`10.244.${n}.0/24`, `fd00:10:244:${n}::/64`],
  ips: [`10.99.0.${n}`, `fd99::${n}`],
  ...o,
});

describe('routes to the pods of other nodes', () => {
  it('go by their nodes, of both families; to what is nobody’s of the own ones goes none', () => {
    const plan = planRoutes('n1', [place(1), place(2)], [eth0]);
    expect(plan).toEqual({
      addresses: [],
      routes: [
        { to: '10.244.1.0/24' },
        { to: 'fd00:10:244:1::/64' },
        { to: '10.244.2.0/24', via: '10.99.0.2', link: 'eth0' },
        { to: 'fd00:10:244:2::/64', via: 'fd99::2', link: 'eth0' },
      ],
      inside: ['10.99.0.1', 'fd99::1', '10.99.0.2', 'fd99::2', '10.244.1.0/24', 'fd00:10:244:1::/64', '10.244.2.0/24', 'fd00:10:244:2::/64'],
      own: ['10.244.1.0/24', 'fd00:10:244:1::/64'],
      problems: [],
    }); // prettier-ignore
  });
  it.each<[string, Partial<NodePlace>, string[], string[]]>([
    ['a node that is no neighbour', { ips: ['192.168.7.2', 'fd99::2'] }, ['fd00:10:244:2::/64'], ['node n2 (192.168.7.2) is no neighbour of this one: its pods in 10.244.2.0/24 are reached where the network has a route to them, as a cloud\'s route controller makes it']],
    ['a node without an address of the family', { ips: ['fd99::2'] }, ['fd00:10:244:2::/64'], ['node n2 has no address of IPv4: nothing leads to its pods in 10.244.2.0/24']],
    ['a node with an address of IPv4 alone', { ips: ['10.99.0.2'] }, ['10.244.2.0/24', 'fd00:10:244:2::/64'], []],
    ['a range that is none', { ranges: ['10.244.2.0/40; flush ruleset'] }, [], ['node n2: "10.244.2.0/40; flush ruleset" is no range of addresses']],
    ['a range of an older node', { ranges: ['10.244.0.0/16'] }, [], ['node n2: node n1 has addresses of 10.244.0.0/16 already']],
    ['a range with nodes in it', { ranges: ['10.99.0.0/16'] }, [], ['node n2: there are nodes in 10.99.0.0/16, which is to be its pods\'']],
    ['all addresses', { ranges: ['0.0.0.0/0'] }, [], ['node n2: node n1 has addresses of 0.0.0.0/0 already']],
    ['a node without a range yet', { ranges: [] }, [], []],
    ['a range that is not in canonical form', { ranges: ['10.244.2.7/24', 'FD00:10:244:2:0:0::/64'] }, ['10.244.2.0/24', 'fd00:10:244:2::/64'], []],
  ])('of %s', (_what, other, to, problems) => {
    const plan = planRoutes('n1', [place(2, other), place(1)], [eth0]);
    expect(plan.routes.filter(({ via }) => via !== undefined).map((route) => route.to)).toEqual(to);
    expect(plan.problems).toEqual(problems);
  }); // prettier-ignore
  it('of IPv6 go by addresses that all know, where nodes have those of IPv4 alone', () => {
    const only4 = { ...eth0, addresses: ['10.99.0.1/24'] };
    const { routes, addresses } = planRoutes(
      'n1',
      [1, 2].map((n) => place(n, { ips: [`10.99.0.${n}`] })),
      [only4],
    );
    expect(addresses).toEqual([{ address: 'fd6b:7562:7573::a63:1/96', link: 'eth0' }]);
    // One that its Node tells of is looked after too: the kernel takes it away with a link that is down.
    const told = planRoutes('n1', [place(1, { ips: ['10.99.0.1', 'fd6b:7562:7573::a63:1'] })], [only4]);
    expect(told.addresses).toEqual(addresses);
    expect(routes.at(-1)).toEqual({ to: 'fd00:10:244:2::/64', via: 'fd6b:7562:7573::a63:2', link: 'eth0' });
    expect(planRoutes('n2', [1, 2].map((n) => place(n, { ips: [`10.99.0.${n}`] })), [{ ...eth0, addresses: ['10.99.0.2/24'] }]).addresses[0]?.address).toBe('fd6b:7562:7573::a63:2/96'); // prettier-ignore
    expect(planRoutes('n1', [place(1, { ips: ['10.99.0.1'], ranges: ['10.244.1.0/24'] })], [only4]).addresses).toEqual([]); // prettier-ignore
  });
  it('are of a Node what it says: several ranges or one, its internal addresses', () => {
    expect(placeOf({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'n' }, spec: { podCIDR: '10.244.1.0/24' }, status: { addresses: [{ type: 'Hostname', address: 'n' }, { type: 'ExternalIP', address: '8.8.8.8' }, { type: 'InternalIP', address: '10.0.0.1' }] } })).toEqual({ name: 'n', created: '', ranges: ['10.244.1.0/24'], ips: ['10.0.0.1'] }); // prettier-ignore
  });
  it('are changed where they differ and nowhere else', () => {
    const route = fc.record({
      n: fc.integer({ min: 0, max: 5 }),
      kind: fc.constantFrom('own', '10.99.0.2', '10.99.0.3'),
    });
    const table = fc.uniqueArray(route, { selector: ({ n }) => n, maxLength: 6 }).map((of) =>
      of.map(({ n, kind }): Route => ({ to: `10.244.${n}.0/24`, ...(kind !== 'own' && { via: kind, link: 'eth0' }) })),
    ); // prettier-ignore
    fc.assert(
      fc.property(table, table, (wanted, present) => {
        const { put, drop } = routeChanges(wanted, present);
        const kernel = new Map(present.map((r) => [r.to, r]));
        for (const line of routeBatch(put, drop, present)
          .split('\n')
          .filter((l) => l !== '')) {
          const [, verb, unreachable = '', to = '', via, link] = /^route (del|replace) (unreachable )?(\S+)(?: via (\S+) dev (\S+))? proto 196$/.exec(line)!; // prettier-ignore
          if (verb === 'del') {
            expect(kernel.get(to)?.via === undefined).toBe(unreachable !== '');
            kernel.delete(to);
          } else {
            // The kernel would keep another kind beside it.
            const old = kernel.get(to);
            if (old !== undefined) expect(old.via === undefined).toBe(unreachable !== '');
            kernel.set(to, { to, ...(via && link && { via, link }) });
          }
        }
        const inOrder = (routes: Iterable<Route>): Route[] => [...routes].toSorted((a, b) => (a.to < b.to ? -1 : 1));
        expect(inOrder(kernel.values())).toEqual(inOrder(wanted));
        expect(routeChanges(wanted, [...kernel.values()])).toEqual({ put: [], drop: [] });
      }),
    );
  });
  it('of a hundred nodes take a moment', () => {
    const nodes = Array.from({ length: 100 }, (_, i) => place(i + 1, { ips: [`10.99.0.${i + 1}`, `fd99::${i + 1}`] }));
    const { routes } = planRoutes('n1', nodes, [eth0]);
    expect(routes).toHaveLength(200);
    expect(routeBatch(routes, [], []).split('\n')).toHaveLength(201);
  });
  it('that are not in /proc/net are missed', () => {
    const v4 = 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\n*\t0001F40A\t00000000\t0200\t0\t0\t0\t00FFFFFF\t0\t0\t0\neth0\t0002F40A\t0200630A\t0003\t0\t0\t0\t00FFFFFF\t0\t0\t0\n'; // prettier-ignore
    const wanted = planRoutes('n1', [place(1, { ranges: ['10.244.1.0/24'] }), place(2, { ranges: ['10.244.2.0/24'] })], [eth0]).routes; // prettier-ignore
    expect(hasRoutes(wanted, v4, '')).toBe(true);
    expect(hasRoutes(wanted, v4.replace('0200630A', '0300630A'), '')).toBe(false);
    expect(hasRoutes(wanted, '', '')).toBe(false);
    expect(hasRoutes([], '', '')).toBe(true);
  });
});

describe('links', () => {
  it('are read from what ip tells', async () => {
    const text = JSON.stringify([
      { ifname: 'lo', mtu: 65536, flags: ['LOOPBACK', 'UP'], addr_info: [{ local: '127.0.0.1', prefixlen: 8 }] },
      { ifname: 'eth0', mtu: 1400, flags: ['UP'], addr_info: [{ local: '10.99.0.1', prefixlen: 24 }, {}] },
      { ifname: 'eth1', mtu: 1500, flags: [], addr_info: [] },
    ]);
    const commands = { run: () => Promise.reject(new Error('not this')), must: () => Promise.resolve(text) };
    const links = await readLinks(commands, new AbortController().signal);
    expect(links).toEqual([{ name: 'eth0', mtu: 1400, addresses: ['10.99.0.1/24'] }]);
  });
  it.each([
    ['10.99.0.7', 'eth0', undefined],
    ['10.99.0.1', undefined, 'eth0'],
    ['10.99.1.7', undefined, undefined],
    ['fd99::1', undefined, 'eth0'],
    ['fd99::2', 'eth0', undefined],
    ['nonsense', undefined, undefined],
  ])('%s is a neighbour on %s, and the address of %s', (ip, to, of) => {
    expect(linkTo([eth0], ip)?.name).toBe(to);
    expect(linkOf([eth0], ip)?.name).toBe(of);
  });
});

describe('what the kernel and the runtime are told', () => {
  it('hides pods from those outside only', () => {
    expect(masquerade({ own: ['10.244.1.0/24'], inside: ['10.99.0.1', '10.244.1.0/24', 'fd99::1'] })).toBe(`add table inet kubus-pods
delete table inet kubus-pods
table inet kubus-pods {
  set own4 {
    type ipv4_addr
    flags interval
    auto-merge
    elements = { 10.244.1.0/24 }
  }
  set inside4 {
    type ipv4_addr
    flags interval
    auto-merge
    elements = { 224.0.0.0/4, 10.99.0.1, 10.244.1.0/24 }
  }
  chain leaving {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr @own4 ip daddr != @inside4 masquerade fully-random
  }
}
`); // prettier-ignore
  });
  it('gives pods addresses of both families, the first one’s first', () => {
    const text = conflist({ podCIDRs: ['fd00::/64', '10.244.1.0/24'], mtu: 1400, cniVersion: '1.0.0', leases: '/run/kubus-node/cni/ipam' }); // prettier-ignore
    expect(JSON.parse(text)).toEqual({
      cniVersion: '1.0.0',
      name: 'kubus',
      plugins: [
        {
          type: 'kubus-ptp',
          mtu: 1400,
          ipMasq: false,
          ipam: {
            type: 'host-local',
            dataDir: '/run/kubus-node/cni/ipam',
            ranges: [[{ subnet: 'fd00::/64' }], [{ subnet: '10.244.1.0/24' }]],
            routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }],
          },
        },
        { type: 'portmap', capabilities: { portMappings: true }, snat: true },
      ],
    });
  });
  it.each([
    [
      [
        ['0.3.1', '0.4.0', '1.0.0', '1.1.0'],
        ['1.0.0', '0.4.0'],
      ],
      '1.0.0',
    ],
    [
      [
        ['0.3.1', '0.4.0', '1.0.0'],
        ['0.2.0', '0.3.1', '0.4.0'],
      ],
      '0.4.0',
    ],
    [[['1.0.0'], []], '1.0.0'],
    [[['7.0.0']], '1.0.0'],
    [[], '1.0.0'],
  ])('plugins that speak %j speak %s together', (spoken, version) => expect(commonVersion(spoken)).toBe(version));
});
