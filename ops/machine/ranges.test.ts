import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCidr } from '../../schemas/meta/ip.ts';
import {
  addressAt,
  balancerRanges,
  freeRange,
  nodeRanges,
  overlaps,
  podRanges,
  routedRanges,
  shadowedBy,
} from './ranges.ts';

describe('ranges of addresses', () => {
  it('are the first that nothing else is in', () => {
    expect(freeRange(nodeRanges(), [])).toBe('10.89.0.0/24');
    expect(freeRange(nodeRanges(), ['10.89.0.7/32'])).toBe('10.89.1.0/24');
    expect(freeRange(nodeRanges(), ['10.0.0.0/8'])).toBe('172.31.0.0/24');
    expect(freeRange(podRanges(), ['10.244.3.0/24', '10.245.0.0/16'])).toBe('10.246.0.0/16');
    expect(freeRange(nodeRanges(), ['0.0.0.0/0'])).toBeUndefined();
  });
  it('of load balancers are beside those of nodes', () => {
    expect(freeRange(balancerRanges(), ['10.89.0.0/24'])).toBe('10.90.0.0/24');
    expect(freeRange(balancerRanges(), ['10.0.0.0/8'])).toBe('172.31.0.0/24');
  });
  it.each<[string, string[], string | undefined]>([
    ['192.168.1.240/28', ['192.168.1.0/24', '0.0.0.0/0'], undefined],
    ['192.168.1.0/24', ['192.168.1.0/24'], '192.168.1.0/24'],
    ['192.168.0.0/16', ['10.0.0.0/8', '192.168.1.7/32'], '192.168.1.7/32'],
    ['fd00::/64', ['fd00::2/128', '10.0.0.0/8'], 'fd00::2/128'],
    ['mars', ['10.0.0.0/8'], undefined],
  ])('%s among %j hides %s', (range, routes, hidden) => expect(shadowedBy(range, routes)).toBe(hidden));
  it('overlap where one is within the other', () => {
    expect([overlaps('10.0.0.0/8', '10.1.0.0/16'), overlaps('10.1.0.0/16', '10.0.0.0/8'), overlaps('10.0.0.0/9', '10.128.0.0/9'), overlaps('::/0', '10.0.0.0/8')]).toEqual([true, true, false, false]); // prettier-ignore
  });
  it('share no address with those that are taken', () => {
    const range = fc
      .tuple(fc.integer({ min: 0, max: 2 ** 32 - 1 }), fc.integer({ min: 8, max: 32 }))
      .map(([n, bits]) => `${[24, 16, 8, 0].map((shift) => (n >>> shift) & 255).join('.')}/${bits}`);
    fc.assert(
      fc.property(fc.array(range, { maxLength: 20 }), (taken) => {
        const found = freeRange(nodeRanges(), taken);
        if (found === undefined) return;
        const last = (cidr: string): bigint => parseCidr(cidr)!.base + (1n << BigInt(32 - parseCidr(cidr)!.bits)) - 1n;
        for (const other of taken)
          expect(last(found) < parseCidr(other)!.base || last(other) < parseCidr(found)!.base).toBe(true);
      }),
    );
  });
  it('have a place for each node', () => {
    expect([1, 2, 254].map((place) => addressAt('10.89.3.0/24', place))).toEqual(['10.89.3.1', '10.89.3.2', '10.89.3.254']); // prettier-ignore
  });
  it('are read from what ip says of routes, but for the way out', () => {
    const said = JSON.stringify([
      { dst: 'default', gateway: '192.0.2.1' },
      { dst: '192.0.2.0/24' },
      { dst: '10.1.2.3', type: 'local' },
      { dst: 'fd00::1' },
    ]);
    expect(routedRanges(said)).toEqual(['192.0.2.0/24', '10.1.2.3/32', 'fd00::1/128']);
    expect(routedRanges('')).toEqual([]);
  });
});
