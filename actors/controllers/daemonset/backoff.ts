const INITIAL_MS = 1_000;
const MAX_MS = 15 * 60_000;

interface Entry {
  readonly delayMs: number;
  readonly since: number;
}
/**
 * How long a node's failed pod is left lying, so that a kubelet that refuses pods is not given new ones without end: a
 * second, twice as long each time, a quarter of an hour at most; forgotten after half an hour's peace.
 * Source: flowcontrol.Backoff as daemon_controller.go uses it.
 */
export function failedPodsBackoff(): {
  /** ms still to wait; 0: the pod may be deleted now. */
  readonly waitMs: (key: string, now: number) => number;
  /** Another one is being deleted. */
  readonly next: (key: string, now: number) => void;
} {
  const entries = new Map<string, Entry>();
  const isOver = ({ since }: Entry, now: number): boolean => now - since > 2 * MAX_MS;
  return {
    waitMs(key, now) {
      const entry = entries.get(key);
      return !entry || isOver(entry, now) ? 0 : Math.max(0, entry.since + entry.delayMs - now);
    },
    next(key, now) {
      for (const [other, entry] of entries) if (isOver(entry, now)) entries.delete(other);
      const entry = entries.get(key);
      entries.set(key, { delayMs: entry ? Math.min(2 * entry.delayMs, MAX_MS) : INITIAL_MS, since: now });
    },
  };
}
