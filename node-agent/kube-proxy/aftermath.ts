import type { World } from '../../bus/world.ts';
import type { EventRecorder } from '../../actors/runtime/events.ts';
import type { Commands } from '../host/commands.ts';
import { forgetStaleFlows, mayLeaveFlows } from './conntrack.ts';
import { createHealthChecks } from './health/checks.ts';
import type { KubeProxyMetrics } from './metrics.ts';
import { FAMILIES, familyName } from './plan/address.ts';
import type { Change, Plan, ServicePlan } from './plan/plan.ts';

/** What there is to do once rules are written: answers for load balancers, counts, and what the kernel has to forget. */
export interface Aftermath {
  apply(changes: readonly Change[], plan: Plan, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}
/** `commands`: undefined where the kernel keeps no account of conversations. */
export function createAftermath(o: {
  readonly world: World;
  readonly nodeName: string;
  readonly commands: Commands | undefined;
  readonly recorder: EventRecorder;
  readonly metrics: KubeProxyMetrics;
  readonly isHealthy: () => boolean;
}): Aftermath {
  const { world, metrics } = o;
  const { clock, log } = world;
  const checks = createHealthChecks({
    log,
    nodeName: o.nodeName,
    isHealthy: o.isHealthy,
    failed: (key, uid, message) => {
      const [namespace = '', name = ''] = key.split('/');
      const service = { apiVersion: 'v1', kind: 'Service', namespace, name, uid };
      o.recorder.event(service, 'Warning', 'FailedToStartServiceHealthcheck', message);
    },
  });
  const count = (plan: ServicePlan | undefined, by: 1 | -1): void => {
    for (const { family, internal, external } of plan?.ports ?? []) {
      if (internal === 'drop') metrics.noLocal[family].internal += by;
      if (external === 'drop') metrics.noLocal[family].external += by;
    }
  };
  const forget = async (commands: Commands, plan: Plan, signal: AbortSignal): Promise<void> => {
    for (const family of FAMILIES) {
      const begun = clock.now();
      const forgotten = await forgetStaleFlows({ commands, ports: plan.all(), family, signal });
      metrics.conntrack(familyName(family), (clock.now() - begun) / 1_000, forgotten);
    }
  };
  return {
    async apply(changes, plan, signal) {
      for (const { before, after } of changes) {
        count(before, -1);
        count(after, 1);
      }
      await checks.apply(changes);
      if (o.commands === undefined || !mayLeaveFlows(changes)) return;
      // Rules stand all the same.
      await forget(o.commands, plan, signal).catch((err: unknown) =>
        log.warn('conversations over UDP may go on with endpoints that are gone', { err }),
      );
    },
    close: () => checks.close(),
  };
}
