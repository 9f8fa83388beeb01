import { describe, expect, it } from 'vitest';
import type { ClusterRole } from '../../../schemas/generated/rbac-v1.ts';
import { testCluster } from '../../runtime/testing/cluster.ts';
import { startClusterRoleAggregation } from './actor.ts';
import { clusterRoles, reconcile } from './reconcile.ts';

const rule = (resource: string) => ({ verbs: ['get'], apiGroups: [''], resources: [resource] });
const role = (name: string, resources: string[], more: object = {}, labels: Record<string, string> = { to: 'view' }): ClusterRole => ({
  kind: 'ClusterRole',
  apiVersion: 'rbac.authorization.k8s.io/v1',
  metadata: { name, labels },
  rules: resources.map(rule),
  ...more,
}); // prettier-ignore
const view = (rules: ClusterRole['rules']): ClusterRole =>
  role('view', [], { rules, aggregationRule: { clusterRoleSelectors: [{ matchLabels: { to: 'view' } }] } }, {});

describe('an aggregating role', () => {
  it('holds the rules of those it selects, in the order of names, each once', () => {
    const all = [role('b', ['pods', 'nodes']), role('a', ['secrets', 'pods']), role('c', ['jobs'], {}, {})];
    const [intent] = reconcile({ role: view(undefined), all }).intents;
    expect(intent).toEqual({
      op: 'patch',
      gvr: clusterRoles,
      namespace: undefined,
      name: 'view',
      type: 'apply',
      tolerate: ['NotFound'],
      fieldManager: 'clusterrole-aggregation-controller',
      force: true,
      patch: {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRole',
        metadata: { name: 'view' },
        rules: ['secrets', 'pods', 'nodes'].map(rule),
      },
    });
  });
  it('is left alone once it does, and when it aggregates nothing', () => {
    const all = [role('a', ['pods'])];
    const decision = reconcile({ role: view([]), all });
    const [intent] = decision.intents;
    const next = {
      ...view([]),
      ...(intent?.op === 'patch' && (intent.patch as ClusterRole)),
      aggregationRule: view([]).aggregationRule!,
    };
    expect(reconcile({ role: next, all: [...all, next] }).intents).toEqual([]);
    expect(reconcile({ role: role('plain', ['pods']), all }).intents).toEqual([]);
  });
});

it('follows roles as they come, change and go', async () => {
  const { client, world, start, list } = testCluster();
  start(startClusterRoleAggregation);
  await client.create(clusterRoles, view(undefined));
  await client.create(clusterRoles, role('a', ['pods']));
  const held = () => list<ClusterRole>(clusterRoles).find((r) => r.metadata.name === 'view')?.rules ?? [];
  await world.settle();
  expect(held()).toEqual([rule('pods')]);
  await client.create(clusterRoles, role('b', ['nodes']));
  await world.settle();
  expect(held()).toEqual([rule('pods'), rule('nodes')]);
  await client.delete(clusterRoles, 'a');
  await world.settle();
  expect(held()).toEqual([rule('nodes')]);
});
