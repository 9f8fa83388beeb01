import { delay, type World } from '../../bus/world.ts';
import type { ContainerRuntime } from '../runtime/interface.ts';

/** A node whose proxy cannot write rules runs pods all the same, ms. */
const PATIENCE_MS = 10_000;

/**
 * The same runtime, whose pods begin once Services are there: what they ask before, the kernel remembers as a conversation
 * with nobody, and a name server would not be heard for as long as they go on asking. Pods in the node's own network do not
 * wait.
 */
export const servedPods = (
  world: World,
  runtime: Pick<ContainerRuntime, 'runPodSandbox'>,
  rulesStand: Promise<void>,
): Pick<ContainerRuntime, 'runPodSandbox'> => {
  let isServed = false;
  const known = rulesStand.then(
    () => void (isServed = true),
    () => void (isServed = true),
  );
  return {
    async runPodSandbox(pod, signal) {
      if (!isServed && pod.spec?.hostNetwork !== true) {
        const late = new AbortController();
        const both = AbortSignal.any([signal, late.signal]);
        await Promise.race([known, delay(world.clock, PATIENCE_MS, both)]);
        late.abort();
      }
      return runtime.runPodSandbox(pod, signal);
    },
  };
};
