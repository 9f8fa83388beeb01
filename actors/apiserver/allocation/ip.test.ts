import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contains, formatAddress, parseAddress, parseRange, usable } from './ip.ts';

describe('addresses', () => {
  it('are read back as they were written', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 32n - 1n }), (value) => {
        expect(parseAddress(formatAddress('IPv4', value))).toEqual({ family: 'IPv4', value });
      }),
    );
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }), (value) => {
        expect(parseAddress(formatAddress('IPv6', value))).toEqual({ family: 'IPv6', value });
      }),
    );
  });
  it.each([
    '1.2.3',
    '1.2.3.256',
    '01.2.3.4',
    '1.2.3.4.5',
    'x',
    '',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
  ])('%s is none', (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });
  it.each([
    ['2001:db8:0:0:0:0:0:1', '2001:db8::1'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7'],
  ])('%s is written %s', (long, short) => {
    expect(formatAddress('IPv6', parseAddress(long)!.value)).toBe(short);
  });
});

describe('ranges', () => {
  it('leave out the network and, for IPv4, the broadcast address', () => {
    const range = parseRange('10.96.0.0/16')!;
    const { first, last } = usable(range);
    expect([formatAddress('IPv4', first), formatAddress('IPv4', last)]).toEqual(['10.96.0.1', '10.96.255.254']);
    expect(contains(range, parseAddress('10.96.0.0')!)).toBe(false);
    expect(contains(range, parseAddress('10.97.0.1')!)).toBe(false);
    expect(contains(range, parseAddress('10.96.200.7')!)).toBe(true);
  });
  it.each(['10.0.0.6/32', '10.0.0.6/31', 'fd00::6/128'])('%s have none that a service may have', (cidr) => {
    const { first, last } = usable(parseRange(cidr)!);
    expect(last < first).toBe(true);
  });
});
