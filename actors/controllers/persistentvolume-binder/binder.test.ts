import { describe, expect, it } from 'vitest';
import type { PersistentVolume, PersistentVolumeClaim, Pod } from '../../../schemas/generated/core-v1.ts';
import type { KubeObject } from '../../../schemas/meta/object.ts';
import { ApiError } from '../../../schemas/meta/status.ts';
import { badDay } from '../../runtime/testing/faults.ts';
import { testCluster, type TestCluster } from '../../runtime/testing/cluster.ts';
import { events, persistentVolumeClaims, persistentVolumes, pods, storageClasses } from '../../runtime/resources.ts';
import { startPersistentVolumeBinder } from './actor.ts';
import { aClaim, aClass, aVolume } from './testing/objects.ts';

function setUp(seed = 1) {
  const c = testCluster(seed);
  const [controller] = c.start(startPersistentVolumeBinder);
  const create = (...objects: KubeObject[]): Promise<unknown> =>
    Promise.all(objects.map((o) => c.client.create(GVR[o.kind]!, o)));
  return {
    ...c,
    controller: controller!,
    create,
    volume: (name: string) => c.api.object<PersistentVolume>(persistentVolumes, name)!,
    claim: (name: string) => c.api.object<PersistentVolumeClaim>(persistentVolumeClaims, `d/${name}`)!,
    told: (name: string) => eventsOf(c, name),
  };
}
const GVR: Readonly<Record<string, typeof pods>> = {
  Pod: pods,
  PersistentVolume: persistentVolumes,
  PersistentVolumeClaim: persistentVolumeClaims,
  StorageClass: storageClasses,
};
const eventsOf = (c: TestCluster, name: string): string[] =>
  c.list<KubeObject & { reason: string; message: string; type: string; involvedObject: { name: string } }>(events)
    .filter((e) => e.involvedObject.name === name)
    .map((e) => `${e.type} ${e.reason} ${e.message}`); // prettier-ignore
const pod = (name: string, claimName: string, spec: object = {}): Pod =>
  ({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'd' }, spec: { containers: [], volumes: [{ name: 'v', persistentVolumeClaim: { claimName } }], ...spec } }); // prettier-ignore
const CONTROLLER = { 'pv.kubernetes.io/bound-by-controller': 'yes' };
const COMPLETED = { 'pv.kubernetes.io/bind-completed': 'yes' };

/** Every bound claim has a volume of its own that says the same, and no volume is held by two. */
function consistent(c: TestCluster): void {
  const holders = new Map<string, string>();
  for (const claim of c.list<PersistentVolumeClaim>(persistentVolumeClaims)) {
    if (claim.status?.phase !== 'Bound') continue;
    const name = claim.spec!.volumeName!;
    expect(holders.get(name)).toBeUndefined();
    holders.set(name, claim.metadata.uid!);
    const volume = c.api.object<PersistentVolume>(persistentVolumes, name)!;
    expect([volume.spec?.claimRef?.uid, volume.status?.phase]).toEqual([claim.metadata.uid, 'Bound']);
  }
}

