import { UserError } from '../cli/output.ts';
import type { ClusterConfig } from './config.ts';

/** Flags of `kubus up` about the add-on cloud. */
export interface LoadBalancerFlags {
  readonly loadBalancerRange?: string[];
}
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
    readRanges(asked);
  } catch (error) {
    throw new UserError(`--load-balancer-range: ${(error as Error).message}`, 2);
  }
  return { loadBalancerRanges: asked };
}
/** The flags again, for the process in the background. */
export const loadBalancerArguments = (flags: LoadBalancerFlags): string[] =>
  flags.loadBalancerRange ? ['--load-balancer-range', flags.loadBalancerRange.join(',')] : [];
