import { afterEach, expect, it } from 'vitest';
import type { Pod, PodSpec } from '../../../schemas/generated/core-v1.ts';
import type { CSINode } from '../../../schemas/generated/storage-v1.ts';
import type { Component } from '../../runtime/component.ts';
import { csiNodes, nodes, persistentVolumeClaims, persistentVolumes, pods } from '../../runtime/resources.ts';
import { fakeApi, type FakeApi } from '../../runtime/testing/fake-api.ts';
import { testWorld, type TestWorld } from '../../runtime/testing/world.ts';
import { ApiError } from '../../../schemas/meta/status.ts';
import { startScheduler } from '../actor.ts';
import { defaultProfile } from '../plugins/profile.ts';
import type { SchedulerSettings } from '../settings.ts';
import { noBus } from '../testing/no-bus.ts';
import { aNode, aPod } from '../testing/objects.ts';

const DRIVERS = ['csidrivers', 'csinodes', 'csistoragecapacities', 'volumeattachments'];
const DRIVER = 'disks.example.com';
let world: TestWorld;
let api: FakeApi;
let scheduler: Component | undefined;
let watched: string[];
let held: Promise<void> | undefined;

/** Two nodes; the driver attaches one volume to `a` (which has one) and many to `b`. */
async function ready(settings?: SchedulerSettings): Promise<ReturnType<FakeApi['client']>> {
  world = testWorld();
  api = fakeApi(world);
  watched = [];
  held = undefined;
  api.intercept = async ({ caller, verb, resource }) => {
    if (caller !== 'scheduler' || verb !== 'watch') return;
    watched.push(resource);
    if (resource === 'csinodes') await held;
  };
  const client = api.client();
  for (const [name, count] of [['a', 0], ['b', 5]] as const) {
    await client.create(nodes, aNode(name));
    await client.create<CSINode>(csiNodes, { apiVersion: 'storage.k8s.io/v1', kind: 'CSINode', metadata: { name }, spec: { drivers: [{ name: DRIVER, nodeID: name, allocatable: { count } }] } });
  }
  await client.create(persistentVolumes, {
    apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name: 'v' },
    spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], csi: { driver: DRIVER, volumeHandle: 'h' } },
  });
  await client.create(persistentVolumeClaims, {
    apiVersion: 'v1', kind: 'PersistentVolumeClaim',
    metadata: { name: 'c', namespace: 'default', annotations: { 'pv.kubernetes.io/bind-completed': 'yes' } },
    spec: { accessModes: ['ReadWriteOnce'], volumeName: 'v', resources: { requests: { storage: '1Gi' } } },
  });
  scheduler = startScheduler({ world, bus: noBus, id: '1', client: api.client('scheduler'), ...(settings && { settings }) });
  await world.settle();
  return client;
} // prettier-ignore
afterEach(async () => {
  const stopping = scheduler?.stop();
  await world.settle();
  await stopping;
});
const nodeOf = (name: string): string | undefined => api.object<Pod>(pods, `default/${name}`)?.spec?.nodeName;
const ofDrivers = (): readonly string[] => watched.filter((resource) => DRIVERS.includes(resource)).sort();
const user = (name: string, spec: Partial<PodSpec> = {}): Pod =>
  aPod(name, { spec: { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'c' } }], ...spec } });

it('nothing of drivers is watched for pods that no driver has to do with', async () => {
  const client = await ready();
  await client.create(pods, aPod('p', { spec: { volumes: [{ name: 'v', emptyDir: {} }] } }));
  await world.until(() => nodeOf('p') !== undefined);
  // Nor for those that somebody else has placed.
  await client.create(pods, user('q', { nodeName: 'b' }));
  await world.advance(60_000);
  expect(ofDrivers()).toEqual([]);
});
it('the first pod with a claim waits until drivers are known, others do not, and nothing is watched twice', async () => {
  const client = await ready();
  const { promise, resolve } = Promise.withResolvers<void>();
  held = promise;
  await client.create(pods, user('p'));
  await client.create(pods, user('q'));
  await client.create(pods, aPod('plain'));
  await world.until(() => nodeOf('plain') !== undefined);
  await world.advance(30_000);
  expect([nodeOf('p'), nodeOf('q')]).toEqual([undefined, undefined]);
  expect(ofDrivers()).toEqual(DRIVERS);
  resolve();
  await world.until(() => nodeOf('p') === 'b' && nodeOf('q') === 'b');
  await client.create(pods, user('r'));
  await world.until(() => nodeOf('r') === 'b');
  expect(ofDrivers()).toEqual(DRIVERS);
});
it('a pod that was there before the scheduler waits too, and so does one whose gates are taken away', async () => {
  const client = await ready();
  await scheduler!.stop();
  await client.create(pods, user('p'));
  await client.create(pods, user('gated', { schedulingGates: [{ name: 'x.io/later' }] }));
  watched = [];
  scheduler = startScheduler({ world, bus: noBus, id: '2', client: api.client('scheduler') });
  await world.until(() => nodeOf('p') === 'b');
  const gated = api.object<Pod>(pods, 'default/gated')!;
  await client.update(pods, { ...gated, spec: { ...gated.spec!, schedulingGates: [] } });
  await world.until(() => nodeOf('gated') === 'b');
  expect(ofDrivers()).toEqual(DRIVERS);
});
it('a server that is away for a while only delays the pod', async () => {
  const client = await ready();
  let away = 3;
  api.intercept = ({ caller, verb, resource }) => {
    if (caller === 'scheduler' && verb === 'watch' && resource === 'csinodes' && away-- > 0)
      throw new ApiError('ServiceUnavailable', 'away');
  };
  await client.create(pods, user('p'));
  await world.until(() => nodeOf('p') === 'b', 60_000);
  expect(away).toBeLessThan(0);
});
it('a profile without the plugins that ask about drivers neither waits nor watches', async () => {
  const filters = defaultProfile.filters.filter(({ name }) => name !== 'VolumeBinding' && name !== 'NodeVolumeLimits');
  const client = await ready({
    profiles: [{ schedulerName: 'default-scheduler', profile: { ...defaultProfile, filters }, percentageOfNodesToScore: 0 }],
  }); // prettier-ignore
  await client.create(pods, user('p'));
  await world.until(() => nodeOf('p') !== undefined);
  expect(ofDrivers()).toEqual([]);
});
