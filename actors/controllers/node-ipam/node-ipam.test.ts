import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Event, Node } from '../../../schemas/generated/core-v1.ts';
import { ApiError } from '../../../schemas/meta/status.ts';
import { events, nodes } from '../../runtime/resources.ts';
import { createRegistry } from '../../runtime/metrics/registry.ts';
import { testCluster } from '../../runtime/testing/cluster.ts';
import { badDay } from '../../runtime/testing/faults.ts';
import { startNodeIpam } from './actor.ts';
import { createAllocator, planOf } from './allocator.ts';
import { createPool } from './pool.ts';

const node = (name: string, ...podCIDRs: string[]): Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name },
  spec: podCIDRs.length > 0 ? { podCIDR: podCIDRs[0], podCIDRs } : {},
});
const take = (cidr: string, nodeMask: number, n = 3): (string | undefined)[] => {
  const pool = createPool({ cidr, nodeMask });
  return Array.from({ length: n }, () => pool.take());
};

describe('a range', () => {
  it.each([
    ['10.244.0.0/16', 24, ['10.244.0.0/24', '10.244.1.0/24', '10.244.2.0/24']],
    ['10.244.0.0/16', 16, ['10.244.0.0/16', undefined, undefined]],
    ['10.1.2.0/30', 32, ['10.1.2.0/32', '10.1.2.1/32', '10.1.2.2/32']],
    ['192.168.5.7/22', 23, ['192.168.4.0/23', '192.168.6.0/23', undefined]],
    ['fd00:10:244::/48', 64, ['fd00:10:244::/64', 'fd00:10:244:1::/64', 'fd00:10:244:2::/64']],
    ['2001:db8::/56', 60, ['2001:db8::/60', '2001:db8:0:10::/60', '2001:db8:0:20::/60']],
    ['fd00::/112', 120, ['fd00::/120', 'fd00::100/120', 'fd00::200/120']],
  ] as [string, number, (string | undefined)[]][])('%s in parts of /%i', (cidr, mask, parts) => {
    expect(take(cidr, mask)).toEqual(parts);
  });
  it.each([
    ['10.244.0.0/16', 8, /must be less than or equal/],
    ['fd00::/40', 64, /the node CIDR size is too big/],
    ['10.0.0.0/16', 33, /too big/],
    ['10.0.0.0', 24, /no range of addresses/],
    ['x/16', 24, /no range of addresses/],
  ])('refuses %s in parts of /%i', (cidr, nodeMask, message) => {
    expect(() => createPool({ cidr, nodeMask })).toThrow(message);
  });
  it.each([
    ['10.244.0.0/16', 256],
    ['10.0.0.0/8', 256],
    ['10.244.16.0/20', 16],
    ['10.244.3.0/24', 1],
    ['10.244.3.7/32', 1],
    ['10.244.3.128/25', 1],
    ['10.243.0.0/16', 0],
    ['fd00::/64', 0],
    ['nonsense', 0],
  ])('of 256 parts loses to %s %i', (cidr, lost) => {
    const pool = createPool(planOf().ranges[0]!);
    expect(pool.hold(cidr)).toBe(lost > 0);
    expect(pool.size - pool.free).toBe(lost);
    // Held twice, by two nodes that were given the same: one of them going frees nothing.
    pool.hold(cidr);
    pool.release(cidr);
    expect(pool.size - pool.free).toBe(lost);
    pool.release(cidr);
    expect(pool.free).toBe(256);
  });
  it('gives each part once, goes on after the last, and finds what is free again', () => {
    const step = fc.oneof(fc.constant('take'), fc.nat());
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 5 }), fc.boolean(), fc.array(step, { maxLength: 100 }), (bits, isV6, steps) => {
        const pool = createPool(isV6 ? { cidr: 'fd00::/60', nodeMask: 60 + bits } : { cidr: '10.0.0.0/20', nodeMask: 20 + bits });
        const taken: string[] = [];
        for (const s of steps) {
          if (typeof s === 'number') {
            if (taken.length > 0) pool.release(taken.splice(s % taken.length, 1)[0]!);
          } else {
            const part = pool.take();
            expect(part === undefined).toBe(taken.length === pool.size);
            if (part !== undefined) expect(taken).not.toContain(part);
            if (part !== undefined) taken.push(part);
          }
          expect(pool.free).toBe(pool.size - taken.length);
        }
      }),
    ); // prettier-ignore
  });
});

