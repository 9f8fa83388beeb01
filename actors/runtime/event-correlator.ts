import type { Clock } from '../../bus/world.ts';
import type { Event } from '../../schemas/generated/core-v1.ts';

export interface Correlated {
  /** Names what is counted together. */
  readonly key: string;
  readonly event: Event;
  /** The event of this name was written before: patch its count. */
  readonly isRepeated: boolean;
  /** The source has said too much about the object. */
  readonly isDropped: boolean;
}
/** Source: client-go tools/record/events_cache.go. */
const MAX_ENTRIES = 4_096;
const SIMILAR_MAX = 10;
const SIMILAR_WITHIN_MS = 600_000;
const SPAM_BURST = 25;
const SPAM_PER_MS = 1 / 300_000;

interface Written {
  count: number;
  readonly name: string;
  readonly firstTimestamp: string | undefined;
}

/**
 * Decides what becomes of an event: the same again raises a count; the tenth that differs only in its message within ten
 * minutes begins to be combined; after 25 about one object a source has one more every five minutes.
 */
export function createCorrelator(clock: Clock): { correlate(event: Event): Correlated } {
  const similar = new Map<string, { messages: Set<string>; at: number }>();
  const written = new Map<string, Written>();
  const spam = new Map<string, { tokens: number; at: number }>();

  function isSpam(key: string, now: number): boolean {
    const bucket = spam.get(key) ?? { tokens: SPAM_BURST, at: now };
    bucket.tokens = Math.min(SPAM_BURST, bucket.tokens + (now - bucket.at) * SPAM_PER_MS);
    bucket.at = now;
    touch(spam, key, bucket);
    if (bucket.tokens < 1) return true;
    bucket.tokens -= 1;
    return false;
  }
  function combine(event: Event, now: number): { readonly key: string; readonly event: Event } {
    const { involvedObject: object, source } = event;
    const about = [source?.component, source?.host, object.kind, object.namespace, object.name, object.uid, object.apiVersion, object.fieldPath, event.type, event.reason].join('\n'); // prettier-ignore
    const known = similar.get(about);
    const record = known && now - known.at <= SIMILAR_WITHIN_MS ? known : { messages: new Set<string>(), at: now };
    record.messages.add(event.message ?? '');
    record.at = now;
    touch(similar, about, record);
    if (record.messages.size < SIMILAR_MAX) return { key: `${about}\n${event.message}`, event };
    record.messages.delete(record.messages.values().next().value!);
    return { key: about, event: { ...event, message: `(combined from similar events): ${event.message}` } };
  }
  return {
    correlate(original) {
      const now = clock.now();
      const { key, event } = combine(original, now);
      const before = written.get(key);
      const after: Written = {
        count: (before?.count ?? 0) + 1,
        name: before?.name ?? event.metadata.name!,
        firstTimestamp: before?.firstTimestamp ?? event.firstTimestamp,
      };
      touch(written, key, after);
      const { involvedObject: object, source } = event;
      return {
        key,
        event: {
          ...event,
          metadata: { ...event.metadata, name: after.name },
          count: after.count,
          firstTimestamp: after.firstTimestamp,
        },
        isRepeated: before !== undefined,
        isDropped: isSpam([source?.component, source?.host, object.kind, object.namespace, object.name, object.uid].join('\n'), now), // prettier-ignore
      };
    },
  };
}
/** Sets the entry as the newest and drops the oldest when there are too many. */
function touch<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > MAX_ENTRIES) map.delete(map.keys().next().value!);
}
