import * as resources from '../../../../actors/runtime/resources.ts';
import type { DaemonSet } from '../../../../schemas/generated/apps-v1.ts';
import type { Node, Pod } from '../../../../schemas/generated/core-v1.ts';
import { isReady, podsOf } from '../invariant.ts';
import { oneOnEachNode } from '../invariants/pods.ts';
import type { Scenario } from '../scenario.ts';
import { differs, first, template } from './workloads.ts';

const NODES = ['n1', 'n2', 'n3'];
/** A DaemonSet is updated while nodes come and go. */
export const daemons: Scenario = {
  name: 'daemons',
  nodes: NODES,
  faultsForMs: 12_000,
  convergeMs: 240_000,
  invariants: [oneOnEachNode],
  run: async ({ user, random, nodeGoes, nodeComes }) => {
    await user.create(resources.daemonSets, {
      apiVersion: 'apps/v1', kind: 'DaemonSet', metadata: { name: 'agent', namespace: 'default' },
      spec: { selector: { matchLabels: { app: 'agent' } }, template: template('agent', 'agent:1') },
    } as DaemonSet); // prettier-ignore
    await user.sleep(random.between(10, 4_000));
    const node = random.pick(NODES);
    await Promise.all([
      user.change<DaemonSet>(resources.daemonSets, 'agent', 'default', (old) => ({
        ...old,
        spec: { ...old.spec!, template: template('agent', 'agent:2') },
      })),
      user.sleep(random.between(0, 500)).then(() => nodeGoes(node)),
    ]);
    await user.sleep(random.between(10, 5_000));
    nodeComes(node);
  },
  missing: (history) => {
    const [agent] = history.objects<DaemonSet>('DaemonSet', 'default');
    if (!agent) return 'there is no DaemonSet';
    const pods = podsOf(history, agent);
    const { status } = agent;
    return first(
      differs('nodes', history.objects<Node>('Node').filter((node) => isReady(node as Pod)).map(({ metadata }) => metadata.name).sort(), NODES), // prettier-ignore
      differs('places of the pods', pods.map(({ spec }) => spec?.nodeName).sort(), NODES),
      differs('ready pods', pods.filter(isReady).length, NODES.length),
      differs('images', [...new Set(pods.map(({ spec }) => spec?.containers[0]?.image))], ['agent:2']),
      differs('status', [status?.observedGeneration, status?.desiredNumberScheduled, status?.numberReady, status?.updatedNumberScheduled, status?.numberMisscheduled], [agent.metadata.generation, 3, 3, 3, 0]), // prettier-ignore
    );
  },
};
