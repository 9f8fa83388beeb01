import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';

/** Nobody may reach this machine, or what a cloud tells its machines, by a name in a Service. */
const own = new BlockList();
own.addSubnet('127.0.0.0', 8, 'ipv4');
own.addSubnet('0.0.0.0', 8, 'ipv4');
own.addSubnet('169.254.0.0', 16, 'ipv4');
own.addSubnet('224.0.0.0', 4, 'ipv4');
own.addAddress('::', 'ipv6');
own.addAddress('::1', 'ipv6');
own.addSubnet('fe80::', 10, 'ipv6');
own.addSubnet('ff00::', 8, 'ipv6');

export const mayBeAsked = (ip: string): boolean => isIP(ip) !== 0 && !own.check(ip, isIP(ip) === 6 ? 'ipv6' : 'ipv4');

/** Addresses of a Service's externalName. Rejects: there are none, or none that may be asked. */
export async function resolveExternal(host: string): Promise<readonly string[]> {
  const found = isIP(host) ? [{ address: host }] : await lookup(host, { all: true });
  const allowed = found.map(({ address }) => address).filter(mayBeAsked);
  if (allowed.length === 0) throw new Error(`no address of ${host} may be asked`);
  return allowed;
}
