import { describe, expect, it } from 'vitest';
import type { Pod, ReplicationController } from '../../../schemas/generated/core-v1.ts';
import { ApiError } from '../../../schemas/meta/status.ts';
import { events, pods, replicationControllers } from '../../runtime/resources.ts';
import { testCluster } from '../../runtime/testing/cluster.ts';
import { startReplicaSetController } from '../replicaset/actor.ts';
import { startReplicationController } from './actor.ts';

const labels = { app: 'web' };
const make = (replicas: number, spec: object = {}): ReplicationController => ({
  apiVersion: 'v1',
  kind: 'ReplicationController',
  metadata: { name: 'web', namespace: 'd' },
  spec: { replicas, selector: labels, template: { metadata: { labels }, spec: { containers: [] } }, ...spec },
});

describe('ReplicationController', () => {
  it('makes its pods, reports them without a count of those that go, and follows its size', async () => {
    const { api, client, start, runPods, quiet, list } = testCluster();
    start(startReplicationController);
    runPods();
    await client.create(replicationControllers, make(3));
    await quiet();
    expect(api.object<ReplicationController>(replicationControllers, 'd/web')?.status).toEqual({ replicas: 3, fullyLabeledReplicas: 3, readyReplicas: 3, availableReplicas: 3, observedGeneration: 1 }); // prettier-ignore
    expect(list<Pod>(pods)[0]?.metadata).toMatchObject({ generateName: 'web-', labels, ownerReferences: [{ apiVersion: 'v1', kind: 'ReplicationController', name: 'web', controller: true, blockOwnerDeletion: true }] }); // prettier-ignore
    expect(list(events)).toContainEqual(expect.objectContaining({ reason: 'SuccessfulCreate', source: { component: 'replication-controller' } })); // prettier-ignore
    await client.patch(replicationControllers, 'web', 'd', 'merge', { spec: { replicas: 1 } });
    await quiet();
    expect(list(pods)).toHaveLength(1);
  });
  it('shares its pods with no ReplicaSet of the same selector', async () => {
    const { client, start, quiet, list } = testCluster();
    start(startReplicationController, startReplicaSetController);
    await client.create(replicationControllers, make(2));
    await quiet();
    const set = { apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata: { name: 'web', namespace: 'd' }, spec: { replicas: 2, selector: { matchLabels: labels }, template: make(0).spec!.template } }; // prettier-ignore
    await client.create({ group: 'apps', version: 'v1', resource: 'replicasets' }, set);
    await quiet();
    const owners = list<Pod>(pods).map((pod) => pod.metadata.ownerReferences?.map((owner) => owner.kind).join());
    expect(owners.toSorted()).toEqual(['ReplicaSet', 'ReplicaSet', 'ReplicationController', 'ReplicationController']);
  });
  it('adopts and releases by its map of labels', async () => {
    const { client, start, quiet, list } = testCluster();
    await client.create(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'orphan', namespace: 'd', labels } });
    start(startReplicationController);
    await client.create(replicationControllers, make(1));
    await quiet();
    expect(list<Pod>(pods).map((pod) => pod.metadata.ownerReferences?.[0]?.name)).toEqual(['web']);
    await client.patch(pods, 'orphan', 'd', 'merge', { metadata: { labels: { app: 'else' } } });
    await quiet();
    expect(
      list<Pod>(pods)
        .map((pod) => pod.metadata.ownerReferences?.length ?? 0)
        .toSorted(),
    ).toEqual([0, 1]);
  });
  it('asks little of an API that refuses its pods, and says so until it is over', async () => {
    const { api, client, world, start, list } = testCluster();
    api.intercept = (call) => {
      if (call.verb === 'create' && call.resource === 'pods') throw new ApiError('Forbidden', 'exceeded quota');
    };
    start(startReplicationController);
    await client.create(replicationControllers, make(100));
    await world.advance(60_000);
    // 5 ms, doubled each time: 14 in the first minute.
    expect(api.calls.filter((c) => c.verb === 'create' && c.resource === 'pods').length).toBeLessThan(16);
    const conditions = () => api.object<ReplicationController>(replicationControllers, 'd/web')?.status?.conditions;
    expect(conditions()).toMatchObject([{ type: 'ReplicaFailure', reason: 'FailedCreate', message: 'exceeded quota' }]);
    api.intercept = undefined;
    await world.advance(60_000);
    expect(list(pods)).toHaveLength(100);
    expect(conditions()).toBeUndefined();
  });
});
