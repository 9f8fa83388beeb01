import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { checkProxyMode, proxyMode, proxyModeArguments } from './proxy-mode.ts';

describe('what brings Services to nodes', () => {
  it.each([
    [{}, undefined, {}],
    [{ runtime: 'cri', proxyMode: 'iptables' }, undefined, { proxyMode: 'iptables' }],
    [{ runtime: 'auto', proxyMode: 'iptables' }, { runtime: 'cri', proxyMode: 'nftables' }, { proxyMode: 'iptables' }],
    [{ runtime: 'auto' }, { runtime: 'cri', proxyMode: 'userspace' }, { proxyMode: 'userspace' }],
    [{ runtime: 'simulated' }, { runtime: 'cri', proxyMode: 'userspace' }, { proxyMode: 'userspace' }],
  ] as const)('%j, having been %j, is %j', (flags, before, mode) => expect(proxyMode(flags, before)).toEqual(mode));
  it.each([
    [{ proxyMode: 'ipvs' }, undefined],
    [{ runtime: 'auto', proxyMode: 'ipvs' }, { runtime: 'simulated' }],
    [{ runtime: 'simulated', proxyMode: 'ipvs' }, { runtime: 'cri' }],
  ] as const)('%j of a cluster that was %j is refused: nobody would go by it', (flags, before) =>
    expect(() => proxyMode(flags, before)).toThrow('--proxy-mode is for nodes that run containers'),
  );
  it('is said again to the process in the background', () => {
    expect([proxyModeArguments({}), proxyModeArguments({ proxyMode: 'ipvs' })]).toEqual([[], ['--proxy-mode', 'ipvs']]);
  });
});
const enters = process.getuid?.() === 0 && spawnSync('unshare', ['--net', 'true']).status === 0;
const has = (...command: [string, ...string[]]): boolean =>
  spawnSync('unshare', ['--net', '--', ...command]).status === 0;
describe.skipIf(!enters)('a machine is asked before anything is started (root)', () => {
  it.runIf(enters && has('nft', 'list', 'ruleset'))('and has what nftables needs', () => checkProxyMode('nftables'));
  it.skipIf(enters && has('ipvsadm', '-Ln'))('and lacks what IPVS needs, and says what that is', async () => {
    await expect(checkProxyMode('ipvs')).rejects.toThrow(/^--proxy-mode ipvs: IPVS cannot be used: .*CONFIG_IP_VS.*ipvsadm.*another mode \(nftables\)$/s); // prettier-ignore
  });
});
