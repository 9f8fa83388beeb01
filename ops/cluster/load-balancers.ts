import { defaultRange } from '../../actors/cloud/local/pool.ts';
import { sixRangeOf } from '../../node-agent/network/routes/six.ts';
import { UserError } from '../cli/output.ts';
import type { ClusterConfig } from './config.ts';

/** Flags of `kubus up` about the add-on cloud. */
export interface LoadBalancerFlags {
  readonly loadBalancerRange?: string[];
  readonly runtime?: 'simulated' | 'cri' | 'auto';
}
/** Where load balancers get addresses: of loopback, unless there are real nodes, whose pods would not leave themselves for it. */
export const rangesOfBalancers = ({ loadBalancerRanges, machine, port, clusterCidrs = [] }: Pick<ClusterConfig, 'loadBalancerRanges' | 'machine' | 'port' | 'clusterCidrs'>): readonly string[] =>
  loadBalancerRanges ?? (machine?.balancers === undefined ? [defaultRange(port)] : [machine.balancers, ...(clusterCidrs.some((cidr) => cidr.includes(':')) ? [sixRangeOf(machine.balancers)] : [])]); // prettier-ignore
/** What is asked for, over what the cluster was; nothing where it is as usual. Thrown: UserError. */
export async function loadBalancerRanges(
  flags: LoadBalancerFlags,
  before: ClusterConfig | undefined,
): Promise<Pick<ClusterConfig, 'loadBalancerRanges'>> {
  const asked = flags.loadBalancerRange;
  if (asked === undefined)
    return before?.loadBalancerRanges === undefined ? {} : { loadBalancerRanges: before.loadBalancerRanges };
  const { readRanges } = await import('../../actors/cloud/local/pool.ts');
  try {
    readRanges(asked, flags.runtime === 'cri' || before?.machine !== undefined);
  } catch (error) {
    throw new UserError(`--load-balancer-range: ${(error as Error).message}`, 2);
  }
  return { loadBalancerRanges: asked };
}
/** The flags again, for the process in the background. */
export const loadBalancerArguments = (flags: LoadBalancerFlags): string[] =>
  flags.loadBalancerRange ? ['--load-balancer-range', flags.loadBalancerRange.join(',')] : [];