describe('a claim that fits', () => {
  it("and its volume become each other's, whoever comes first", async () => {
    const c = setUp();
    await c.create(aVolume('v1'), aClaim('c1'));
    await c.quiet();
    await c.create(aClaim('c2'));
    await c.quiet();
    await c.create(aVolume('v2'));
    await c.quiet();
    for (const n of [1, 2]) {
      const { uid } = c.claim(`c${n}`).metadata;
      expect(c.volume(`v${n}`)).toMatchObject({
        metadata: { annotations: CONTROLLER },
        spec: { claimRef: { kind: 'PersistentVolumeClaim', apiVersion: 'v1', namespace: 'd', name: `c${n}`, uid } },
        status: { phase: 'Bound' },
      });
      expect(c.claim(`c${n}`)).toMatchObject({
        metadata: { annotations: { ...CONTROLLER, ...COMPLETED } },
        spec: { volumeName: `v${n}` },
        status: { phase: 'Bound', accessModes: ['ReadWriteOnce'], capacity: { storage: '1Gi' } },
      });
    }
  });
  it('takes the volume that it names, and one that names it', async () => {
    const c = setUp();
    await c.create(aVolume('v1'), aVolume('v2'), aVolume('v3', { claimRef: { namespace: 'd', name: 'named' } }));
    await c.quiet();
    expect(c.volume('v3').status?.phase).toBe('Available');
    await c.create(aClaim('naming', { volumeName: 'v2' }), aClaim('named'));
    await c.quiet();
    expect(c.claim('naming').metadata.annotations).toEqual(COMPLETED);
    expect(c.volume('v2').metadata.annotations).toEqual(CONTROLLER);
    expect(c.claim('named').spec?.volumeName).toBe('v3');
    expect(c.volume('v3').metadata.annotations).toBeUndefined();
    expect(c.volume('v1').status?.phase).toBe('Available');
  });
  it('gets the volume that it names when that comes later', async () => {
    const c = setUp();
    await c.create(aClaim('c', { volumeName: 'v' }));
    await c.quiet();
    expect(c.claim('c').status?.phase).toBe('Pending');
    await c.create(aVolume('v'));
    await c.quiet();
    expect(c.claim('c').status?.phase).toBe('Bound');
  });
  it('is bound on by who comes after one that died half-way', async () => {
    for (const dieAfter of [1, 2, 3]) {
      const c = setUp();
      let writes = 0;
      await c.create(aVolume('v'));
      await c.quiet();
      c.api.intercept = ({ caller, verb }) => {
        if (!caller.startsWith('controller:') || verb !== 'update' || ++writes <= dieAfter) return;
        throw new ApiError('ServiceUnavailable', 'away');
      };
      await c.create(aClaim('c'));
      await c.quiet();
      c.controller.deactivate();
      c.api.intercept = undefined;
      c.controller.activate();
      await c.quiet();
      expect(c.claim('c').status?.phase).toBe('Bound');
      consistent(c);
    }
  });
});

