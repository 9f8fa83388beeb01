import * as resources from '../../../../actors/runtime/resources.ts';
import type { Deployment } from '../../../../schemas/generated/apps-v1.ts';
import type { ConfigMap, Pod, ResourceQuota } from '../../../../schemas/generated/core-v1.ts';
import type { PodDisruptionBudget } from '../../../../schemas/generated/policy-v1.ts';
import { isActive, isReady } from '../invariant.ts';
import { budgetKept, quotaKept } from '../invariants/limits.ts';
import type { Scenario, Stage } from '../scenario.ts';
import { differs, first, template } from './workloads.ts';

const NAMESPACE = 'default';
const deployment = (name: string, replicas: number): Deployment => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace: NAMESPACE },
  spec: { replicas, selector: { matchLabels: { app: name } }, template: template(name, 'web') },
});

const PODS = 4;
const CONFIG_MAPS = 5;
const quotas = { group: '', version: 'v1', resource: 'resourcequotas' };
/** Several at once want more than there is room for. */
export const quota: Scenario = {
  name: 'quota',
  nodes: ['n1', 'n2'],
  faultsForMs: 12_000,
  convergeMs: 420_000,
  invariants: [quotaKept],
  run: async ({ user, random, history, until }) => {
    await user.create(quotas, {
      apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'small', namespace: NAMESPACE },
      spec: { hard: { pods: String(PODS), configmaps: String(CONFIG_MAPS) } },
    } as ResourceQuota); // prettier-ignore
    await until(() => history.objects<ResourceQuota>('ResourceQuota').some(({ status }) => status?.hard?.['pods'] !== undefined), 60_000); // prettier-ignore
    await user.create(resources.deployments, deployment('web', PODS + 3));
    const write = async (who: number): Promise<void> => {
      for (let i = 0; i < 12; i++) {
        const name = `c-${who}-${i}`;
        const object: ConfigMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: NAMESPACE } };
        await user.attempt((api) => api.create(resources.configMaps, object, { timeoutMs: 3_000 }));
        await user.sleep(random.between(5, 600));
        if (random.next() < 0.4)
          await user.attempt((api) => api.delete(resources.configMaps, name, NAMESPACE, { timeoutMs: 3_000 }));
      }
    };
    await Promise.all([write(1), write(2), write(3)]);
    await user.change<Deployment>(resources.deployments, 'web', NAMESPACE, (old) => ({
      ...old,
      spec: { ...old.spec!, replicas: PODS - 1 },
    }));
  },
  missing: (history) => {
    const [small] = history.objects<ResourceQuota>('ResourceQuota', NAMESPACE);
    const pods = history.objects<Pod>('Pod', NAMESPACE);
    const used = { configmaps: String(history.objects('ConfigMap', NAMESPACE).length), pods: String(PODS - 1) };
    return first(
      differs('ready pods', pods.filter(isReady).length, PODS - 1),
      differs('pods', pods.length, PODS - 1),
      differs('what the quota says is used', Object.fromEntries(Object.entries(small?.status?.used ?? {}).sort()), used), // prettier-ignore
    );
  },
};

const HEALTHY = 3;
/** A user drains nodes as fast as he may. */
export const disruption: Scenario = {
  name: 'disruption',
  nodes: ['n1', 'n2'],
  faultsForMs: 14_000,
  harmsNodes: false,
  // What a clock says is a budget's business: an eviction that does not come off is forgotten after two minutes.
  faults: ['crash', 'crash-after-write', 'pause', 'cut', 'loss', 'late', 'election'],
  convergeMs: 300_000,
  invariants: [budgetKept],
  run: async ({ user, random, history, until }: Stage) => {
    await user.create(resources.podDisruptionBudgets, {
      apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: { name: 'web', namespace: NAMESPACE },
      spec: { minAvailable: HEALTHY, selector: { matchLabels: { app: 'web' } } },
    } as PodDisruptionBudget); // prettier-ignore
    await user.create(resources.deployments, deployment('web', HEALTHY + 1));
    const pods = (): Pod[] => history.objects<Pod>('Pod', NAMESPACE).filter(isActive);
    await until(() => pods().filter(isReady).length === HEALTHY + 1, 60_000);
    const drain = async (): Promise<void> => {
      for (let i = 0; i < 20; i++) {
        const all = pods();
        if (all.length > 0) {
          const { name } = random.pick(all).metadata;
          const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace: NAMESPACE } };
          await user.attempt((api) => api.create(resources.pods, eviction as never, { subresource: 'eviction', name: name!, namespace: NAMESPACE, timeoutMs: 3_000 })); // prettier-ignore
        }
        await user.sleep(random.between(5, 900));
      }
    };
    await Promise.all([drain(), drain()]);
  },
  missing: (history) => {
    const pods = history.objects<Pod>('Pod', NAMESPACE);
    const [budget] = history.objects<PodDisruptionBudget>('PodDisruptionBudget', NAMESPACE);
    const { status } = budget ?? {};
    return first(
      differs('ready pods', pods.filter(isReady).length, HEALTHY + 1),
      differs('pods', pods.length, HEALTHY + 1),
      differs('the budget', [status?.currentHealthy, status?.disruptionsAllowed, status?.expectedPods, Object.keys(status?.disruptedPods ?? {}).length], [HEALTHY + 1, 1, HEALTHY + 1, 0]), // prettier-ignore
    );
  },
};
