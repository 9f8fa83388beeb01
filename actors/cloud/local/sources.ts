import type { Service } from '../../../schemas/generated/core-v1.ts';
import { parseCidr, parseIp, type Cidr } from '../../../schemas/meta/ip.ts';

/** Source: k8s.io/api/core/v1 AnnotationLoadBalancerSourceRangesKey. */
const ANNOTATION = 'service.beta.kubernetes.io/load-balancer-source-ranges';

/** Whether a client of this address may come. */
export type Admits = (client: string) => boolean;

/**
 * By the Service's ranges, or by its annotation where it has none; without any, everybody. Throws on what is no list of
 * ranges. Source: k8s.io/cloud-provider/service/helpers GetLoadBalancerSourceRanges.
 */
export function admits({ metadata, spec }: Service): Admits {
  const own = spec?.loadBalancerSourceRanges ?? [];
  const annotation = metadata.annotations?.[ANNOTATION]?.trim() ?? '';
  const texts = own.length > 0 ? own : annotation === '' ? [] : annotation.split(',');
  if (texts.length === 0) return () => true;
  const ranges = texts.map((text) => parseCidr(text.trim()));
  if (ranges.includes(undefined))
    throw new Error(
      own.length > 0
        ? `service.Spec.LoadBalancerSourceRanges: [${own.join(' ')}] is not valid. Expecting a list of IP ranges. For example, 10.0.0.0/24.`
        : `${ANNOTATION}: ${annotation} is not valid. Expecting a comma-separated list of source IP ranges. For example, 10.0.0.0/24,192.168.2.0/24`,
    );
  return (client) => {
    const ip = parseIp(plain(client));
    return ip !== undefined && (ranges as Cidr[]).some((range) => isWithin(ip, range));
  };
}
function isWithin({ family, value }: { family: 4 | 6; value: bigint }, range: Cidr): boolean {
  const host = BigInt((family === 4 ? 32 : 128) - range.bits);
  return family === range.family && value >> host === range.base >> host;
}
/** As a socket of both families tells an address of IPv4. */
export const plain = (address: string): string => (address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address); // prettier-ignore