describe('a plan', () => {
  it('has 24 and 64 bits for a node', () => {
    expect(planOf(['fd00:10:244::/48', '10.1.0.0/16'], ['10.96.0.0/16'])).toEqual({ ranges: [{ cidr: 'fd00:10:244::/48', nodeMask: 64 }, { cidr: '10.1.0.0/16', nodeMask: 24 }], services: ['10.96.0.0/16'] }); // prettier-ignore
  });
  it.each([
    [['10.1.0.0/16', '10.2.0.0/16'], /one of IPv4 and one of IPv6/],
    [['10.1.0.0/16', 'fd00::/48', '10.2.0.0/16'], /one of IPv4 and one of IPv6/],
    [['10.1.0.0/25'], /mask size of cluster CIDR/],
    [['ten'], /no range of addresses/],
    [[''], /no range of addresses/],
  ])('refuses %j', (cidrs, message) => {
    expect(() => planOf(cidrs)).toThrow(message);
  });
  it('has other parts where that is wanted, of families that there are', () => {
    const { ranges } = planOf(['10.1.0.0/16', 'fd00::/56'], [], { ipv4: 26, ipv6: 60 });
    expect(ranges.map(({ nodeMask }) => nodeMask)).toEqual([26, 60]);
    expect(() => planOf(['10.1.0.0/16'], [], { ipv6: 60 })).toThrow('no range of IPv6 whose parts could have 60 bits');
    expect(() => planOf(['10.1.0.0/16'], [], { ipv4: 12 })).toThrow('less than or equal to the 12 bits');
  });
  it('keeps what services have', () => {
    const a = createAllocator({
      ranges: [{ cidr: '10.0.0.0/22', nodeMask: 24 }],
      services: ['10.0.1.0/24', 'fd00::/108'],
    });
    expect(['a', 'b', 'c', 'd'].map((n) => a.allocate(n))).toEqual([{ cidrs: ['10.0.0.0/24'] }, { cidrs: ['10.0.2.0/24'] }, { cidrs: ['10.0.3.0/24'] }, { exhausted: 0 }]); // prettier-ignore
  });
  it('gives both families or nothing', () => {
    const a = createAllocator({ ranges: [{ cidr: '10.0.0.0/22', nodeMask: 24 }, { cidr: 'fd00::/64', nodeMask: 64 }] }); // prettier-ignore
    expect(a.allocate('a')).toEqual({ cidrs: ['10.0.0.0/24', 'fd00::/64'] });
    expect(a.allocate('a')).toEqual({ cidrs: ['10.0.0.0/24', 'fd00::/64'] });
    for (let i = 0; i < 10; i++) expect(a.allocate('b')).toEqual({ exhausted: 1 });
    a.free('a');
    expect(a.allocate('b')).toMatchObject({ cidrs: [expect.stringMatching(/^10\.0\.\d\.0\/24$/), 'fd00::/64'] });
  });
});

