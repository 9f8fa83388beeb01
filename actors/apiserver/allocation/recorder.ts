import type { Event } from '../../../schemas/generated/events-v1.ts';
import type { KubeObject } from '../../../schemas/meta/object.ts';
import { formatMicroTime } from '../../../schemas/meta/time.ts';
import type { AllocationContext } from './context.ts';

/** Alike news within so long are one event. Source: client-go tools/events refreshTime. */
const ALIKE_MS = 6 * 60_000;
const MOST = 1_000;

/** Tells the users of an object what a repair found; never fails: an event is news, not state. */
export interface Recorder {
  warn(regarding: KubeObject, reason: string, action: string, note: string): void;
}

/**
 * Events of a loop of the API server itself, one for all that is alike: the second time it becomes a series, of which the
 * later ones are not written. Source: client-go tools/events (event_recorder.go, event_broadcaster.go).
 */
export function createRecorder(
  { registry, loopback, world, hostname }: AllocationContext,
  controller: string,
): Recorder {
  const resource = registry.lookup({ group: 'events.k8s.io', version: 'v1', resource: 'events' })!;
  const known = new Map<
    string,
    { readonly at: number; readonly event: Promise<Event | undefined>; isSeries: boolean }
  >();
  const log = (error: unknown): undefined => {
    world.log.debug('an event could not be written', { err: error });
  };
  let last = 0n;
  const forget = (now: number): void => {
    for (const [key, { at }] of known) if (now - at > ALIKE_MS || known.size > MOST) known.delete(key);
  };
  return {
    warn(regarding, reason, action, note) {
      const now = world.clock.now();
      forget(now);
      const { name = '', namespace = '', uid = '' } = regarding.metadata;
      const key = [uid, namespace, name, reason, action, note].join('\n');
      const before = known.get(key);
      if (before !== undefined) {
        if (before.isSeries) return;
        before.isSeries = true;
        const series = { count: 2, lastObservedTime: formatMicroTime(now) };
        void before.event.then((event) => event && loopback.update(resource, { ...event, series })).catch(log);
        return;
      }
      const nanos = BigInt(Math.trunc(now)) * 1_000_000n;
      last = nanos > last ? nanos : last + 1n;
      const { apiVersion, kind, metadata } = regarding;
      const event: Event = {
        apiVersion: 'events.k8s.io/v1',
        kind: 'Event',
        metadata: { name: `${name}.${last.toString(16)}`, namespace: namespace || 'default' },
        eventTime: formatMicroTime(now),
        reportingController: controller,
        reportingInstance: `${controller}-${hostname ?? 'kube-apiserver'}`,
        action,
        reason,
        regarding: {
          kind, apiVersion, name, uid, ...(namespace && { namespace }), resourceVersion: metadata.resourceVersion!,
        }, // prettier-ignore
        note,
        type: 'Warning',
      };
      known.set(key, { at: now, event: loopback.create(resource, event).catch(log), isSeries: false });
    },
  };
}
