import { parseCidr } from '../../schemas/meta/ip.ts';
import { UserError } from '../cli/output.ts';

/** `--service-cluster-ip-range` of `kubus up` and `kubus init`. Thrown: UserError. Source: kubernetes cmd/kube-apiserver/app/options validateClusterIPFlags. */
export function checkServiceCidrs(cidrs: readonly string[]): void {
  const parsed = cidrs.map((cidr) => {
    const range = parseCidr(cidr);
    const host = range && (range.family === 4 ? 32 : 128) - range.bits;
    if (range === undefined || host === undefined || host > (range.family === 4 ? 31 : 64) || host < 3)
      throw new UserError(`--service-cluster-ip-range: "${cidr}" is no range of addresses for services, such as 10.96.0.0/16 or fd00:10:96::/112`, 2); // prettier-ignore
    return range;
  });
  if (parsed.length > 2 || (parsed.length === 2 && parsed[0]!.family === parsed[1]!.family))
    throw new UserError('--service-cluster-ip-range takes one range, or one of IPv4 and one of IPv6', 2);
}
