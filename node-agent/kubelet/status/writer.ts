import type { TimerId, World } from '../../../bus/world.ts';
import type { Pod, PodStatus } from '../../../schemas/generated/core-v1.ts';
import { reasonOf } from '../../../schemas/meta/status.ts';
import type { ApiClient } from '../../../actors/runtime/api-client.ts';
import { pods } from '../../../actors/runtime/resources.ts';

/** A pod whose status is to be reported. */
export interface Reported {
  readonly uid: string;
  pod: Pod;
  status(): PodStatus;
  /** A newer version of the object has come. */
  see(pod: Pod): void;
}
/**
 * Writes statuses, as few as possible: what changes within 20 ms is one write, and a write that is under way is followed
 * by one more at most. A pod that has come to rest is written at once.
 */
export interface StatusWriter {
  request(pod: Reported, settled: boolean): void;
  /** Resolves when the newest status is written, or its pod is gone. Thrown: why it could not be written now. */
  flush(pod: Reported): Promise<void>;
  drop(pod: Reported): void;
  stop(): void;
}
const GATHER_MS = 20;
const RETRY_MS = 1_000;
const MAX_CONFLICTS = 10;

interface Slot {
  timer: TimerId | undefined;
  dueAt: number;
  writing: Promise<void> | undefined;
  again: boolean;
  /** Why the last write failed; undefined: it did not. */
  failure: unknown;
}

export function createStatusWriter({
  world,
  client,
}: {
  readonly world: World;
  readonly client: ApiClient;
}): StatusWriter {
  // prettier-ignore
  const { clock } = world;
  const slots = new Map<string, Slot>();
  let stopped = false;

  function slotOf(pod: Reported): Slot {
    let slot = slots.get(pod.uid);
    if (slot === undefined) slots.set(pod.uid, (slot = { timer: undefined, dueAt: Infinity, writing: undefined, again: false, failure: undefined })); // prettier-ignore
    return slot;
  }
  function arm(pod: Reported, slot: Slot, ms: number): void {
    const dueAt = clock.now() + ms;
    if (slot.timer !== undefined) {
      if (slot.dueAt <= dueAt) return;
      clock.clearTimeout(slot.timer);
    }
    slot.dueAt = dueAt;
    slot.timer = clock.setTimeout(() => {
      slot.timer = undefined;
      slot.dueAt = Infinity;
      void begin(pod, slot);
    }, ms);
  }
  function begin(pod: Reported, slot: Slot): Promise<void> {
    if (slot.writing !== undefined) {
      slot.again = true;
      return slot.writing;
    }
    slot.writing = write(pod)
      .then(() => void (slot.failure = undefined))
      .catch((error: unknown) => {
        slot.failure = error;
        if (stopped || slots.get(pod.uid) !== slot) return;
        world.log.debug('pod status not written', { pod: pod.pod.metadata.name, err: error });
        arm(pod, slot, RETRY_MS);
      })
      .then(() => {
        slot.writing = undefined;
        if (!slot.again) return;
        slot.again = false;
        return begin(pod, slot);
      });
    return slot.writing;
  }
  async function write(pod: Reported): Promise<void> {
    for (let conflicts = 0; ; conflicts++) {
      const status = pod.status();
      if (stopped || same(pod.pod.status, status)) return;
      try {
        pod.see(await client.update<Pod>(pods, { ...pod.pod, status }, { subresource: 'status' }));
        return;
      } catch (error) {
        const reason = reasonOf(error);
        if (reason === 'NotFound') return;
        if (reason !== 'Conflict' || conflicts >= MAX_CONFLICTS) throw error;
        const { name, namespace } = pod.pod.metadata;
        const latest = await client.get<Pod>(pods, name!, namespace).catch((err: unknown) => {
          if (reasonOf(err) === 'NotFound') return undefined;
          throw err;
        });
        if (latest === undefined || latest.metadata.uid !== pod.uid) return;
        pod.see(latest);
      }
    }
  }
  return {
    request: (pod, settled) => {
      if (!stopped) arm(pod, slotOf(pod), settled ? 0 : GATHER_MS);
    },
    async flush(pod) {
      const slot = slotOf(pod);
      if (slot.timer !== undefined) {
        clock.clearTimeout(slot.timer);
        slot.timer = undefined;
        slot.dueAt = Infinity;
      }
      await begin(pod, slot);
      if (slot.failure !== undefined) throw slot.failure;
    },
    drop(pod) {
      const slot = slots.get(pod.uid);
      if (slot?.timer !== undefined) clock.clearTimeout(slot.timer);
      slots.delete(pod.uid);
    },
    stop() {
      stopped = true;
      for (const { timer } of slots.values()) if (timer !== undefined) clock.clearTimeout(timer);
      slots.clear();
    },
  };
}
/** Equal but for absent, null and empty fields. */
function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (isEmpty(a)) return isEmpty(b);
  if (typeof a !== 'object' || typeof b !== 'object' || isEmpty(b)) return false;
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((x, i) => same(x, b[i]));
  const [x, y] = [a as Record<string, unknown>, b as Record<string, unknown>];
  for (const key in x) if (!same(x[key], y[key])) return false;
  for (const key in y) if (!(key in x) && !isEmpty(y[key])) return false;
  return true;
}
const isEmpty = (x: unknown): boolean =>
  x === undefined || x === null || x === '' || (typeof x === 'object' && Object.keys(x).length === 0);