describe('controller', () => {
  const cidrsOf = (c: ReturnType<typeof testCluster>): Record<string, string | undefined> => Object.fromEntries(c.list<Node>(nodes).map((n) => [n.metadata.name, n.spec?.podCIDRs?.join()])); // prettier-ignore
  it('gives each node a part of its own, and a part that is free again when it has come round', async () => {
    const c = testCluster();
    await c.client.create(nodes, node('has', '10.244.1.0/24'));
    c.start((deps) => startNodeIpam(deps, planOf(['10.244.0.0/19'])));
    for (let i = 10; i < 30; i++) await c.client.create(nodes, node(`n${i}`));
    await c.quiet();
    const cidrs = Object.values(cidrsOf(c));
    expect(new Set(cidrs).size).toBe(21);
    expect(cidrs).toContain('10.244.20.0/24');
    await c.client.delete(nodes, 'n10');
    await c.quiet();
    for (let i = 30; i < 42; i++) await c.client.create(nodes, node(`n${i}`));
    await c.quiet();
    expect([cidrsOf(c)['n30'], cidrsOf(c)['n40'], cidrsOf(c)['n41']]).toEqual(['10.244.21.0/24', '10.244.31.0/24', '10.244.0.0/24']); // prettier-ignore
  });
  it('says when none is left, tries again ever later, and at once when a node goes', async () => {
    const c = testCluster();
    c.start((deps) => startNodeIpam(deps, planOf(['10.244.0.0/23', 'fd00:10:244::/48'])));
    for (const name of ['a', 'b', 'c']) await c.client.create(nodes, node(name));
    await c.world.advance(3_600_000);
    expect(cidrsOf(c)).toEqual({ a: '10.244.0.0/24,fd00:10:244::/64', b: '10.244.1.0/24,fd00:10:244:1::/64', c: undefined }); // prettier-ignore
    expect(c.list<Event>(events)[0]).toMatchObject({ type: 'Normal', reason: 'CIDRNotAvailable', message: 'Node c status is now: CIDRNotAvailable', source: { component: 'cidrAllocator' } }); // prettier-ignore
    expect(c.api.calls.length).toBeLessThan(60);
    await c.client.delete(nodes, 'a');
    await c.quiet();
    expect(cidrsOf(c)['c']).toMatch(/^10\.244\.0\.0\/24,fd00:10:244:\w::\/64$/);
  });
  it('leaves alone what is not of its ranges', async () => {
    const c = testCluster();
    await c.client.create(nodes, node('odd', '172.16.0.0/24'));
    c.start(startNodeIpam);
    await c.client.create(nodes, node('n'));
    await c.quiet();
    expect(cidrsOf(c)).toEqual({ odd: '172.16.0.0/24', n: '10.244.0.0/24' });
    expect(c.world.complaints).toHaveLength(1);
  });
  it('tells of a part that could not be given, and gives it to the next', async () => {
    const c = testCluster();
    c.start((deps) => startNodeIpam(deps, planOf(['10.244.0.0/24'])));
    c.api.intercept = ({ verb, name }) => {
      if (verb === 'patch' && name === 'a') throw new ApiError('Forbidden', 'a webhook says no');
    };
    await c.client.create(nodes, node('a'));
    await c.quiet();
    expect(c.list<Event>(events)[0]).toMatchObject({ reason: 'CIDRAssignmentFailed' });
    await c.client.create(nodes, node('b'));
    await c.quiet();
    expect(cidrsOf(c)).toEqual({ a: undefined, b: '10.244.0.0/24' });
  });
  it('knows at a takeover what the predecessor gave last', async () => {
    const c = testCluster();
    const [standby] = c.start((deps) => startNodeIpam({ ...deps, active: false }));
    await c.quiet();
    c.api.intercept = ({ verb }) => {
      if (verb === 'watch') throw new Error('no watch');
    };
    c.api.closeWatches();
    await c.client.create(nodes, node('before', '10.244.0.0/24'));
    standby!.activate();
    await c.world.settle();
    c.api.intercept = undefined;
    await c.client.create(nodes, node('after'));
    await c.world.advance(30_000);
    expect(cidrsOf(c)).toEqual({ before: '10.244.0.0/24', after: '10.244.1.0/24' });
  });
  it('tells how much of each range is taken', async () => {
    const c = testCluster();
    const registry = createRegistry();
    c.start((deps) => startNodeIpam({ ...deps, metrics: registry }, planOf(['10.244.0.0/22', 'fd00::/60'])));
    await c.client.create(nodes, node('n'));
    await c.quiet();
    const lines = registry.families().flatMap((family) => family.lines.filter((line) => line.startsWith('node_ipam')));
    expect(lines).toEqual([
      'node_ipam_controller_cidrset_usage_cidrs{clusterCIDR="10.244.0.0/22"} 0.25',
      'node_ipam_controller_cidrset_usage_cidrs{clusterCIDR="fd00::/60"} 0.0625',
      'node_ipam_controller_cirdset_max_cidrs{clusterCIDR="10.244.0.0/22"} 4',
      'node_ipam_controller_cirdset_max_cidrs{clusterCIDR="fd00::/60"} 16',
    ]);
  });
  it.each([1, 2, 3, 4])('gives no part twice on a bad day with %i', async (seed) => {
    const c = testCluster(seed);
    const controllers = c.start((deps) => startNodeIpam(deps, planOf(['10.244.0.0/21'])));
    const add = (name: string) => () => c.client.create(nodes, node(name));
    const remove = (name: string) => () => c.client.delete(nodes, name);
    await badDay(c, controllers, [...[1, 2, 3, 4, 5, 6].map((i) => add(`n${i}`)), remove('n2'), remove('n3'), ...[7, 8, 9].map((i) => add(`n${i}`)), remove('n1'), add('n2')]); // prettier-ignore
    const given = Object.values(cidrsOf(c));
    expect(given).toHaveLength(7);
    expect(new Set(given).size).toBe(7);
    expect(given).not.toContain(undefined);
  });
});
