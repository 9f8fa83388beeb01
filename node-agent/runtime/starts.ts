import type { ContainerRuntime } from './interface.ts';

/** More than these begin at once: whoever can wait should. */
const MANY = 8;

type Starting = Pick<ContainerRuntime, 'runPodSandbox' | 'createContainer' | 'startContainer'>;

/** The same runtime, which says whether it has its hands full with what begins. */
export function countStarts(runtime: Starting): Starting & { isBusy(): boolean } {
  let starting = 0;
  const counted = async <T>(work: () => Promise<T>): Promise<T> => {
    starting++;
    try {
      return await work();
    } finally {
      starting--;
    }
  };
  return {
    isBusy: () => starting > MANY,
    runPodSandbox: (pod, signal) => counted(() => runtime.runPodSandbox(pod, signal)),
    createContainer: (sandbox, config, signal) => counted(() => runtime.createContainer(sandbox, config, signal)),
    startContainer: (id, signal) => counted(() => runtime.startContainer(id, signal)),
  };
}
