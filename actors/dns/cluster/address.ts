import { parseIp } from '../../../schemas/meta/ip.ts';
import { formatIp } from '../../../schemas/networking/strict-ip.ts';

/** Of a service, an endpoint or a pod. */
export interface Address {
  readonly type: 'A' | 'AAAA';
  readonly bytes: Uint8Array;
  /** As RFC 5952 writes it: addresses are the same if this is. */
  readonly text: string;
}
/** undefined for what is none; leading zeros are taken, as the API takes them of old objects. */
export function addressOf(text: string): Address | undefined {
  const ip = parseIp(text);
  if (ip === undefined) return undefined;
  const size = ip.family === 4 ? 4 : 16;
  const bytes = new Uint8Array(size);
  for (let i = size - 1, rest = ip.value; i >= 0; i--, rest >>= 8n) bytes[i] = Number(rest & 0xffn);
  return { type: ip.family === 4 ? 'A' : 'AAAA', bytes, text: formatIp(ip.family, ip.value) };
}
/** The label of an endpoint that has no host name. Source: coredns plugin/kubernetes endpointHostname. */
export function labelOf({ type, text }: Address): string {
  if (type === 'A') return text.replaceAll('.', '-');
  const dashed = text.replaceAll(':', '-');
  return dashed.endsWith('-') ? `${dashed}0` : dashed;
}
/** The address that a label `10-0-0-1` or `fd00--1` stands for. Source: coredns plugin/kubernetes findPods. */
export function addressOfLabel(label: string): Address | undefined {
  const isV4 = label.split('-').length === 4 && !label.includes('--');
  const text = label.replaceAll('-', isV4 ? '.' : ':');
  // Such a label is none of an address, whatever the API takes.
  if (!isV4 && (text.includes('.') || !text.includes(':'))) return undefined;
  return isV4 && /(^|\.)0\d/.test(text) ? undefined : addressOf(text);
}
