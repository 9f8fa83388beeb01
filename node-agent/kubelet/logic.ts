import { fromPromise } from 'xstate';
import { containerMachine } from './container/machine.ts';
import { backoffMs } from './container/restart.ts';
import type { ContainerWorker } from './container/worker.ts';
import { runtimeReason } from '../runtime/interface.ts';
import type { NodeContext } from './context.ts';
import { podMachine } from './pod/machine.ts';
import type { PodWorker } from './pod/worker.ts';
import { probeMachine } from './probe/machine.ts';
import type { ProbeWorker } from './probe/worker.ts';
import { sharing } from '../../actors/runtime/sharing.ts';

type Registries = Pick<NodeContext, 'pods' | 'containers' | 'probes'>;
const gone = (what: string, id: string): never => {
  throw new Error(`${what} '${id}' is not known`);
};

/** The charts of one node with their effects: each finds its worker by the id in its context. */
export function nodeLogic(registries: Registries): NodeContext['logic'] {
  const pod = (uid: string): PodWorker => registries.pods.get(uid) ?? gone('pod', uid);
  const container = (id: string): ContainerWorker => registries.containers.get(id) ?? gone('container', id);
  const probe = (id: string): ProbeWorker => registries.probes.get(id) ?? gone('probe', id);
  return {
    pod: sharing(podMachine).provide({
      actors: {
        createSandbox: fromPromise(({ input, signal }) => pod(input.uid).createSandbox(signal)),
        replaceSandbox: fromPromise(({ input }) => pod(input.uid).replaceSandbox()),
        endContainers: fromPromise(({ input }) => pod(input.uid).endContainers()),
        killContainers: fromPromise(({ input }) => pod(input.uid).killContainers()),
        removeFromApi: fromPromise(({ input, signal }) => pod(input.uid).removeFromApi(signal)),
      },
      guards: {
        isOver: ({ context }) => pod(context.uid).isOver,
        isRejected: ({ context }) => pod(context.uid).hasRejection,
        isAdopted: ({ context }) => pod(context.uid).sandbox !== undefined,
        isStranded: ({ context }) => pod(context.uid).isStranded,
        isAbandoned: ({ context }) => pod(context.uid).isAbandoned(),
        isDeleted: ({ context }) => pod(context.uid).isDeleted,
        isInitialized: ({ context }) => pod(context.uid).stage() === 'running',
        isCompleted: ({ context }) => pod(context.uid).stage() === 'completed',
      },
      actions: {
        reject: ({ context }) => pod(context.uid).reject(),
        showPending: ({ context }) => pod(context.uid).showPending(),
        showSandboxError: (_, { uid, error }) => pod(uid).showSandboxError(error),
        startDue: ({ context }) => pod(context.uid).startDue(),
        failByDeadline: ({ context }) => pod(context.uid).failByDeadline(),
        shortenGrace: ({ context }) => pod(context.uid).shortenGrace(),
        close: ({ context }) => pod(context.uid).close(),
        forget: ({ context }) => registries.pods.get(context.uid)?.forget(),
      },
    }),
    container: sharing(containerMachine).provide({
      actors: {
        pull: fromPromise(({ input, signal }) => container(input.id).pull(signal)),
        launch: fromPromise(({ input, signal }) => container(input.id).launch(signal)),
        kill: fromPromise(({ input }) => container(input.id).kill(input.message)),
        end: fromPromise(({ input }) => container(input.id).endRun()),
      },
      guards: {
        hasExited: ({ context }) => container(context.id).hasExited(),
        hasRestart: ({ context }) => container(context.id).hasRestart(),
        hasEndedForGood: ({ context }) => container(context.id).hasEndedForGood(),
        isNotCreated: (_, { error }) => runtimeReason(error)?.startsWith('CreateContainer') === true,
        hasRunLong: ({ context }) => container(context.id).hasRunLong(),
      },
      delays: {
        crashBackoff: ({ context }) => container(context.id).crashBackoffMs(context.crashes),
        pullBackoff: ({ context }) => backoffMs(Math.max(context.failedPulls, 1)) - 1_000,
      },
      actions: {
        noteExit: ({ context }) => container(context.id).noteExit(),
        startProbes: ({ context }) => container(context.id).startProbes(),
        stopProbes: ({ context }) => container(context.id).stopProbes(),
        showRunning: ({ context }) => container(context.id).showRunning(),
        showPullError: (_, { id, error }) => container(id).showPullError(error),
        showPullBackoff: ({ context }) => container(context.id).showPullBackoff(),
        tellLaunchError: (_, { id, error }) => container(id).tellLaunchError(error),
        showLaunchError: (_, { id, error }) => container(id).showLaunchError(error),
        showCrashBackoff: ({ context }) => container(context.id).showCrashBackoff(context.crashes),
        settle: ({ context }) => container(context.id).settle(),
      },
    }),
    probe: sharing(probeMachine).provide({
      actors: { probe: fromPromise(({ input, signal }) => probe(input.id).ask(signal)) },
      actions: {
        tellResult: ({ context }, result) => probe(context.id).tellResult(result),
        tellError: ({ context }, { error }) => probe(context.id).tellError(error),
        tellVerdict: ({ context }) => probe(context.id).tellVerdict(context.last === true),
      },
    }),
  };
}
