import { describe, expect, it } from 'vitest';
import { AddressPool } from './addresses.ts';

const take = (pool: AddressPool, n: number): (string | undefined)[] => Array.from({ length: n }, () => pool.take());

describe.each([
  ['10.244.3.0/29', ['10.244.3.2', '10.244.3.3', '10.244.3.4', '10.244.3.5', '10.244.3.6', undefined]],
  ['fd00:10:244:1::/125', ['fd00:10:244:1::2', 'fd00:10:244:1::3', 'fd00:10:244:1::4', 'fd00:10:244:1::5', 'fd00:10:244:1::6', undefined]],
])('a pool of %s', (cidr, all) => {
  it('gives each address once, and one that is free again last', () => {
    const pool = new AddressPool(cidr);
    expect(take(pool, 6)).toEqual(all);
    pool.release(all[1]!);
    expect(take(pool, 2)).toEqual([all[1], undefined]);
  });
  it('leaves out what is claimed, and claims nothing of others', () => {
    const pool = new AddressPool(cidr);
    expect([all[0]!, all[0]!, '192.168.0.1', '::1', 'x', ''].map((address) => pool.claim(address))).toEqual([true, false, false, false, false, false]); // prettier-ignore
    expect(pool.take()).toBe(all[1]);
  });
}); // prettier-ignore
it('is not larger than it need be for a range of IPv6', () => {
  expect(take(new AddressPool('fd00::/64'), 2)).toEqual(['fd00::2', 'fd00::3']);
  expect(() => new AddressPool('fd00::')).toThrow('no range of addresses');
});
