import * as resources from '../../../../actors/runtime/resources.ts';
import type { StatefulSet } from '../../../../schemas/generated/apps-v1.ts';
import { isReady, podsOf } from '../invariant.ts';
import { oneOfEachOrdinal } from '../invariants/pods.ts';
import type { Scenario } from '../scenario.ts';
import { differs, first, template } from './workloads.ts';

const NAMESPACE = 'default';
const object = (name: string, policy: 'OrderedReady' | 'Parallel'): StatefulSet => ({
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  metadata: { name, namespace: NAMESPACE },
  spec: {
    replicas: 3,
    serviceName: name,
    podManagementPolicy: policy,
    selector: { matchLabels: { app: name } },
    template: template(name, 'db:1'),
  },
});
const SETS = ['ordered', 'parallel'];
const REPLICAS = 2;

/** Two StatefulSets grow, are updated and shrink. */
export const stateful: Scenario = {
  name: 'stateful',
  nodes: ['n1', 'n2'],
  faultsForMs: 14_000,
  convergeMs: 240_000,
  invariants: [oneOfEachOrdinal],
  run: async ({ user, random }) => {
    const live = async (name: string): Promise<void> => {
      await user.create(resources.statefulSets, object(name, name === 'ordered' ? 'OrderedReady' : 'Parallel'));
      const set = (fn: (old: StatefulSet) => StatefulSet): Promise<void> =>
        user.change(resources.statefulSets, name, NAMESPACE, fn);
      await user.sleep(random.between(10, 3_000));
      await set((old) => ({ ...old, spec: { ...old.spec!, replicas: 4 } }));
      await user.sleep(random.between(10, 4_000));
      await set((old) => ({ ...old, spec: { ...old.spec!, template: template(name, 'db:2') } }));
      await user.sleep(random.between(10, 4_000));
      await user.remove(resources.pods, `${name}-0`, NAMESPACE);
      await user.sleep(random.between(10, 2_000));
      await set((old) => ({ ...old, spec: { ...old.spec!, replicas: REPLICAS } }));
    };
    await Promise.all(SETS.map(live));
  },
  missing: (history) =>
    first(
      ...SETS.map((name) => {
        const set = history
          .objects<StatefulSet>('StatefulSet', NAMESPACE)
          .find(({ metadata }) => metadata.name === name);
        if (!set) return `there is no StatefulSet ${name}`;
        const pods = podsOf(history, set);
        const { status } = set;
        return first(
          differs(`pods of ${name}`, pods.map(({ metadata }) => metadata.name).sort(), [`${name}-0`, `${name}-1`]),
          differs(`ready pods of ${name}`, pods.filter(isReady).length, REPLICAS),
          differs(`images of ${name}`, [...new Set(pods.map(({ spec }) => spec?.containers[0]?.image))], ['db:2']),
          differs(`status of ${name}`, [status?.observedGeneration, status?.replicas, status?.readyReplicas, status?.updatedReplicas, status?.currentRevision === status?.updateRevision], [set.metadata.generation, REPLICAS, REPLICAS, REPLICAS, true]), // prettier-ignore
        );
      }),
    ),
};
