import { expect, it } from 'vitest';
import type { Job } from '../../../schemas/generated/batch-v1.ts';
import { jobs } from '../../runtime/resources.ts';
import { testCluster } from '../../runtime/testing/cluster.ts';
import { startTtlAfterFinishedController } from './actor.ts';

const make = (name: string, ttlSecondsAfterFinished: number | undefined): Job =>
  ({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, namespace: 'd' },
    spec: { ttlSecondsAfterFinished },
  }) as Job;

it('deletes finished Jobs when their time is over, and no others', async () => {
  const { client, world, start, list, api } = testCluster();
  const names = (): string[] => list(jobs).filter((j) => !j.metadata.deletionTimestamp).map((j) => j.metadata.name!); // prettier-ignore
  start(startTtlAfterFinishedController);
  for (const [name, ttl] of [['short', 10], ['long', 1000], ['kept', undefined], ['runs', 0]] as const) await client.create(jobs, make(name, ttl)); // prettier-ignore
  const conditions = [
    { type: 'Complete', status: 'True', lastTransitionTime: new Date(world.clock.now()).toISOString() },
  ];
  for (const name of ['short', 'long', 'kept'])
    await client.patch(jobs, name, 'd', 'merge', { status: { conditions } }, { subresource: 'status' });
  await world.advance(9_000);
  expect(names()).toEqual(['kept', 'long', 'runs', 'short']);
  await world.advance(2_000);
  expect(names()).toEqual(['kept', 'long', 'runs']);
  expect(api.calls.find((c) => c.verb === 'delete')).toMatchObject({ name: 'short', object: 'Foreground' });
  await client.patch(jobs, 'long', 'd', 'merge', { spec: { ttlSecondsAfterFinished: 5000 } });
  await world.advance(1_000_000);
  expect(names()).toEqual(['kept', 'long', 'runs']);
});
