import { parseCidr, parseIp } from '../../../schemas/meta/ip.ts';
import { formatIp } from '../../../schemas/networking/strict-ip.ts';

export type Family = 4 | 6;
export const FAMILIES = [4, 6] as const;
/** As the API and metrics call it. */
export const familyName = (family: Family): 'IPv4' | 'IPv6' => (family === 4 ? 'IPv4' : 'IPv6');
export interface Address {
  readonly family: Family;
  /** As RFC 5952 writes it. */
  readonly text: string;
}
/** Whether it is `10.0.0.1` as it is to be written; nearly all are. */
function isPlainIPv4(text: string): boolean {
  let parts = 0;
  let part = -1;
  for (let i = 0; i <= text.length; i++) {
    const code = i === text.length ? 46 : text.charCodeAt(i);
    if (code === 46) {
      if (part < 0 || part > 255) return false;
      parts++;
      part = -1;
    } else {
      // No digit, or one after a leading zero.
      if (code < 48 || code > 57 || part === 0) return false;
      part = part < 0 ? code - 48 : part * 10 + code - 48;
    }
  }
  return parts === 4;
}

/** undefined for what is none; leading zeros are taken, as the API takes them of old objects. */
export function addressOf(text: string): Address | undefined {
  if (isPlainIPv4(text)) return { family: 4, text };
  const ip = parseIp(text);
  if (ip === undefined) return undefined;
  // An IPv4 address in IPv6's clothes is that address, to whoever reads addresses as Go does.
  if (ip.family === 6 && ip.value >> 32n === 0xffffn) return { family: 4, text: formatIp(4, ip.value & 0xffffffffn) };
  return { family: ip.family, text: formatIp(ip.family, ip.value) };
}
export interface Range {
  readonly family: Family;
  /** `10.0.0.0/8`: its first address. */
  readonly text: string;
  readonly bits: number;
  has(address: string): boolean;
}
export function rangeOf(text: string): Range | undefined {
  const cidr = parseCidr(text.trim());
  if (cidr === undefined) return undefined;
  const { family, base, bits } = cidr;
  const shift = BigInt((family === 4 ? 32 : 128) - bits);
  return {
    family,
    text: `${formatIp(family, base)}/${bits}`,
    bits,
    has: (address) => {
      const ip = parseIp(address);
      return ip?.family === family && ip.value >> shift === base >> shift;
    },
  };
}
/** `10.0.0.1:80`, `[fd00::1]:80`. */
export const withPort = (ip: string, port: number): string => (ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`);