describe('a claim that finds nothing', () => {
  it('says so, is looked at every 15 s and no more, and takes what comes', async () => {
    const c = setUp();
    await c.create(aClaim('c'));
    await c.quiet();
    expect(c.told('c')).toEqual(['Normal FailedBinding no persistent volumes available for this claim and no storage class is set']);
    const before = c.api.calls.length;
    await c.world.advance(60_000);
    expect(c.api.calls.length - before).toBeLessThanOrEqual(5);
    await c.create(aVolume('v', { capacity: { storage: '10Gi' } }));
    await c.quiet();
    expect(c.claim('c').status).toMatchObject({ phase: 'Bound', capacity: { storage: '10Gi' } });
  }); // prettier-ignore
  it('does not lose a volume of its size to one that wants less', async () => {
    const c = setUp();
    const sizes = Array.from({ length: 20 }, (_, i) => ({ storage: `${i + 1}Gi` }));
    await c.create(...sizes.map((requests, i) => aClaim(`c${i}`, { resources: { requests } })));
    await c.quiet();
    for (const [i, capacity] of sizes.entries()) {
      await c.create(aVolume(`v${19 - i}`, { capacity: sizes[19 - i] ?? capacity }));
      if (i % 3 === 0) await c.quiet();
    }
    await c.quiet();
    expect(sizes.map((_, i) => c.claim(`c${i}`).spec?.volumeName)).toEqual(sizes.map((_, i) => `v${i}`));
  });
  it('is offered what was meant for one that is deleted before its turn', async () => {
    const c = setUp();
    const sized = (storage: string) => ({ resources: { requests: { storage } } });
    await c.create(aClaim('large', sized('5Gi')), aClaim('small'));
    await c.quiet();
    // All workers are held up by claims of another class.
    const free = Promise.withResolvers<void>();
    c.api.intercept = ({ caller, verb }) => (caller.startsWith('controller:') && verb === 'update' ? free.promise : undefined);
    const busy = Array.from({ length: 60 }, (_, i) => aClaim(`busy${i}`, { storageClassName: 'x', volumeName: 'none' }));
    await c.create(...busy);
    await c.world.settle();
    await c.create({ ...aVolume('v', { capacity: { storage: '9Gi' } }), status: { phase: 'Available' } } as PersistentVolume);
    await c.world.settle();
    await c.client.delete(persistentVolumeClaims, 'large', 'd');
    await c.world.settle();
    free.resolve();
    await c.quiet();
    expect(c.claim('small').status?.phase).toBe('Bound');
  }); // prettier-ignore
  it('is given the default class once there is one, of several the newest', async () => {
    const c = setUp();
    await c.create(aClaim('c', { storageClassName: undefined }));
    await c.quiet();
    const mark = { annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } };
    await c.create(aClass('old', {}, mark));
    await c.quiet();
    expect(c.claim('c').spec?.storageClassName).toBe('old');
    expect(c.told('c').at(-1)).toContain("Normal ExternalProvisioning Waiting for a volume to be created either by the external provisioner 'x.io/disks'");
    expect(c.claim('c').metadata.annotations).toEqual({
      'volume.beta.kubernetes.io/storage-provisioner': 'x.io/disks',
      'volume.kubernetes.io/storage-provisioner': 'x.io/disks',
    });
    await c.world.advance(5_000);
    await c.create(aClass('new', {}, mark), aClaim('d', { storageClassName: undefined }));
    await c.quiet();
    expect(c.claim('d').spec?.storageClassName).toBe('new');
  }); // prettier-ignore
  it('with no class of its own takes a volume without one even if there is a default', async () => {
    const c = setUp();
    await c.create(aClass('std', {}, { annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } }), aVolume('v'));
    await c.quiet();
    await c.create(aClaim('c', { storageClassName: undefined }));
    await c.quiet();
    expect(c.claim('c').spec).toMatchObject({ volumeName: 'v' });
  }); // prettier-ignore
  it('of a class that waits for the first pod says whom it waits for', async () => {
    const c = setUp();
    await c.create(aClass('late', { volumeBindingMode: 'WaitForFirstConsumer' }), aVolume('v', { storageClassName: 'late' }), aClaim('c', { storageClassName: 'late' }));
    await c.quiet();
    expect(c.told('c')).toEqual(['Normal WaitForFirstConsumer waiting for first consumer to be created before binding']);
    await c.create(pod('p', 'c'), pod('q', 'c'), pod('placed', 'c', { nodeName: 'n' }));
    await c.world.advance(15_000);
    expect(c.told('c').at(-1)).toBe('Normal WaitForPodScheduled waiting for pods p,q to be scheduled');
    const claim = c.claim('c');
    // As the scheduler does it.
    const volume = c.volume('v');
    await c.client.update(persistentVolumes, { ...volume, spec: { ...volume.spec, claimRef: { namespace: 'd', name: 'c', uid: claim.metadata.uid } } });
    await c.quiet();
    expect(c.claim('c').status?.phase).toBe('Bound');
  }); // prettier-ignore
  it('of such a class is handed to the provisioner once its node is chosen', async () => {
    const c = setUp();
    await c.create(aClass('late', { volumeBindingMode: 'WaitForFirstConsumer' }), aClaim('c', { storageClassName: 'late' }));
    await c.quiet();
    const claim = c.claim('c');
    await c.client.update(persistentVolumeClaims, { ...claim, metadata: { ...claim.metadata, annotations: { 'volume.kubernetes.io/selected-node': 'n' } } });
    await c.quiet();
    expect(c.claim('c').metadata.annotations).toMatchObject({ 'volume.kubernetes.io/storage-provisioner': 'x.io/disks' });
    expect(c.told('c').some((e) => e.includes('ExternalProvisioning'))).toBe(true);
  }); // prettier-ignore
  it.each([
    ['a class that is not there', 'none', 'storageclass.storage.k8s.io "none" not found'],
    ['volumes by hand', 'kubernetes.io/no-provisioner', 'no volume plugin matched name: kubernetes.io/no-provisioner'],
    ['a plugin that cannot', 'kubernetes.io/nfs', 'no provisionable volume plugin matched'],
    ['host paths', 'kubernetes.io/host-path', 'Failed to create provisioner: provisioning in volume plugin "kubernetes.io/host-path" is disabled'],
  ])('says why its class will not help: %s', async (_, provisioner, why) => {
    const c = setUp();
    if (provisioner !== 'none') await c.create(aClass('x', { provisioner }));
    await c.create(aClaim('c', { storageClassName: provisioner === 'none' ? 'none' : 'x' }));
    await c.quiet();
    expect(c.told('c')).toContain(`Warning ProvisioningFailed ${why}`);
  }); // prettier-ignore
  it('names the driver that replaced the plugin of its class', async () => {
    const c = setUp();
    await c.create(aClass('x', { provisioner: 'kubernetes.io/gce-pd' }), aClaim('c', { storageClassName: 'x' }));
    await c.quiet();
    expect(c.claim('c').metadata.annotations?.['volume.kubernetes.io/storage-provisioner']).toBe(
      'pd.csi.storage.gke.io',
    );
  });
});

