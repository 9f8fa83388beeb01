import { isIP } from 'node:net';
import type { Upstream } from './upstream.ts';

const DNS_PORT = 53;

/** The name servers of a resolv.conf, in its order, each once; at most the three that resolvers take. */
export function nameserversIn(text: string): Upstream[] {
  const hosts = text.split('\n').flatMap((line) => {
    const host = /^\s*nameserver\s+(\S+)/.exec(line)?.[1];
    return host !== undefined && isIP(host) > 0 ? [host] : [];
  });
  return [...new Set(hosts)].slice(0, 3).map((host) => ({ host, port: DNS_PORT }));
}
/** `10.0.0.2`, `10.0.0.2:5353`, `fd00::2`, `[fd00::2]:5353`; undefined for what is no address. */
export function parseUpstream(text: string): Upstream | undefined {
  const bracketed = /^\[([^\]]+)\](?::(\d{1,5}))?$/.exec(text);
  const plain = /^([\d.]+)(?::(\d{1,5}))?$/.exec(text);
  const [, host = text, digits = String(DNS_PORT)] = bracketed ?? plain ?? [];
  const port = Number(digits);
  return isIP(host) > 0 && port > 0 && port < 65_536 ? { host, port } : undefined;
}
