import { delay, type World } from '../../bus/world.ts';
import type { Event, ObjectReference } from '../../schemas/generated/core-v1.ts';
import type { KubeObject } from '../../schemas/meta/object.ts';
import { reasonOf } from '../../schemas/meta/status.ts';
import { formatTime } from '../../schemas/meta/time.ts';
import type { ApiClient } from './api-client.ts';
import { createCorrelator } from './event-correlator.ts';
import { events } from './resources.ts';

/** Tells the users of an object what happened to it. Never blocks and never fails: an event is news, not state. */
export interface EventRecorder {
  event(regarding: KubeObject | ObjectReference, type: 'Normal' | 'Warning', reason: string, message: string): void;
  /** Resolves when what was recorded so far is written or given up. */
  flush(): Promise<void>;
  stop(): void;
}
/** Source: client-go tools/record maxQueuedEvents, maxTriesPerEvent, defaultSleepDuration. */
const MAX_QUEUED = 1_000;
const MAX_TRIES = 12;
const RETRY_MS = 10_000;
/**
 * Writes at once, and a second, of one recorder. When hundreds of pods start together their news can wait: it is several
 * times as many writes as the pods themselves. (As the kubelet's --event-burst and --event-qps.)
 */
const BURST = 25;
const PER_SECOND = 25;

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
}): EventRecorder {
  const { client, world } = o;
  const correlator = createCorrelator(world.clock);
  const abort = new AbortController();
  const queue: Event[] = [];
  let nanos = 0;
  let writing: Promise<void> | undefined;

  async function drain(): Promise<void> {
    for (let event = queue.shift(); event; event = queue.shift()) {
      const { key, event: correlated, isRepeated, isDropped } = correlator.correlate(event);
      if (isDropped) continue;
      await turn();
      await write(key, correlated, isRepeated);
    }
  }
  let tokens = BURST;
  let filledAt = world.clock.now();
  async function turn(): Promise<void> {
    const now = world.clock.now();
    tokens = Math.min(BURST, tokens + ((now - filledAt) / 1_000) * PER_SECOND) - 1;
    filledAt = now;
    if (tokens < 0) await delay(world.clock, (-tokens / PER_SECOND) * 1_000, abort.signal).catch(() => undefined);
  }
  async function write(key: string, event: Event, isRepeated: boolean): Promise<void> {
    for (let tries = 1; !abort.signal.aborted; tries++) {
      try {
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
        return;
      } catch (error) {
        const reason = reasonOf(error);
        const isAnswer = reason !== undefined && reason !== 'ServiceUnavailable' && reason !== 'Timeout';
        if (isAnswer || tries >= MAX_TRIES) {
          if (reason !== 'AlreadyExists') world.log.debug('event not written', { event: key, err: error });
          return;
        }
        await delay(world.clock, RETRY_MS * world.random(), abort.signal).catch(() => undefined);
      }
    }
  }

  return {
    event(regarding, type, reason, message) {
      if (abort.signal.aborted || queue.length >= MAX_QUEUED) return;
      const involvedObject = 'metadata' in regarding ? referenceTo(regarding) : regarding;
      const now = world.clock.now();
      nanos = (nanos + 1) % 1_000_000;
      const at = formatTime(now);
      const suffix = (BigInt(now) * 1_000_000n + BigInt(nanos)).toString(16);
      queue.push({
        apiVersion: 'v1',
        kind: 'Event',
        metadata: {
          name: `${involvedObject.name ?? ''}.${suffix}`,
          namespace: involvedObject.namespace || 'default',
        },
        involvedObject,
        reason,
        message: message.length > 1_024 ? `${message.slice(0, 1_021)}...` : message,
        source: { component: o.component, ...(o.host && { host: o.host }) },
        firstTimestamp: at,
        lastTimestamp: at,
        count: 1,
        type,
        reportingComponent: o.component,
        reportingInstance: o.host ?? '',
      });
      writing ??= drain().finally(() => (writing = undefined));
    },
    flush: () => writing ?? Promise.resolve(),
    stop() {
      abort.abort();
      queue.length = 0;
    },
  };
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
