import { parseIp } from '../../../schemas/meta/ip.ts';
import { bits, bool, inPlace, octets, oid, sequence, set, text } from './der.ts';

const OID = { organization: '55040a', commonName: '550403', keyUsage: '551d0f', alternatives: '551d11', constraints: '551d13', extendedUsage: '551d25' }; // prettier-ignore
const SERVER_AUTH = '2b06010505070301';
const [DNS, ADDRESS] = [2, 7];

const attribute = (type: string, value: string): Buffer => set(sequence(oid(type), text(value)));
/** organizationName before commonName, as Go writes them. */
export const name = (o: { readonly organization?: string; readonly commonName: string }): Buffer =>
  sequence(
    ...(o.organization === undefined ? [] : [attribute(OID.organization, o.organization)]),
    attribute(OID.commonName, o.commonName),
  );

/** By which a server is called. */
export interface ServerNames {
  readonly dns: readonly string[];
  readonly ips: readonly string[];
}
const extension = (type: string, isCritical: boolean, value: Uint8Array): Buffer =>
  sequence(oid(type), ...(isCritical ? [bool(true)] : []), octets(value));
export const alternatives = ({ dns, ips }: ServerNames): Buffer =>
  extension(
    OID.alternatives,
    false,
    sequence(...dns.map((each) => inPlace(DNS, Buffer.from(each))), ...ips.map((ip) => inPlace(ADDRESS, bytesOf(ip)))),
  );
function bytesOf(ip: string): Buffer {
  const found = parseIp(ip);
  if (found === undefined) throw new Error(`${ip} is no address`);
  return Buffer.from(found.value.toString(16).padStart(found.family === 4 ? 8 : 32, '0'), 'hex');
}
/** digitalSignature and keyCertSign. */
export const AUTHORITY_USAGE = extension(OID.keyUsage, true, bits(Uint8Array.of(0x84), 2));
/** digitalSignature. */
export const SERVER_USAGE = extension(OID.keyUsage, true, bits(Uint8Array.of(0x80), 7));
export const SERVER_PURPOSE = extension(OID.extendedUsage, false, sequence(oid(SERVER_AUTH)));
export const constraints = (isAuthority: boolean): Buffer =>
  extension(OID.constraints, true, sequence(...(isAuthority ? [bool(true)] : [])));
