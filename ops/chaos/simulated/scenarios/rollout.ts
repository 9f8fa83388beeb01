import * as resources from '../../../../actors/runtime/resources.ts';
import type { Deployment, ReplicaSet } from '../../../../schemas/generated/apps-v1.ts';
import type { Node, Pod } from '../../../../schemas/generated/core-v1.ts';
import type { EndpointSlice } from '../../../../schemas/generated/discovery-v1.ts';
import type { History } from '../history.ts';
import { controllerOf, isReady, podsOf } from '../invariant.ts';
import type { Scenario } from '../scenario.ts';
import { differs, first, template } from './workloads.ts';

const NODES = ['n1', 'n2', 'n3'];
const NAMESPACE = 'default';
const REPLICAS = 5;
const deployment: Deployment = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: NAMESPACE },
  spec: { replicas: 4, selector: { matchLabels: { app: 'web' } }, template: template('web', 'web:1') },
};
const withImage =
  (image: string) =>
  (old: Deployment): Deployment => ({ ...old, spec: { ...old.spec!, template: template('web', image) } });

/** A Deployment is updated and scaled while nodes come and go. */
export const rollout: Scenario = {
  name: 'rollout',
  nodes: NODES,
  faultsForMs: 14_000,
  convergeMs: 240_000,
  run: async ({ user, random, nodeGoes, nodeComes }) => {
    await user.create(resources.services, {
      apiVersion: 'v1', kind: 'Service', metadata: { name: 'web', namespace: NAMESPACE },
      spec: { selector: { app: 'web' }, ports: [{ port: 80 }] },
    } as never); // prettier-ignore
    await user.create(resources.deployments, deployment);
    const set = (fn: (old: Deployment) => Deployment): Promise<void> =>
      user.change(resources.deployments, 'web', NAMESPACE, fn);
    const pause = (most: number): Promise<void> => user.sleep(random.between(10, most));
    const users = async (): Promise<void> => {
      await pause(4_000);
      await set(withImage('web:2'));
      await pause(3_000);
      await set((old) => ({ ...old, spec: { ...old.spec!, replicas: REPLICAS } }));
      await pause(4_000);
      await set(withImage('web:3'));
    };
    const machines = async (): Promise<void> => {
      await pause(6_000);
      const node = random.pick(NODES);
      await nodeGoes(node);
      await pause(6_000);
      nodeComes(node);
    };
    await Promise.all([users(), machines()]);
  },
  missing: (history) => rolledOut(history, 'web', 'web:3', REPLICAS),
};

function rolledOut(history: History, name: string, image: string, replicas: number): string | undefined {
  const web = history.objects<Deployment>('Deployment', NAMESPACE).find(({ metadata }) => metadata.name === name);
  if (!web) return `there is no Deployment ${name}`;
  const sets = history
    .objects<ReplicaSet>('ReplicaSet', NAMESPACE)
    .filter((set) => controllerOf(set)?.uid === web.metadata.uid);
  const current = sets.filter(({ spec }) => spec?.template?.spec?.containers[0]?.image === image);
  const nodes = history.objects<Node>('Node').map(({ metadata }) => metadata.name);
  const pods = sets.flatMap((set) => podsOf(history, set));
  const addresses = history
    .objects<EndpointSlice>('EndpointSlice', NAMESPACE)
    .filter(({ metadata }) => metadata.labels?.['kubernetes.io/service-name'] === name)
    .flatMap(({ endpoints }) => endpoints ?? [])
    .filter(({ conditions }) => conditions?.ready === true)
    .flatMap((endpoint) => endpoint.addresses);
  const { status } = web;
  return first(
    differs('the generation that was observed', status?.observedGeneration, web.metadata.generation),
    differs('replicas', [status?.replicas, status?.updatedReplicas, status?.readyReplicas, status?.availableReplicas], [replicas, replicas, replicas, replicas]), // prettier-ignore
    differs('unavailable replicas', status?.unavailableReplicas ?? 0, 0),
    differs('the number of current ReplicaSets', current.length, 1),
    differs('pods of old ReplicaSets', sets.filter((set) => set !== current[0]).flatMap((set) => podsOf(history, set)).length, 0), // prettier-ignore
    differs('the number of pods', pods.length, replicas),
    differs(
      'pods that are not ready',
      pods.filter((pod) => !isReady(pod)).map(({ metadata }) => metadata.name),
      [],
    ),
    differs('pods on nodes that are not there', pods.filter(({ spec }) => !nodes.includes(spec!.nodeName)).length, 0),
    differs('nodes', nodes.sort(), NODES),
    differs('unready nodes', history.objects<Node>('Node').filter((node) => !isReady(node as Pod)).map(({ metadata }) => metadata.name), []), // prettier-ignore
    differs('addresses behind the Service', addresses.sort(), pods.map((pod) => pod.status?.podIP).sort()),
  );
}
