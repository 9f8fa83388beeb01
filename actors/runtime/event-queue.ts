import { delay, type World } from '../../bus/world.ts';
import { reasonOf } from '../../schemas/meta/status.ts';

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
/** How long an event waits while its writer has better things to do, ms, and how often that is looked at. */
const HELD_MS = 2_000;
const LOOK_MS = 100;

export interface EventQueue<T> {
  /** Dropped if a thousand wait already. */
  push(event: T): void;
  /** Resolves when what was pushed so far is written or given up. */
  flush(): Promise<void>;
  stop(): void;
}
/**
 * Writes events one after the other, at a pace that leaves the API to the work they tell of. `writeOf` is asked when an
 * event's turn has come and returns what writes it, or nothing. What nobody answers is tried again, what is refused is not.
 * While `isBusy` says so an event waits, for two seconds at most.
 */
export function createEventQueue<T>(
  world: World,
  writeOf: (event: T) => (() => Promise<void>) | undefined,
  isBusy: () => boolean = () => false,
): EventQueue<T> {
  const { clock } = world;
  const abort = new AbortController();
  const queue: { readonly event: T; readonly at: number }[] = [];
  let writing: Promise<void> | undefined;
  let tokens = BURST;
  let filledAt = clock.now();

  async function drain(): Promise<void> {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      while (isBusy() && clock.now() - next.at < HELD_MS && !abort.signal.aborted) await pause(LOOK_MS);
      const write = writeOf(next.event);
      if (write === undefined) continue;
      await turn();
      await insist(write);
    }
  }
  async function turn(): Promise<void> {
    const now = clock.now();
    tokens = Math.min(BURST, tokens + (Math.max(now - filledAt, 0) / 1_000) * PER_SECOND) - 1;
    filledAt = now;
    if (tokens < 0) await pause((-tokens / PER_SECOND) * 1_000);
  }
  async function insist(write: () => Promise<void>): Promise<void> {
    for (let tries = 1; !abort.signal.aborted; tries++) {
      try {
        return await write();
      } catch (error) {
        const reason = reasonOf(error);
        const isAnswer = reason !== undefined && reason !== 'ServiceUnavailable' && reason !== 'Timeout';
        if (isAnswer || tries >= MAX_TRIES) {
          if (reason !== 'AlreadyExists') world.log.debug('event not written', { err: error });
          return;
        }
        // At first at random, so that those who were cut off together do not all come back together.
        await pause(tries === 1 ? RETRY_MS * world.random() : RETRY_MS);
      }
    }
  }
  const pause = (ms: number): Promise<void> => delay(clock, ms, abort.signal).catch(() => undefined);

  return {
    push(event) {
      if (abort.signal.aborted || queue.length >= MAX_QUEUED) return;
      queue.push({ event, at: clock.now() });
      writing ??= drain().finally(() => (writing = undefined));
    },
    flush: () => writing ?? Promise.resolve(),
    stop() {
      abort.abort();
      queue.length = 0;
    },
  };
}
