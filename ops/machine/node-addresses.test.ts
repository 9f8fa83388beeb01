import { describe, expect, it } from 'vitest';
import { checkNodeIP, familyOfAny, parseNodeIPs } from './node-addresses.ts';

describe('--node-ip', () => {
  it.each<[text: string, ips: string[], ignored?: string[]]>([
    ['10.0.0.5', ['10.0.0.5']],
    ['fd00::5', ['fd00::5']],
    ['10.0.0.5,fd00::5', ['10.0.0.5', 'fd00::5']],
    [' fd00::5 , 10.0.0.5 ', ['fd00::5', '10.0.0.5']],
    ['fd00:0::0:5', ['fd00::5']],
    ['::ffff:10.0.0.5', ['10.0.0.5']],
    ['0.0.0.0', ['0.0.0.0']],
    ['::', ['::']],
    ['', []],
    ['here', [], ['here']],
    ['here,10.0.0.5', ['10.0.0.5'], ['here']],
    ['10.0.0.5,', ['10.0.0.5'], ['']],
  ])('%j is %j', (text, ips, ignored = []) => {
    expect(parseNodeIPs(text)).toEqual({ ips, ignored });
  });
  it.each([
    ['10.0.0.5,10.0.0.6', 'must contain either a single IP or a dual-stack pair of IPs'],
    ['fd00::5,fd00::6', 'must contain either a single IP or a dual-stack pair of IPs'],
    ['10.0.0.5,::ffff:10.0.0.6', 'must contain either a single IP or a dual-stack pair of IPs'],
    ['10.0.0.5,fd00::5,10.0.0.6', 'must contain either a single IP or a dual-stack pair of IPs'],
    ['10.0.0.5,::', "dual-stack node IP cannot include '0.0.0.0' or '::'"],
    ['0.0.0.0,fd00::5', "dual-stack node IP cannot include '0.0.0.0' or '::'"],
  ])('%j is refused', (text, why) => {
    expect(() => parseNodeIPs(text)).toThrow(`bad --node-ip "${text}": ${why}`);
  });
  it.each([
    ['127.0.0.1', "nodeIP can't be loopback address"],
    ['::1', "nodeIP can't be loopback address"],
    ['224.0.0.251', "nodeIP can't be a multicast address"],
    ['ff02::1', "nodeIP can't be a multicast address"],
    ['169.254.1.1', "nodeIP can't be a link-local unicast address"],
    ['fe80::1', "nodeIP can't be a link-local unicast address"],
    ['10.0.0.6', `node IP: "10.0.0.6" not found in the host's network interfaces`],
    ['fd00::6', `node IP: "fd00::6" not found in the host's network interfaces`],
  ])('a node is not at %s', (ip, why) => {
    const own = ['127.0.0.1', '::1', '10.0.0.5', 'fd00::5', 'fe80::1', '169.254.1.1'];
    expect(() => checkNodeIP(ip, own)).toThrow(`failed to validate nodeIP: ${why}`);
  });
  it('a node is at an address of its machine, however that is written', () => {
    expect(() => checkNodeIP('fd00::5', ['10.0.0.5', 'fd00:0:0::5'])).not.toThrow();
  });
  it('may leave it to the machine, of either family', () => {
    expect([undefined, '0.0.0.0', '::', '10.0.0.5'].map(familyOfAny)).toEqual([4, 4, 6, undefined]);
  });
});
