import type { Errors } from '../define.ts';
import type { NetworkDeviceData } from '../generated/resource-v1.ts';
import { invalid, tooLong, type FieldPath } from '../meta/field.ts';
import { parseCidr } from '../meta/ip.ts';
import { byteLength } from '../meta/names.ts';
import { formatIp } from '../networking/strict-ip.ts';
import { setOf } from './checks.ts';

const MAX_INTERFACE_BYTES = 256;
const MAX_HARDWARE_BYTES = 128;
const MAX_IPS = 16;

/** Source: pkg/apis/resource/validation validateNetworkDeviceData. */
export function* validateNetworkData(data: NetworkDeviceData | undefined, at: FieldPath): Errors {
  if (byteLength(data?.interfaceName ?? '') > MAX_INTERFACE_BYTES)
    yield tooLong(at('interfaceName'), MAX_INTERFACE_BYTES);
  if (byteLength(data?.hardwareAddress ?? '') > MAX_HARDWARE_BYTES)
    yield tooLong(at('hardwareAddress'), MAX_HARDWARE_BYTES);
  yield* setOf(data?.ips ?? [], MAX_IPS, validateInterfaceAddress, (ip) => ip, at('ips'));
}
const NOT_AN_ADDRESS = 'must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)';
const MAPPED_BITS = 96;

/** An address with the length of its network's prefix. Source: apimachinery pkg/util/validation/ip.go IsValidInterfaceAddress. */
function* validateInterfaceAddress(text: string, at: FieldPath): Errors {
  const cidr = parseCidr(text);
  if (cidr === undefined) {
    yield invalid(at, text, NOT_AN_ADDRESS);
    return;
  }
  const mapped = cidr.family === 6 && cidr.address >> 32n === 0xffffn;
  const ip = mapped ? formatIp(4, cidr.address & 0xffffffffn) : formatIp(cidr.family, cidr.address);
  const bits = mapped && cidr.bits > 32 ? cidr.bits - MAPPED_BITS : cidr.bits;
  if (text !== `${ip}/${bits}`) yield invalid(at, text, `must be in canonical form (${JSON.stringify(`${ip}/${bits}`)})`);
} // prettier-ignore
