import { RuntimeError, type ContainerRuntime } from '../runtime/interface.ts';
import type { PodNetwork } from './actor.ts';

/**
 * The same runtime, whose sandboxes are there once policies of their pods are in force: nothing runs in them before. A
 * sandbox that cannot be guarded is taken away, and the pod tries again.
 */
export const admitting = (
  runtime: Pick<ContainerRuntime, 'runPodSandbox' | 'removePodSandbox'>,
  network: () => Pick<PodNetwork, 'admit'>,
): Pick<ContainerRuntime, 'runPodSandbox'> => ({
  async runPodSandbox(pod, signal) {
    const sandbox = await runtime.runPodSandbox(pod, signal);
    try {
      await network().admit(pod, sandbox.ips ?? (sandbox.ip === undefined ? [] : [sandbox.ip]), signal);
      return sandbox;
    } catch (error) {
      await runtime.removePodSandbox(sandbox.id).catch(() => undefined);
      signal.throwIfAborted();
      throw new RuntimeError('CreatePodSandboxError', (error as Error).message, { cause: error });
    }
  },
});
