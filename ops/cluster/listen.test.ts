import { describe, expect, it } from 'vitest';
import { busHost, dnsFor, listening } from './listen.ts';

const own = { eth0: [{ address: '192.0.2.7' }, { address: 'fd00::7' }, { address: 'fe80::7' }], lo: [{ address: '127.0.0.1' }] } as never; // prettier-ignore
const machine = { range: '10.89.0.0/24', nodes: [] };

describe('where machines elsewhere reach a cluster of kubus up', () => {
  it.each<[string | undefined, string | undefined, string | undefined]>([
    [undefined, undefined, undefined],
    ['192.0.2.7', undefined, '192.0.2.7'],
    ['fd00::7', undefined, 'fd00::7'],
    [undefined, '192.0.2.7', '192.0.2.7'],
    ['none', '192.0.2.7', undefined],
    ['192.0.2.7', 'fd00::7', '192.0.2.7'],
  ])('asked for %s, before %s: %s', (listen, before, is) => {
    const found = listening({ ...(listen !== undefined && { listen }) }, before === undefined ? undefined : { listen: before }, own); // prettier-ignore
    expect(found).toEqual(is === undefined ? {} : { listen: is });
    expect(busHost(found)).toBe(is ?? '127.0.0.1');
  });
  it.each(['here', '0.0.0.0', '::', '127.0.0.1', '::1', 'fe80::7', '192.0.2.7:4222'])('not at %s', (listen) =>
    expect(() => listening({ listen }, undefined, own)).toThrow(`--listen takes one address of this machine that others reach, or none, not "${listen}"`),
  ); // prettier-ignore
  it('not at an address that the machine does not have, or has no more', () => {
    const why = 'this machine has no address 192.0.2.8: choose another with --listen (it has 192.0.2.7, fd00::7), or --listen none';
    expect(() => listening({ listen: '192.0.2.8' }, undefined, own)).toThrow(why);
    expect(() => listening({}, { listen: '192.0.2.8' }, own)).toThrow(why);
  }); // prettier-ignore
  it('not where nodes of this machine run containers', () => {
    const listen = '192.0.2.7';
    expect(() => listening({ listen, runtime: 'cri' }, undefined, own)).toThrow('kubus run nodes --runtime cri');
    expect(() => listening({ listen }, { machine }, own)).toThrow('kubus run nodes --runtime cri');
    expect(() => listening({ runtime: 'cri' }, { listen }, own)).toThrow('kubus run nodes --runtime cri');
    expect(listening({ listen, runtime: 'simulated' }, { machine }, own)).toEqual({ listen });
  });
});

describe('where its names are answered', () => {
  const at = '192.0.2.7';
  it('there, unless it is said', () => {
    expect(dnsFor({ listen: at }, {}, undefined)).toEqual({ before: undefined, flags: { dnsHost: at, dnsReachedAt: at } });
    expect(dnsFor({ listen: at }, { dnsHost: '0.0.0.0' }, { dns: { port: 53, reachedAt: '192.0.2.9' } })).toMatchObject({
      flags: { dnsHost: '0.0.0.0', dnsReachedAt: '192.0.2.9' },
    });
    expect(dnsFor({}, { dnsPort: 53 }, undefined).flags).toEqual({ dnsPort: 53 });
  });
  it('there no more once it listens elsewhere, or nowhere', () => {
    const before = { listen: at, dns: { port: 1053, host: at, reachedAt: at, domain: 'a.b' } };
    expect(dnsFor({}, {}, before)).toEqual({ before: { port: 1053, domain: 'a.b' }, flags: {} });
    expect(dnsFor({ listen: 'fd00::7' }, {}, before).flags).toEqual({ dnsHost: 'fd00::7', dnsReachedAt: 'fd00::7' });
    expect(dnsFor({}, {}, { listen: at, dns: { port: 1053, host: '0.0.0.0' } }).before).toEqual({ port: 1053, host: '0.0.0.0' });
  });
}); // prettier-ignore
