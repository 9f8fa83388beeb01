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

/** Events that differ in their messages alone. There is hardly ever more than one: the others have a place once they come. */
interface Similar {
  first: string;
  others: Set<string> | undefined;
  at: number;
}

/**
 * Decides what becomes of an event: the same again raises a count; the tenth that differs only in its message within ten
 * minutes begins to be combined; after 25 of one type about one object a source has one more every five minutes.
 */
export function createCorrelator(clock: Clock): { correlate(event: Event): Correlated } {
  const similar = new Map<string, Similar>();
  const written = new Map<string, Written>();
  const spam = new Map<string, { tokens: number; at: number }>();

  function isSpam(key: string, now: number): boolean {
    const bucket = spam.get(key) ?? { tokens: SPAM_BURST, at: now };
    bucket.tokens = Math.min(SPAM_BURST, bucket.tokens + Math.max(now - bucket.at, 0) * SPAM_PER_MS);
    bucket.at = now;
    touch(spam, key, bucket);
    if (bucket.tokens < 1) return true;
    bucket.tokens -= 1;
    return false;
  }
  function combine(event: Event, now: number): { readonly key: string; readonly event: Event } {
    const { involvedObject: object } = event;
    const about = keyOf(event, event.reason, event.reportingComponent, event.reportingInstance);
    const known = similar.get(about);
    const message = event.message ?? '';
    const isKnown = known !== undefined && now - known.at <= SIMILAR_WITHIN_MS;
    const record: Similar = isKnown ? known : { first: message, others: undefined, at: now };
    if (message !== record.first) (record.others ??= new Set<string>()).add(message);
    record.at = now;
    touch(similar, about, record);
    if (record.others === undefined || record.others.size < SIMILAR_MAX - 1)
      return { key: keyOf(event, event.reason, object.fieldPath, event.message), event };
    // The oldest goes.
    record.first = record.others.values().next().value!;
    record.others.delete(record.first);
    // Upstream's says no more who reports.
    const { reportingComponent: _, reportingInstance: __, ...rest } = event;
    return { key: about, event: { ...rest, message: `(combined from similar events): ${event.message}` } };
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
      return {
        key,
        event: {
          ...event,
          metadata: { ...event.metadata, name: after.name },
          count: after.count,
          firstTimestamp: after.firstTimestamp,
        },
        isRepeated: before !== undefined,
        isDropped: isSpam(keyOf(event), now),
      };
    },
  };
}
/** Who says it, of what, of which type; and `more`. */
const keyOf = ({ source, involvedObject: o, type }: Event, ...more: readonly (string | undefined)[]): string =>
  [source?.component, source?.host, o.kind, o.namespace, o.name, o.uid, o.apiVersion, type, ...more].join('\n');
/** Sets the entry as the newest and drops the oldest when there are too many. */
function touch<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > MAX_ENTRIES) map.delete(map.keys().next().value!);
}
