import { expect, it } from 'vitest';
import { parseYaml } from '../../../schemas/codec/yaml.ts';
import type { Pod } from '../../../schemas/generated/core-v1.ts';
import { nodes, persistentVolumeClaims, pods, storageClasses } from '../../runtime/resources.ts';
import { fakeApi } from '../../runtime/testing/fake-api.ts';
import { testWorld } from '../../runtime/testing/world.ts';
import { startScheduler } from '../actor.ts';
import { profilesOf } from '../config/profiles.ts';
import { readSchedulerConfiguration } from '../config/read.ts';
import { noBus } from '../testing/no-bus.ts';
import { aNode, aPod } from '../testing/objects.ts';

const configuration = (args: string): string => `
apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
profiles:
  - schedulerName: default-scheduler
  - schedulerName: mine
    pluginConfig: [{ name: VolumeBinding, args: {${args}} }]
`;
const HOUR = 3_600;
it.each([
  ['bindTimeoutSeconds: 45', 'mine', 45],
  ['bindTimeoutSeconds: 1200', 'mine', 1_200],
  ['bindTimeoutSeconds: 45', 'default-scheduler', 600],
  ['', 'mine', 600],
  // Longer than a timer can be set for: it would ring at once.
  ['bindTimeoutSeconds: 9000000', 'mine', Infinity],
])('with %j a pod of %s waits %d s for its volume', async (args, schedulerName, seconds) => {
  const text = configuration(args);
  const { value, duplicates } = await parseYaml(text);
  const settings = { profiles: profilesOf(readSchedulerConfiguration({ value, text, duplicates }, () => '')) };
  const world = testWorld();
  const api = fakeApi(world);
  const client = api.client();
  let longest = 0;
  const { setTimeout } = world.clock;
  const clock: typeof world.clock = {
    ...world.clock,
    setTimeout(fn, ms) {
      longest = Math.max(longest, ms);
      return setTimeout(fn, ms);
    },
  };
  const scheduler = startScheduler({
    world: { ...world, clock },
    bus: noBus,
    id: '1',
    client: api.client('scheduler'),
    settings,
  });
  await client.create(nodes, aNode('a'));
  await client.create(storageClasses, { apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', metadata: { name: 'late' }, provisioner: 'x.io/disks', volumeBindingMode: 'WaitForFirstConsumer' }); // prettier-ignore
  await client.create(persistentVolumeClaims, { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'c', namespace: 'default' }, spec: { accessModes: ['ReadWriteOnce'], storageClassName: 'late', resources: { requests: { storage: '1Gi' } } } }); // prettier-ignore
  await client.create(pods, aPod('p', { spec: { schedulerName, volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'c' } }] } })); // prettier-ignore
  const why = (): string | undefined => api.object<Pod>(pods, 'default/p')?.status?.conditions?.[0]?.message;
  const chosen = (): boolean =>
    api.object(persistentVolumeClaims, 'default/c')?.metadata.annotations?.['volume.kubernetes.io/selected-node'] === 'a'; // prettier-ignore
  await world.until(chosen);
  await world.advance(Math.min(seconds, HOUR) * 1_000 - 5_000);
  expect(why()).toBeUndefined();
  expect(longest).toBeLessThan(2 ** 31);
  if (seconds !== Infinity) {
    await world.advance(6_000);
    expect(why()).toBe('running PreBind plugin "VolumeBinding": binding volumes: context deadline exceeded');
  }
  await client.delete(pods, 'p', 'default', { gracePeriodSeconds: 0 });
  const stopping = scheduler.stop();
  await world.settle();
  await stopping;
});
