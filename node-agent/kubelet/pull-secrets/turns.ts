import type { World } from '../../../bus/world.ts';
import { RuntimeError } from '../../runtime/interface.ts';

/** Of a kubelet's configuration, what says how many images are pulled at once, and how often. */
export interface PullLimits {
  readonly serializeImagePulls?: boolean;
  readonly maxParallelImagePulls?: number;
  /** Begun a second; 0: as often as they like. */
  readonly registryPullQPS?: number;
  /** Begun at once where few were before. */
  readonly registryBurst?: number;
}
/** Lets pulls begin. */
export interface Turns {
  /** Does it when it is its turn. Rejects with the signal's reason, or with ErrImagePull where too many begin. */
  take<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T>;
}
/** Where nothing is said. The real kubelet has one, which a registry that hangs holds up for all. */
const PARALLEL = 5;
const atOnce = ({ serializeImagePulls: one, maxParallelImagePulls: most }: PullLimits): number =>
  one === true ? 1 : (most ?? (one === false ? Infinity : PARALLEL));

/** Source: kubelet images puller.go, helpers.go throttledImageService. */
export function createTurns({ clock }: Pick<World, 'clock'>, limits: PullLimits): Turns {
  const { registryPullQPS: qps = 0, registryBurst: burst = 10 } = limits;
  const most = atOnce(limits);
  const waiting: (() => void)[] = [];
  let running = 0;
  let tokens = burst;
  let filledAt = clock.now();

  async function turn(signal: AbortSignal): Promise<void> {
    if (running < most) {
      running++;
      return;
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = (): void => {
      const place = waiting.indexOf(resolve);
      if (place < 0) return;
      waiting.splice(place, 1);
      reject(signal.reason as Error);
    };
    waiting.push(resolve);
    signal.addEventListener('abort', onAbort, { once: true });
    await promise.finally(() => signal.removeEventListener('abort', onAbort));
  }
  /** Whose turn it is next takes the place over. */
  function done(): void {
    const next = waiting.shift();
    if (next === undefined) running--;
    else next();
  }
  function mayBegin(): boolean {
    if (qps <= 0) return true;
    const now = clock.now();
    tokens = Math.min(burst, tokens + ((now - filledAt) / 1_000) * qps);
    filledAt = now;
    if (tokens < 1) return false;
    tokens--;
    return true;
  }
  return {
    async take(signal, work) {
      await turn(signal);
      try {
        signal.throwIfAborted();
        if (!mayBegin()) throw new RuntimeError('ErrImagePull', 'pull QPS exceeded');
        return await work();
      } finally {
        done();
      }
    },
  };
}
