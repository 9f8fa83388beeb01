import { describe, expect, it } from 'vitest';
import { addressesOfApiServers, sourceOfPods } from './api-servers.ts';

const machine = { range: '10.89.3.0/24', nodes: [] };
const dual = ['10.230.0.0/16', 'fd00:10:230::/48'];
const own = ['127.0.0.1', '10.89.3.1', '10.89.3.254', 'fd6b:7562:7573::a59:3fe'];

describe('addresses by which API servers ask pods', () => {
  it('are of the range of nodes, of each family that pods have', () => {
    expect(addressesOfApiServers({ machine })).toEqual(['10.89.3.254']);
    expect(addressesOfApiServers({ machine, clusterCidrs: dual })).toEqual(['10.89.3.254', 'fd6b:7562:7573::a59:3fe']);
    expect(addressesOfApiServers({})).toEqual([]);
  });
  it.each([
    ['10.230.7.7', '10.89.3.254'],
    ['fd00:10:230:7::7', 'fd6b:7562:7573::a59:3fe'],
    ['10.244.0.7', undefined],
    ['10.89.3.2', undefined],
    ['127.0.0.1', undefined],
    ['example.com', undefined],
  ])('%s is asked by %s', (host, source) =>
    expect(sourceOfPods({ machine, clusterCidrs: dual }, own)?.(host)).toBe(source),
  );
  it('are not used where there are none', () => {
    expect(sourceOfPods({ machine }, ['127.0.0.1'])).toBeUndefined();
    expect(sourceOfPods({}, own)).toBeUndefined();
    expect(sourceOfPods({ machine }, own)?.('10.244.0.7')).toBe('10.89.3.254');
  });
});
