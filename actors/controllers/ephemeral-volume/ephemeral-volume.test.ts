import { describe, expect, it } from 'vitest';
import type { Event, PersistentVolumeClaim, Pod } from '../../../schemas/generated/core-v1.ts';
import { ApiError } from '../../../schemas/meta/status.ts';
import { events, persistentVolumeClaims, pods } from '../../runtime/resources.ts';
import { testCluster } from '../../runtime/testing/cluster.ts';
import { startEphemeralVolumeController } from './actor.ts';
import { needs } from './reconcile.ts';

const template = {
  metadata: { labels: { a: 'b' }, annotations: { c: 'd' } },
  spec: { accessModes: ['ReadWriteOnce' as const] },
};
const pod = (metadata: object = {}): Pod =>
  ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'd', ...metadata }, spec: { containers: [], volumes: [
    { name: 'e', ephemeral: { volumeClaimTemplate: template } }, { name: 'c', persistentVolumeClaim: { claimName: 'other' } }, { name: 'x', emptyDir: {} },
  ] } }); // prettier-ignore
function setUp() {
  const c = testCluster();
  c.start(startEphemeralVolumeController);
  const claim = (): PersistentVolumeClaim | undefined => c.api.object(persistentVolumeClaims, 'd/p-e');
  const told = (): string[] => c.list<Event>(events).map((e) => `${e.count} ${e.type} ${e.reason} ${e.message}`);
  return { ...c, claim, told };
}

describe('the claim of an ephemeral volume', () => {
  it('is made by its template, belongs to the pod, and is made once', async () => {
    const c = setUp();
    const { metadata } = await c.client.create(pods, pod());
    await c.quiet();
    expect(c.claim()).toMatchObject({
      metadata: { ...template.metadata, ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'p', uid: metadata.uid, controller: true, blockOwnerDeletion: true }] },
      spec: template.spec,
    });
    expect(c.list(persistentVolumeClaims)).toHaveLength(1);
    expect([...needs(c.api.object<Pod>(pods, 'd/p')!, () => c.claim())]).toEqual([]);
  }); // prettier-ignore
  it('is made again when somebody deletes it, but not for a pod that goes', async () => {
    const c = setUp();
    await c.client.create(pods, pod({ finalizers: ['x/y'] }));
    await c.quiet();
    await c.client.delete(persistentVolumeClaims, 'p-e', 'd');
    await c.quiet();
    expect(c.claim()).toBeDefined();
    await c.client.delete(pods, 'p', 'd');
    await c.client.delete(persistentVolumeClaims, 'p-e', 'd');
    await c.quiet();
    expect(c.claim()).toBeUndefined();
  });
  it('is not somebody else\'s of that name: the pod is told, ever less often, until that one is gone', async () => {
    const c = setUp();
    await c.client.create(persistentVolumeClaims, { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'p-e', namespace: 'd' } });
    await c.client.create(pods, pod());
    await c.world.advance(60_000);
    expect(c.told()).toHaveLength(1);
    expect(c.told()[0]).toMatch(/ Warning FailedBinding ephemeral volume e: PVC d\/p-e was not created for pod d\/p \(pod is not owner\)$/);
    const writes = c.api.calls.filter(({ verb }) => verb === 'patch' || verb === 'create').length;
    expect(writes).toBeLessThan(25);
    await c.client.delete(persistentVolumeClaims, 'p-e', 'd');
    await c.quiet();
    expect(c.claim()?.metadata.ownerReferences).toHaveLength(1);
  }); // prettier-ignore
  it('says why it cannot be made', async () => {
    const c = setUp();
    c.api.intercept = ({ caller, verb, resource }) => {
      if (caller.startsWith('controller:') && verb === 'create' && resource === 'persistentvolumeclaims') throw new ApiError('Forbidden', 'exceeded quota');
    };
    await c.client.create(pods, pod());
    await c.quiet();
    expect(c.told()[0]).toContain('Warning FailedBinding ephemeral volume e: create PVC p-e: exceeded quota');
    c.api.intercept = undefined;
    await c.world.advance(60_000);
    expect(c.claim()).toBeDefined();
  }); // prettier-ignore
});