describe('a claim that asks for one volume', () => {
  it.each<[string, object, string]>([
    ['too small', { capacity: { storage: '1Mi' } }, 'requested PV is too small'],
    ['of another class', { storageClassName: 'x' }, 'storageClassName does not match'],
    ['of other attributes', { volumeAttributesClassName: 'x' }, 'volumeAttributesClassName does not match'],
    ['of another mode', { volumeMode: 'Block' }, 'incompatible volumeMode'],
    ['with other access', { accessModes: ['ReadOnlyMany'] }, 'incompatible accessMode'],
  ])('is told that it is %s', async (_, spec, why) => {
    const c = setUp();
    await c.create(aVolume('v', spec), aClaim('c', { volumeName: 'v' }));
    await c.quiet();
    expect(c.told('c').at(-1)).toBe(`Warning VolumeMismatch Cannot bind to requested volume "v": ${why}`);
    expect(c.claim('c').status?.phase).toBe('Pending');
  });
  it('is told that another has it, and gets it when it is free again', async () => {
    const c = setUp();
    await c.create(aVolume('v'), aClaim('first'));
    await c.quiet();
    await c.create(aClaim('c', { volumeName: 'v' }));
    await c.quiet();
    expect(c.told('c')).toEqual(['Warning FailedBinding volume "v" already bound to a different claim.']);
    await c.client.delete(persistentVolumeClaims, 'first', 'd');
    await c.quiet();
    expect(c.volume('v').status?.phase).toBe('Released');
    const { claimRef: _, ...spec } = c.volume('v').spec!;
    await c.client.update(persistentVolumes, { ...c.volume('v'), spec });
    await c.quiet();
    expect(c.claim('c').status?.phase).toBe('Bound');
  });
});

describe('a bound claim', () => {
  it.each<[string, (c: ReturnType<typeof setUp>) => Promise<unknown>, string]>([
    ['whose volume is deleted', (c) => c.client.delete(persistentVolumes, 'v'), 'ClaimLost Bound claim has lost its PersistentVolume. Data on the volume is lost!'],
    ['whose volume is given to another', (c) => c.client.update(persistentVolumes, { ...c.volume('v'), spec: { ...c.volume('v').spec, claimRef: { namespace: 'd', name: 'c', uid: 'other' } } }), 'ClaimMisbound Two claims are bound to the same volume, this one is bound incorrectly'],
  ])('%s is lost', async (_, harm, why) => {
    const c = setUp();
    await c.create(aVolume('v'), aClaim('c'));
    await c.quiet();
    await harm(c);
    await c.quiet();
    expect(c.claim('c').status).toEqual({ phase: 'Lost' });
    expect(c.told('c').at(-1)).toBe(`Warning ${why}`);
  }); // prettier-ignore
  it('does not count as lost because the cache has not seen its volume', async () => {
    const c = setUp();
    await c.quiet();
    c.api.intercept = ({ verb, resource }) => {
      if (verb === 'watch' && resource === 'persistentvolumes') throw new ApiError('ServiceUnavailable', 'away');
    };
    c.api.closeWatches();
    await c.create(aVolume('v'));
    await c.create(aClaim('c', { volumeName: 'v' }, { annotations: COMPLETED }));
    await c.quiet();
    expect(c.claim('c').status?.phase).toBe('Bound');
  });
});

