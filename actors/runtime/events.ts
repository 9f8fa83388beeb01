import type { World } from '../../bus/world.ts';
import type { Event, ObjectReference } from '../../schemas/generated/core-v1.ts';
import type { KubeObject } from '../../schemas/meta/object.ts';
import { nameIsSubdomain } from '../../schemas/meta/names.ts';
import { reasonOf } from '../../schemas/meta/status.ts';
import { formatTime } from '../../schemas/meta/time.ts';
import type { ApiClient } from './api-client.ts';
import { createCorrelator } from './event-correlator.ts';
import { createEventQueue } from './event-queue.ts';
import { events } from './resources.ts';

/** Tells the users of an object what happened to it. Never blocks and never fails: an event is news, not state. */
export interface EventRecorder {
  event(regarding: KubeObject | ObjectReference, type: 'Normal' | 'Warning', reason: string, message: string): void;
  /** Resolves when what was recorded so far is written or given up. */
  flush(): Promise<void>;
  stop(): void;
}
/**
 * Writes events one after the other, so that they take little from the work they tell of; alike ones are counted,
 * combined and at last dropped as client-go does. `component` is the source: `replicaset-controller`.
 */
export function createEventRecorder(o: {
  readonly client: ApiClient;
  readonly world: World;
  readonly component: string;
  /** Node the events come from. */
  readonly host?: string | undefined;
  /** Whether what events tell of is better served by their waiting a little. */
  readonly isBusy?: (() => boolean) | undefined;
}): EventRecorder {
  const { client, world } = o;
  const correlator = createCorrelator(world.clock);
  let nanos = 0;
  const turnOf = (event: Event): (() => Promise<void>) | undefined => {
    const { event: correlated, isRepeated, isDropped } = correlator.correlate(event);
    return isDropped ? undefined : () => write(correlated, isRepeated);
  };
  const queue = createEventQueue<Event>(world, turnOf, o.isBusy);
  async function write(event: Event, isRepeated: boolean): Promise<void> {
    const { name, namespace } = event.metadata;
    if (isRepeated) {
      const { count, lastTimestamp, message } = event;
      try {
        await client.patch(events, name!, namespace, 'strategic', { count, lastTimestamp, message });
        return;
      } catch (error) {
        // It has outlived its time in the store: begin anew.
        if (reasonOf(error) !== 'NotFound') throw error;
      }
    }
    await client.create(events, event);
  }

  return {
    event(regarding, type, reason, message) {
      const involvedObject = 'metadata' in regarding ? referenceTo(regarding) : regarding;
      const now = world.clock.now();
      nanos = (nanos + 1) % 1_000_000;
      const at = formatTime(now);
      queue.push({
        apiVersion: 'v1',
        kind: 'Event',
        metadata: {
          name: eventName(involvedObject.name ?? '', now, nanos, world),
          namespace: involvedObject.namespace || 'default',
        },
        involvedObject,
        reason,
        message,
        source: { component: o.component, ...(o.host && { host: o.host }) },
        firstTimestamp: at,
        lastTimestamp: at,
        count: 1,
        type,
        reportingComponent: o.component,
        reportingInstance: o.host ?? '',
      });
    },
    flush: () => queue.flush(),
    stop: () => queue.stop(),
  };
}

/** After the object, where that is a name for an event too. Source: client-go tools/record/util GenerateEventName. */
export function eventName(about: string, now: number, nanos: number, { ids }: Pick<World, 'ids'>): string {
  const name = `${about}.${(BigInt(Math.floor(now)) * 1_000_000n + BigInt(nanos)).toString(16)}`;
  return nameIsSubdomain(name, false).length === 0 ? name : ids.uuid();
}
/** How an event or an endpoint names an object. */
export const referenceTo = (object: KubeObject): ObjectReference => ({
  apiVersion: object.apiVersion,
  kind: object.kind,
  name: object.metadata.name,
  ...(object.metadata.namespace && { namespace: object.metadata.namespace }),
  uid: object.metadata.uid,
  resourceVersion: object.metadata.resourceVersion,
});
