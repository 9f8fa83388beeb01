import * as resources from '../../../../actors/runtime/resources.ts';
import type { Deployment, ReplicaSet, StatefulSet } from '../../../../schemas/generated/apps-v1.ts';
import type { ConfigMap, Namespace, Pod, ServiceAccount } from '../../../../schemas/generated/core-v1.ts';
import type { KubeObject } from '../../../../schemas/meta/object.ts';
import { controllerOf } from '../invariant.ts';
import type { Scenario } from '../scenario.ts';
import { differs, first, task, template } from './workloads.ts';

const deployment = (namespace: string, name: string): Deployment => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace },
  spec: { replicas: 2, selector: { matchLabels: { app: name } }, template: template(name, 'web') },
});
const configMap = (namespace: string, name: string): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace },
  data: { some: 'text' },
});
const namespace = (name: string): Namespace => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });

const DOOMED = 'doomed';
/** A namespace that is full goes while others still write into it, and comes again. */
export const namespaceDeletion: Scenario = {
  name: 'namespace',
  nodes: ['n1', 'n2'],
  faultsForMs: 12_000,
  convergeMs: 240_000,
  run: async ({ user, random, until, history }) => {
    await user.create(resources.namespaces, namespace(DOOMED));
    const exists = (): boolean => history.objects('Namespace').some(({ metadata }) => metadata.name === DOOMED);
    await user.create(resources.deployments, deployment(DOOMED, 'web'));
    await user.create(resources.statefulSets, {
      apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { name: 'db', namespace: DOOMED },
      spec: { replicas: 2, serviceName: 'db', selector: { matchLabels: { app: 'db' } }, template: template('db', 'db') },
    } as StatefulSet); // prettier-ignore
    await user.create(resources.jobs, {
      apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'task', namespace: DOOMED },
      spec: { completions: 4, template: task('task', 'exitAfterMs: 1000') },
    } as never); // prettier-ignore
    await until(() => history.objects('Pod', DOOMED).length > random.between(0, 6), 20_000);
    let gone = false;
    const writing = (async () => {
      for (let i = 0; !gone; i++) {
        await user.attempt((api) => api.create(resources.configMaps, configMap(DOOMED, `late-${i}`), { timeoutMs: 2_000 })); // prettier-ignore
        await user.sleep(random.between(5, 80));
      }
    })();
    await user.sleep(random.between(10, 1_000));
    await user.remove(resources.namespaces, DOOMED, undefined);
    await until(() => !exists(), 200_000);
    await user.sleep(random.between(0, 50));
    gone = true;
    await writing;
    await user.create(resources.namespaces, namespace(DOOMED));
  },
  missing: (history) => {
    const doomed = history.objects<Namespace>('Namespace').find(({ metadata }) => metadata.name === DOOMED);
    const inside = [...history.all()].filter(({ metadata }) => metadata.namespace === DOOMED);
    return first(
      differs('the new namespace', doomed?.status?.phase, 'Active'),
      differs('what is in it', inside.map(({ kind, metadata }) => `${kind}/${metadata.name}`).sort(), ['ConfigMap/kube-root-ca.crt', 'ServiceAccount/default']), // prettier-ignore
      differs('its service accounts', history.objects<ServiceAccount>('ServiceAccount', DOOMED).length, 1),
    );
  },
};

const POLICIES = ['Foreground', 'Background', 'Orphan'] as const;
/** Owners go in each of the three ways. */
export const cascade: Scenario = {
  name: 'cascade',
  nodes: ['n1', 'n2'],
  faultsForMs: 12_000,
  convergeMs: 240_000,
  run: async ({ user, random, history, until }) => {
    await Promise.all(
      POLICIES.map(async (propagationPolicy) => {
        const name = propagationPolicy.toLowerCase();
        await user.create(resources.deployments, deployment('default', name));
        const has = (): boolean =>
          history.objects<Pod>('Pod').filter((pod) => pod.metadata.labels?.['app'] === name).length === 2;
        await until(has, 60_000);
        await user.sleep(random.between(10, 5_000));
        await user.remove(resources.deployments, name, 'default', { propagationPolicy });
        if (propagationPolicy !== 'Background') return;
        // The same name again: what belonged to the old one is not the new one's.
        await user.create(resources.deployments, deployment('default', name));
        await user.sleep(random.between(10, 3_000));
        await user.remove(resources.deployments, name, 'default', { propagationPolicy });
      }),
    );
  },
  missing: (history) => {
    const of = (kind: string): KubeObject[] => history.objects(kind, 'default');
    const [orphan, ...others] = of('ReplicaSet') as ReplicaSet[];
    return first(
      differs('Deployments', of('Deployment').map(({ metadata }) => metadata.name), []), // prettier-ignore
      differs(
        'ReplicaSets besides the orphan',
        others.map(({ metadata }) => metadata.name),
        [],
      ),
      differs('owners of the orphan', orphan?.metadata.ownerReferences ?? [], []),
      differs('its finalizers', orphan?.metadata.finalizers ?? [], []),
      differs('pods', of('Pod').map((pod) => controllerOf(pod)?.uid), [orphan?.metadata.uid, orphan?.metadata.uid]), // prettier-ignore
      differs('its ready replicas', orphan?.status?.readyReplicas, 2),
    );
  },
};