describe('a volume whose claim is gone', () => {
  it.each<[string, object, Record<string, string>, PersistentVolume['status'] | undefined, string[]]>([
    ['is kept', { persistentVolumeReclaimPolicy: 'Retain' }, {}, { phase: 'Released' }, []],
    ['is left to who made it', { persistentVolumeReclaimPolicy: 'Delete' }, { 'pv.kubernetes.io/provisioned-by': 'x.io/disks' }, { phase: 'Released' }, []],
    ['is left to its driver', { persistentVolumeReclaimPolicy: 'Delete', hostPath: undefined, csi: { driver: 'x.io', volumeHandle: 'h' } }, {}, { phase: 'Released' }, []],
    ['of this machine is deleted', { persistentVolumeReclaimPolicy: 'Delete', hostPath: { path: '/tmp/x' } }, {}, undefined, []],
    ['outside of /tmp cannot be deleted', { persistentVolumeReclaimPolicy: 'Delete', hostPath: { path: '/srv' } }, {},
      { phase: 'Failed', message: 'host_path deleter only supports /tmp/.+ but received provided /srv' },
      ['Warning VolumeFailedDelete host_path deleter only supports /tmp/.+ but received provided /srv']],
    ['that nobody deletes has failed', { persistentVolumeReclaimPolicy: 'Delete', hostPath: undefined, local: { path: '/x' } }, {},
      { phase: 'Failed', message: 'error getting deleter volume plugin for volume "v": no volume plugin matched' },
      ['Warning VolumeFailedDelete error getting deleter volume plugin for volume "v": no volume plugin matched']],
    ['that nobody recycles has failed', { persistentVolumeReclaimPolicy: 'Recycle', hostPath: undefined, local: { path: '/x' } }, {},
      { phase: 'Failed', message: 'No recycler plugin found for the volume!' },
      ['Warning VolumeFailedRecycle No recycler plugin found for the volume!']],
  ])('%s', async (_, spec, annotations, status, told) => {
    const c = setUp();
    await c.create(aVolume('v', spec, { annotations }), aClaim('c'));
    await c.quiet();
    await c.client.delete(persistentVolumeClaims, 'c', 'd');
    await c.quiet();
    expect(c.volume('v')?.status).toEqual(status);
    expect(c.told('v')).toEqual(told);
    const before = c.api.calls.length;
    await c.world.advance(60_000);
    expect(c.api.calls.length).toBe(before);
  }); // prettier-ignore
  it('is not released because of a claim that the cache has not seen', async () => {
    const c = setUp();
    await c.quiet();
    c.api.intercept = ({ verb, resource }) => {
      if (verb === 'watch' && resource === 'persistentvolumeclaims') throw new ApiError('ServiceUnavailable', 'away');
    };
    c.api.closeWatches();
    const claim = await c.client.create(persistentVolumeClaims, aClaim('c', { volumeName: 'v' }));
    await c.create(aVolume('v', { persistentVolumeReclaimPolicy: 'Delete', claimRef: { namespace: 'd', name: 'c', uid: claim.metadata.uid } }));
    await c.quiet();
    expect(c.volume('v').status?.phase).toBe('Bound');
  }); // prettier-ignore
  it('is emptied by a pod and free again', async () => {
    const c = setUp();
    await c.create(aVolume('v', { persistentVolumeReclaimPolicy: 'Recycle' }), aClaim('c'), pod('user', 'c', { nodeName: 'n' }));
    await c.quiet();
    await c.client.delete(persistentVolumeClaims, 'c', 'd');
    await c.quiet();
    expect(c.told('v')).toEqual(['Normal VolumeFailedRecycle Volume is used by pods: d/user']);
    await c.client.delete(pods, 'user', 'd', { gracePeriodSeconds: 0 });
    await c.world.advance(15_000);
    const recycler = c.api.object<Pod>(pods, 'default/recycler-for-v')!;
    expect(recycler.spec).toMatchObject({ activeDeadlineSeconds: 30, restartPolicy: 'Never', volumes: [{ hostPath: { path: '/tmp/v' } }] });
    await c.client.patch(pods, 'recycler-for-v', 'default', 'merge', { status: { phase: 'Succeeded' } }, { subresource: 'status' });
    await c.quiet();
    expect(c.api.object(pods, 'default/recycler-for-v')).toBeUndefined();
    expect(c.volume('v').status?.phase).toBe('Available');
    expect(c.volume('v').spec?.claimRef).toBeUndefined();
    expect(c.told('v').at(-1)).toBe('Normal VolumeRecycled Volume recycled');
  }); // prettier-ignore
  it('is emptied by no pod but its controller\'s, and tried again when that fails', async () => {
    const c = setUp();
    await c.create(pod('recycler-for-v', 'x'));
    await c.client.create(pods, { ...pod('recycler-for-v', 'x'), metadata: { name: 'recycler-for-v', namespace: 'default' } });
    await c.create(aVolume('v', { persistentVolumeReclaimPolicy: 'Recycle' }), aClaim('c'));
    await c.quiet();
    await c.client.delete(persistentVolumeClaims, 'c', 'd');
    await c.quiet();
    expect(c.volume('v').status?.message).toBe('Recycle failed: old recycler pod found, will retry later');
    expect(c.api.object<Pod>(pods, 'default/recycler-for-v')?.spec?.volumes?.[0]?.hostPath).toBeDefined();
    await c.client.patch(pods, 'recycler-for-v', 'default', 'merge', { status: { phase: 'Failed', message: 'no room' } }, { subresource: 'status' });
    await c.quiet();
    expect(c.volume('v').status?.phase).toBe('Failed');
    await c.world.advance(16_000);
    expect(c.api.object<Pod>(pods, 'default/recycler-for-v')).toBeDefined();
  }); // prettier-ignore
});

