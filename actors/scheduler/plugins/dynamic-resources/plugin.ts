import { equal } from '../../../../schemas/meta/equal.ts';
import { claimNameOf } from '../../../runtime/pod-claims.ts';
import type { PluginArgs } from '../args.ts';
import type { ClusterEvent, FilterPlugin, PostFilterPlugin, ScorePlugin } from '../plugin.ts';
import type { PodInfo } from '../../snapshot/pod-info.ts';
import { mayNeedDevices, NAME } from './view.ts';

const NOTHING = { unhelpful: 'no new claims to deallocate', renounces: false };

/**
 * A pod goes where the devices of its claims are, or where there are free ones that its claims ask for. They are promised
 * when it gets its node, and written into its claims before it is bound. Source: scheduler plugins/dynamicresources.
 */
export const dynamicResources = (args: PluginArgs = {}): FilterPlugin & ScorePlugin & PostFilterPlugin => ({
  name: NAME,
  prepare: (cycle) => (mayNeedDevices(cycle.pod) ? (cycle.devices?.prepare(cycle, args) ?? 'skip') : 'skip'),
  prepareScore: (cycle) => (mayNeedDevices(cycle.pod) ? cycle.devices?.score(cycle) : undefined),
  postFilter: (cycle) => (mayNeedDevices(cycle.pod) ? (cycle.devices?.postFilter(cycle) ?? NOTHING) : NOTHING),
  hint,
});
function hint(event: ClusterEvent, pod: PodInfo): boolean {
  switch (event.type) {
    case 'node.added':
    case 'deviceClass.changed':
    case 'resourceSlice.changed':
      return true;
    case 'node.updated':
      return (
        !equal(event.old.metadata.labels ?? {}, event.node.labels) ||
        !equal(event.old.status?.allocatable, event.node.node.status?.allocatable)
      );
    case 'resourceClaim.changed': {
      const { claim, old } = event;
      // Somebody else's devices may be free now.
      if (old?.status?.allocation !== undefined && claim.status?.allocation === undefined) return true;
      if (claim.metadata.namespace !== pod.namespace || !names(pod, claim.metadata.name!)) return false;
      return old === undefined || !equal(old.status, claim.status);
    }
    default:
      return false;
  }
}
const names = ({ pod }: PodInfo, claim: string): boolean =>
  pod.status?.extendedResourceClaimStatus?.resourceClaimName === claim ||
  (pod.spec?.resourceClaims ?? []).some((one) => {
    const known = claimNameOf(pod, one);
    return typeof known !== 'string' && known.name === claim;
  });
