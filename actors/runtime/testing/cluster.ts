import type { Pod } from '../../../schemas/generated/core-v1.ts';
import { keyOf, type GroupVersionResource, type KubeObject } from '../../../schemas/meta/object.ts';
import { formatTime } from '../../../schemas/meta/time.ts';
import type { ApiClient } from '../api-client.ts';
import type { ControllerDeps } from '../controller-deps.ts';
import type { Controller } from '../controller.ts';
import { createEventRecorder } from '../events.ts';
import { createInformers } from '../informer.ts';
import { pods } from '../resources.ts';
import { fakeApi, type FakeApi } from './fake-api.ts';
import { testWorld, type TestWorld } from './world.ts';

/** A fake API with controllers on it and time in the test's hands. */
export interface TestCluster {
  readonly world: TestWorld;
  readonly api: FakeApi;
  readonly client: ApiClient;
  readonly deps: ControllerDeps;
  start(...starters: ((deps: ControllerDeps) => Controller)[]): Controller[];
  /** Plays scheduler and kubelet: binds pods to `nodes` in turn (daemons to their own), runs them when bound and removes them when deleted. */
  runPods(options?: {
    readonly nodes?: readonly string[];
    readonly isReady?: (pod: Pod) => boolean;
    readonly delayMs?: number;
  }): void;
  /** Lets everything happen that can without time passing (and 50 ms for backoffs of conflicts). */
  quiet(): Promise<void>;
  list<T extends KubeObject>(gvr: GroupVersionResource, namespace?: string): T[];
}

export function testCluster(seed = 1): TestCluster {
  const world = testWorld(seed);
  const api = fakeApi(world);
  const client = api.client('test');
  const informers = createInformers(api.client('controller-manager'), world);
  const deps: ControllerDeps = {
    world,
    id: 'test',
    informers,
    client: (caller) => api.client(caller),
    recorderFor: (own, component) => createEventRecorder({ client: own, world, component }),
  };
  return {
    world,
    api,
    client,
    deps,
    start: (...starters) => starters.map((start) => start(deps)),
    runPods({ nodes = ['n1', 'n2', 'n3'], isReady = () => true, delayMs = 0 } = {}) {
      let turn = 0;
      const informer = createInformers(api.client('kubelet'), world).for<Pod>(pods);
      const ignore = (): void => undefined;
      const look = (pod: Pod): void => {
        const { name, namespace, deletionTimestamp, deletionGracePeriodSeconds } = pod.metadata;
        // What a finalizer holds is done with.
        if (deletionTimestamp && deletionGracePeriodSeconds === 0) return;
        if (deletionTimestamp)
          return void client.delete(pods, name!, namespace, { gracePeriodSeconds: 0 }).catch(ignore);
        if (!pod.spec?.nodeName) {
          const nodeName = pinned(pod) ?? nodes[turn++ % nodes.length];
          return void client.patch(pods, name!, namespace, 'merge', { spec: { nodeName } }).catch(ignore);
        }
        if (pod.status?.phase !== 'Pending') return;
        const status = isReady(pod) ? 'True' : 'False';
        const ready = { type: 'Ready', status, lastTransitionTime: formatTime(world.clock.now()) };
        const patch = { status: { phase: 'Running', podIP: `10.0.0.${turn++ % 250}`, conditions: [ready] } };
        const run = (): void =>
          void client.patch(pods, name!, namespace, 'merge', patch, { subresource: 'status' }).catch(ignore);
        if (delayMs > 0) world.clock.setTimeout(run, delayMs);
        else run();
      };
      informer.on({ add: look, update: look });
    },
    async quiet() {
      for (let i = 0; i < 10; i++) await world.advance(5);
    },
    list: (gvr, namespace) => api.objects(gvr, namespace).sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1)) as never,
  };
}
/** The only node that a daemon's pod may be on. */
const pinned = (pod: Pod): string | undefined =>
  pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms[0]
    ?.matchFields?.[0]?.values?.[0];