it('takes a claim back from a volume that lost the race for it', async () => {
  const c = setUp();
  await c.create(aVolume('v1'), aClaim('c'));
  await c.quiet();
  const { uid } = c.claim('c').metadata;
  await c.create(
    aVolume('wish', { claimRef: { namespace: 'd', name: 'c', uid } }),
    aVolume('ours', { claimRef: { namespace: 'd', name: 'c', uid } }, { annotations: CONTROLLER }),
    aVolume('made', { claimRef: { namespace: 'd', name: 'c', uid }, persistentVolumeReclaimPolicy: 'Delete' }, { annotations: { 'pv.kubernetes.io/provisioned-by': 'x.io' } }),
  ); // prettier-ignore
  await c.quiet();
  expect(c.volume('wish').spec?.claimRef).toEqual({ namespace: 'd', name: 'c' });
  expect(c.volume('ours').spec?.claimRef).toBeUndefined();
  expect(['wish', 'ours', 'made'].map((n) => c.volume(n).status?.phase)).toEqual([
    'Available',
    'Available',
    'Released',
  ]);
});
it('binds no volume to a claim of another mode, and says so to both', async () => {
  const c = setUp();
  const claim = await c.client.create(persistentVolumeClaims, aClaim('c'));
  await c.create(aVolume('v', { volumeMode: 'Block', claimRef: { namespace: 'd', name: 'c', uid: claim.metadata.uid } }));
  await c.quiet();
  expect(c.told('v')).toEqual(['Warning VolumeMismatch Cannot bind PersistentVolume to requested PersistentVolumeClaim "c" due to incompatible volumeMode.']);
  expect(c.told('c')).toContain('Warning VolumeMismatch Cannot bind PersistentVolume "v" to requested PersistentVolumeClaim due to incompatible volumeMode.');
}); // prettier-ignore

describe('many claims at once', () => {
  it('each get a volume of their own in as few writes as there can be', async () => {
    const c = setUp();
    const names = Array.from({ length: 60 }, (_, i) => String(i));
    await c.create(...names.slice(0, 30).map((n) => aVolume(`v${n}`)), ...names.map((n) => aClaim(`c${n}`)));
    await c.quiet();
    await c.create(...names.slice(30).map((n) => aVolume(`v${n}`)));
    await c.quiet();
    consistent(c);
    expect(names.map((n) => c.claim(`c${n}`).status?.phase)).toEqual(names.map(() => 'Bound'));
    const writes = c.api.calls.filter(({ caller, verb }) => caller.startsWith('controller:') && verb === 'update');
    // A volume becomes available, the two become each other's by four writes; a claim that has to wait says so first.
    expect(writes.filter(({ resource }) => resource !== 'persistentvolumeclaims/status').length).toBe(60 * 4);
    const wrote = (): number => c.api.calls.filter(({ verb, resource }) => verb !== 'watch' && resource !== 'events').length;
    const before = wrote();
    await c.world.advance(60_000);
    expect(wrote()).toBe(before);
  }); // prettier-ignore
  it.each([1, 2, 3, 4])('survive a bad day (seed %i)', async (seed) => {
    const c = setUp(seed);
    const turns = Array.from({ length: 12 }, (_, i) => async () => {
      await c.create(aClaim(`c${i}`), ...(i % 3 === 0 ? [] : [aVolume(`v${i}`)]));
      if (i % 4 === 3) await c.client.delete(persistentVolumeClaims, `c${i - 1}`, 'd');
      if (i % 6 === 5) await c.client.delete(persistentVolumes, `v${i - 1}`);
    });
    await badDay(c, [c.controller], turns);
    consistent(c);
    const free = c.list<PersistentVolume>(persistentVolumes).filter((v) => v.status?.phase === 'Available');
    const waiting = c.list<PersistentVolumeClaim>(persistentVolumeClaims).filter((p) => p.status?.phase === 'Pending');
    expect(Math.min(free.length, waiting.length)).toBe(0);
  });
});
it('leaves what stays the same alone: a second controller finds nothing to write', async () => {
  const c = setUp();
  await c.create(aVolume('v1'), aClaim('c1'), aVolume('v2'), aClass('late', { volumeBindingMode: 'WaitForFirstConsumer' }));
  await c.quiet();
  const revision = c.api.revision;
  c.controller.deactivate();
  c.controller.activate();
  await c.quiet();
  expect(c.api.revision).toBe(revision);
}); // prettier-ignore
