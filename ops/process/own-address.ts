import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { isIPv6 } from 'node:net';

/** Nobody's, ever: the way to it is the way to everybody. Source: RFC 5737. */
const ANYBODY = '192.0.2.1';
const LOOPBACK = /^(127\.|::1$|::ffff:127\.)/;

/**
 * The address by which this machine is known where the bus is: machines that join reach the bus, and so this one. Where the
 * bus is on this machine it is that of its way out; undefined: there is neither. `urls`: of the bus.
 */
export async function addressTowards(
  urls: readonly string[],
  source: (host: string) => Promise<string | undefined> = sourceFor,
): Promise<string | undefined> {
  for (const host of [...urls.map(hostOf), ANYBODY]) {
    const address = host === undefined ? undefined : await source(host);
    if (address !== undefined && !LOOPBACK.test(address)) return address;
  }
  return undefined;
}
const hostOf = (url: string): string | undefined => {
  try {
    return new URL(url).hostname.replace(/^\[|\]$/g, '');
  } catch {
    return undefined;
  }
};
/** Nothing is sent: the system is asked which of its addresses it would say this by. */
async function sourceFor(host: string): Promise<string | undefined> {
  try {
    const { address } = await lookup(host);
    const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
    try {
      return await new Promise<string>((resolve, reject) => {
        socket.once('error', reject);
        socket.connect(9, address, () => resolve(socket.address().address));
      });
    } finally {
      socket.close();
    }
  } catch {
    return undefined;
  }
}
