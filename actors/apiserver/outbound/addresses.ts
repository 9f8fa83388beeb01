import { parseIp } from '../../../schemas/meta/ip.ts';

/** Neither of this host or link, nor of many, nor of nobody. Source: Go net.IP.IsGlobalUnicast. */
export function isGlobalUnicast(text: string): boolean {
  const ip = parseIp(text);
  if (ip === undefined || ip.value === 0n) return false;
  const top = (bits: number): bigint => ip.value >> BigInt((ip.family === 4 ? 32 : 128) - bits);
  if (ip.family === 6) return ip.value !== 1n && top(8) !== 0xffn && top(10) !== 0x3fan;
  return top(8) !== 127n && top(4) !== 14n && top(16) !== 0xa9fen && ip.value !== 0xffffffffn;
}
