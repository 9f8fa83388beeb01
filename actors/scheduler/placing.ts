import type { World } from '../../bus/world.ts';
import { reasonOf, toStatus } from '../../schemas/meta/status.ts';
import { formatTime } from '../../schemas/meta/time.ts';
import type { ApiClient } from '../runtime/api-client.ts';
import type { SeriesRecorder } from '../runtime/event-series.ts';
import { pods } from '../runtime/resources.ts';
import type { Fence } from '../../bus/protocol/api.ts';
import { truncateNote } from './fit-error.ts';
import type { Candidate } from './preemption.ts';
import type { PodInfo } from './snapshot/pod-info.ts';
import { bindSurely } from './sure-binding.ts';

/** What the scheduler does to the cluster; every method settles, failures are logged or returned. */
export interface Placing {
  /** Rejects if the pod is not known to be bound. `signal`: nothing is asked again. */
  bind(pod: PodInfo, node: string, signal: AbortSignal): Promise<void>;
  /** Tells that the pod, which somebody else has bound, is. */
  announce(pod: PodInfo, node: string): void;
  /** Tells where the pod is about to go, once all is ready there; failures are logged. */
  expect(pod: PodInfo, node: string): Promise<void>;
  /** Event and PodScheduled condition of a pod that found no node (`Unschedulable`) or met an error (`SchedulerError`). */
  explain(
    pod: PodInfo,
    reason: 'Unschedulable' | 'SchedulerError',
    message: string,
    nominatedNode?: string,
  ): Promise<void>;
  /**
   * Marks the victims as disrupted and deletes them, but those that `cancels` could keep from being bound at all. Whether
   * all are gone, or going.
   */
  evict(candidate: Candidate, preemptor: PodInfo, cancels: (uid: string) => boolean): Promise<boolean>;
  /** Takes back what the pod was promised; failures are logged. */
  renounce(pod: PodInfo): Promise<void>;
}

export function placing(o: {
  readonly world: World;
  readonly client: ApiClient;
  readonly recorder: SeriesRecorder;
  readonly fence: () => Fence | undefined;
}): Placing {
  const { world, client, recorder } = o;
  const log = world.log;
  /** What was written as a pod's nominatedNodeName, which the pod at hand may not show yet. */
  const expected = new Map<string, string>();
  const announce = (pod: PodInfo, node: string): void => {
    expected.delete(pod.uid);
    const note = `Successfully assigned ${pod.namespace}/${pod.name} to ${node}`;
    recorder.event({ regarding: pod.pod, type: 'Normal', reason: 'Scheduled', action: 'Binding', note });
  };
  return {
    announce,
    async expect(pod, node) {
      if (pod.pod.status?.nominatedNodeName === node) return;
      const patch = { metadata: { uid: pod.uid }, status: { nominatedNodeName: node } };
      expected.set(pod.uid, node);
      try {
        await client.patch(pods, pod.name, pod.namespace, 'strategic', patch, {
          subresource: 'status',
          fence: o.fence(),
        });
      } catch (error) {
        if (reasonOf(error) !== 'NotFound') log.debug('nominated node not written', { pod: pod.name, err: error });
      }
    },
    async bind(pod, node, signal) {
      await bindSurely({ client, world }, pod, node, { fence: o.fence() }, signal);
      announce(pod, node);
    },
    async explain(pod, reason, message, nominatedNode) {
      const note = truncateNote(message);
      recorder.event({ regarding: pod.pod, type: 'Warning', reason: 'FailedScheduling', action: 'Scheduling', note });
      const known = pod.pod.status?.conditions?.find((c) => c.type === 'PodScheduled');
      const nominated = expected.get(pod.uid) ?? pod.pod.status?.nominatedNodeName ?? '';
      const nominates = nominatedNode !== undefined && nominatedNode !== nominated;
      expected.delete(pod.uid);
      if (known?.status === 'False' && known.reason === reason && known.message === message && !nominates) return;
      const condition = {
        type: 'PodScheduled',
        status: 'False',
        reason,
        message,
        ...(pod.pod.metadata.generation !== undefined && { observedGeneration: pod.pod.metadata.generation }),
        lastProbeTime: null,
        lastTransitionTime: known?.status === 'False' ? known.lastTransitionTime : formatTime(world.clock.now()),
      };
      const status = { conditions: [condition], ...(nominates && { nominatedNodeName: nominatedNode || null }) };
      const patch = { metadata: { uid: pod.uid }, status };
      try {
        await client.patch(pods, pod.name, pod.namespace, 'strategic', patch, {
          subresource: 'status',
          fence: o.fence(),
        });
      } catch (error) {
        if (reasonOf(error) !== 'NotFound') log.debug('pod condition not written', { pod: pod.name, err: error });
      }
    },
    async evict({ node, victims }, preemptor, cancels) {
      const by = preemptor.pod.spec?.schedulerName || 'default-scheduler';
      const tell = (victim: PodInfo, more = ''): void => {
        const note = `Preempted by pod ${preemptor.uid} on node ${node}${more}`;
        const both = { regarding: victim.pod, related: preemptor.pod };
        recorder.event({ ...both, type: 'Normal', reason: 'Preempted', action: 'Preempting', note });
      };
      const evicted = victims.map(async (victim): Promise<boolean> => {
        if (cancels(victim.uid)) {
          tell(victim, ' (in kube-scheduler memory).');
          return true;
        }
        const condition = {
          type: 'DisruptionTarget',
          status: 'True',
          reason: 'PreemptionByScheduler',
          message: `${by}: preempting to accommodate a higher priority pod`,
          lastProbeTime: null,
          lastTransitionTime: formatTime(world.clock.now()),
          ...(victim.pod.metadata.generation !== undefined && { observedGeneration: victim.pod.metadata.generation }),
        };
        const known = victim.pod.status?.conditions?.find(({ type }) => type === condition.type);
        const isMarked =
          known?.status === 'True' && known.reason === condition.reason && known.message === condition.message;
        try {
          if (!isMarked)
            await client.patch(
              pods,
              victim.name,
              victim.namespace,
              'strategic',
              { metadata: { uid: victim.uid }, status: { conditions: [condition] } },
              { subresource: 'status', fence: o.fence() },
            );
          await client.delete(pods, victim.name, victim.namespace, {
            preconditions: { uid: victim.uid },
            fence: o.fence(),
          });
          tell(victim);
        } catch (error) {
          if (reasonOf(error) === 'NotFound') return true;
          log.warn('victim not evicted', { pod: victim.name, err: toStatus(error).message });
          return false;
        }
        return true;
      });
      return (await Promise.all(evicted)).every(Boolean);
    },
    async renounce(pod) {
      expected.delete(pod.uid);
      const patch = { metadata: { uid: pod.uid }, status: { nominatedNodeName: null } };
      try {
        await client.patch(pods, pod.name, pod.namespace, 'strategic', patch, {
          subresource: 'status',
          fence: o.fence(),
        });
      } catch (error) {
        if (reasonOf(error) !== 'NotFound') log.debug('nomination not taken back', { pod: pod.name, err: error });
      }
    },
  };
}
