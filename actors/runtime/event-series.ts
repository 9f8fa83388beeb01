import type { TimerId, World } from '../../bus/world.ts';
import type { ObjectReference } from '../../schemas/generated/core-v1.ts';
import type { Event } from '../../schemas/generated/events-v1.ts';
import type { KubeObject } from '../../schemas/meta/object.ts';
import { reasonOf } from '../../schemas/meta/status.ts';
import { formatMicroTime } from '../../schemas/meta/time.ts';
import type { ApiClient } from './api-client.ts';
import { createEventQueue } from './event-queue.ts';
import { eventName, referenceTo } from './events.ts';
import { newEvents } from './resources.ts';

/** One that happened to `regarding`, as events.k8s.io tells it. */
export interface News {
  readonly regarding: KubeObject;
  readonly related?: KubeObject | undefined;
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  /** What was being done. */
  readonly action: string;
  readonly note: string;
}
/** Tells what happened in events of events.k8s.io, as the scheduler does. Never blocks and never fails. */
export interface SeriesRecorder {
  event(news: News): void;
  flush(): Promise<void>;
  stop(): void;
}
interface Told {
  readonly event: Event;
  /** Of a series: how often it happened, and when last; ms. */
  count: number;
  at: number;
}
/** Source: client-go tools/events finishTime, refreshTime. */
const FINISH_MS = 6 * 60_000;
const FINISHES_PER_REFRESH = 5;
/** Beyond, the oldest is not counted on. */
const MAX_TOLD = 4_096;

/**
 * What happens again (the same to the same revision of an object, whatever the note) begins a series, which is written
 * once, and again with its count when it has been over for six minutes or goes on for half an hour. `controller` reports it;
 * `instance` is which of its processes. Source: client-go tools/events event_broadcaster.go.
 */
export function createSeriesRecorder(o: {
  readonly client: ApiClient;
  readonly world: World;
  readonly controller: string;
  readonly instance: string;
}): SeriesRecorder {
  const { client, world } = o;
  const { clock } = world;
  const told = new Map<string, Told>();
  let nanos = 0;
  let timer: TimerId | undefined;
  let rounds = 0;
  let stopped = false;

  const queue = createEventQueue<Told>(world, (entry) => () => write(entry));
  async function write({ event, count, at }: Told): Promise<void> {
    if (count === 1) return void (await client.create(newEvents, event));
    const series = { count, lastObservedTime: formatMicroTime(at) };
    const { name, namespace } = event.metadata;
    try {
      await client.patch(newEvents, name!, namespace, 'strategic', { series });
    } catch (error) {
      if (reasonOf(error) !== 'NotFound') throw error;
      await client.create(newEvents, { ...event, series });
    }
  }
  /** What is over is told for the last time and forgotten. */
  function finish(): void {
    const isRefresh = ++rounds % FINISHES_PER_REFRESH === 0;
    const before = clock.now() - FINISH_MS;
    for (const [key, entry] of told) {
      const isOver = entry.at < before;
      if (entry.count > 1 && (isOver || isRefresh)) queue.push({ ...entry });
      if (isOver) told.delete(key);
    }
    timer = told.size > 0 ? clock.setTimeout(finish, FINISH_MS) : undefined;
  }
  return {
    event({ regarding, related, type, reason, action, note }) {
      if (stopped) return;
      const now = clock.now();
      const about = referenceTo(regarding);
      const other: ObjectReference | undefined = related && referenceTo(related);
      const key = JSON.stringify([type, action, reason, about, other]);
      const known = told.get(key);
      if (known !== undefined) {
        known.count++;
        known.at = now;
        if (known.count === 2) queue.push({ ...known });
        return;
      }
      nanos = (nanos + 1) % 1_000_000;
      const event: Event = {
        apiVersion: 'events.k8s.io/v1',
        kind: 'Event',
        metadata: {
          name: eventName(about.name ?? '', now, nanos, world),
          namespace: about.namespace || 'default',
        },
        eventTime: formatMicroTime(now, Math.trunc(nanos / 1_000)),
        reportingController: o.controller,
        reportingInstance: o.instance,
        action,
        reason,
        regarding: about,
        ...(other && { related: other }),
        note,
        type,
      };
      const entry: Told = { event, count: 1, at: now };
      told.set(key, entry);
      if (told.size > MAX_TOLD) told.delete(told.keys().next().value!);
      timer ??= clock.setTimeout(finish, FINISH_MS);
      queue.push({ ...entry });
    },
    flush: () => queue.flush(),
    stop() {
      stopped = true;
      if (timer !== undefined) clock.clearTimeout(timer);
      told.clear();
      queue.stop();
    },
  };
}
