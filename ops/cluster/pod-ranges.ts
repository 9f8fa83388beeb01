import { UserError } from '../cli/output.ts';
import type { ClusterConfig } from './config.ts';

/** Flags of `kubus up` about where addresses of pods come from. */
export interface PodRangeFlags {
  readonly clusterCidr?: string[];
  readonly nodeCidrMaskSizeIpv4?: number;
  readonly nodeCidrMaskSizeIpv6?: number;
}
type Ranges = Pick<ClusterConfig, 'clusterCidrs' | 'nodeMasks'>;

/** What is asked for, over what the cluster was; nothing where all is as usual. Thrown: UserError. */
export async function podRanges(flags: PodRangeFlags, before: ClusterConfig | undefined): Promise<Ranges> {
  const clusterCidrs = flags.clusterCidr ?? before?.clusterCidrs;
  const ipv4 = flags.nodeCidrMaskSizeIpv4 ?? before?.nodeMasks?.ipv4;
  const ipv6 = flags.nodeCidrMaskSizeIpv6 ?? before?.nodeMasks?.ipv6;
  const areMasked = ipv4 !== undefined || ipv6 !== undefined;
  if (clusterCidrs === undefined && !areMasked) return {};
  const nodeMasks = { ...(ipv4 !== undefined && { ipv4 }), ...(ipv6 !== undefined && { ipv6 }) };
  const { planOf } = await import('../../actors/controllers/node-ipam/allocator.ts');
  try {
    planOf(clusterCidrs, undefined, nodeMasks);
  } catch (error) {
    const flag = flags.clusterCidr === undefined && areMasked ? '--node-cidr-mask-size' : '--cluster-cidr';
    throw new UserError(`${flag}: ${error instanceof Error ? error.message : String(error)}`, 2);
  }
  return { ...(clusterCidrs && { clusterCidrs }), ...(areMasked && { nodeMasks }) };
}
/** The flags again, for the process in the background. */
export const podRangeArguments = (flags: PodRangeFlags): string[] => [
  ...(flags.clusterCidr ? ['--cluster-cidr', flags.clusterCidr.join(',')] : []),
  ...(flags.nodeCidrMaskSizeIpv4 ? ['--node-cidr-mask-size-ipv4', String(flags.nodeCidrMaskSizeIpv4)] : []),
  ...(flags.nodeCidrMaskSizeIpv6 ? ['--node-cidr-mask-size-ipv6', String(flags.nodeCidrMaskSizeIpv6)] : []),
];
