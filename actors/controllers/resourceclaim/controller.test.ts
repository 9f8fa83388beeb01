import { describe, expect, it } from 'vitest';
import type { Event, Pod } from '../../../schemas/generated/core-v1.ts';
import type { ResourceClaim, ResourceClaimTemplate } from '../../../schemas/generated/resource-v1.ts';
import { ApiError } from '../../../schemas/meta/status.ts';
import { createRegistry, type Registry } from '../../runtime/metrics/registry.ts';
import { events, pods, resourceClaims, resourceClaimTemplates } from '../../runtime/resources.ts';
import { testCluster, type TestCluster } from '../../runtime/testing/cluster.ts';
import { badDay } from '../../runtime/testing/faults.ts';
import { startResourceClaimController } from './actor.ts';
import { FINALIZER } from './reconcile-claim.ts';

async function setUp(seed = 1, metrics?: Registry) {
  const c = testCluster(seed);
  const controllers = c.start((deps) => startResourceClaimController({ ...deps, metrics }));
  const template = (name: string): Promise<unknown> => c.client.create<ResourceClaimTemplate>(resourceClaimTemplates, { apiVersion: 'resource.k8s.io/v1', kind: 'ResourceClaimTemplate', metadata: { name, namespace: 'd' }, spec: { spec: { devices: {} } } }); // prettier-ignore
  const add = (name: string, ...from: string[]): Promise<Pod> => c.client.create<Pod>(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'd' }, spec: { containers: [], resourceClaims: from.map((t) => ({ name: t, resourceClaimTemplateName: t })) } }); // prettier-ignore
  const claims = (): ResourceClaim[] => c.list<ResourceClaim>(resourceClaims);
  const statuses = (name: string): (string | undefined)[] =>
    (c.api.object<Pod>(pods, `d/${name}`)?.status?.resourceClaimStatuses ?? []).map((s) => s.resourceClaimName);
  /** As the scheduler does. */
  async function allocate(name: string, ...users: Pod[]): Promise<void> {
    await c.client.patch(resourceClaims, name, 'd', 'merge', { metadata: { finalizers: [FINALIZER] } });
    const reservedFor = users.map(({ metadata }) => ({ resource: 'pods', name: metadata.name!, uid: metadata.uid! }));
    await c.client.patch(resourceClaims, name, 'd', 'merge', { status: { allocation: { devices: {} }, reservedFor } }, { subresource: 'status' }); // prettier-ignore
  }
  const end = (name: string, phase: string): Promise<unknown> => c.client.patch(pods, name, 'd', 'merge', { status: { phase } }, { subresource: 'status' }); // prettier-ignore
  return { ...c, controllers, template, add, claims, statuses, allocate, end };
}
const asked = (c: TestCluster, verb: string): number => c.api.calls.filter((x) => x.caller === 'controller:resourceclaim' && x.verb === verb && x.resource !== 'events').length; // prettier-ignore

describe('claims made for a pod', () => {
  it('are made, told of, used, given back and deleted', async () => {
    const c = await setUp();
    await c.template('gpu');
    await c.template('nic');
    const p = await c.add('p', 'gpu', 'nic');
    await c.quiet();
    expect(c.claims().map(({ metadata }) => metadata.name)).toEqual(c.statuses('p').toSorted());
    expect(c.statuses('p')).toHaveLength(2);
    expect([asked(c, 'create'), asked(c, 'patch')]).toEqual([2, 1]);
    for (const name of c.statuses('p')) await c.allocate(name!, p);
    await c.quiet();
    expect(c.claims().map(({ status }) => status?.reservedFor?.length)).toEqual([1, 1]);
    await c.end('p', 'Succeeded');
    await c.quiet();
    expect(c.claims()).toEqual([]);
    const calls = c.api.calls.length;
    await c.world.advance(600_000);
    expect(c.api.calls.length - calls).toBe(0);
  });
  it('are made once a template is there; until then users hear of it, ever less often', async () => {
    const c = await setUp();
    await c.add('p', 'gpu');
    await c.world.advance(3_600_000);
    const [event] = c.list<Event>(events);
    expect(event).toMatchObject({ type: 'Warning', reason: 'FailedResourceClaimCreation', message: 'PodResourceClaim gpu: resource claim template "gpu": resourceclaimtemplate.resource.k8s.io "gpu" not found', source: { component: 'resource_claim' } }); // prettier-ignore
    expect(c.api.calls.length).toBeLessThan(60);
    await c.template('gpu');
    await c.quiet();
    expect(c.statuses('p')).toHaveLength(1);
  });
  it('that are refused are told of too', async () => {
    const c = await setUp();
    c.api.intercept = ({ verb, resource }) => {
      if (verb === 'create' && resource === 'resourceclaims') throw new ApiError('Forbidden', 'exceeded quota: q');
    };
    await c.template('gpu');
    await c.add('p', 'gpu');
    await c.quiet();
    expect(c.list<Event>(events)[0]!.message).toBe('PodResourceClaim gpu: create ResourceClaim : exceeded quota: q');
    c.api.intercept = undefined;
    await c.world.advance(10_000);
    expect(c.statuses('p')).toHaveLength(1);
  });
  it('are made anew when somebody deletes one of two, and then all is quiet', async () => {
    const c = await setUp();
    await c.template('gpu');
    await c.template('nic');
    await c.add('p', 'gpu', 'nic');
    await c.quiet();
    const before = c.statuses('p');
    await c.client.delete(resourceClaims, before[0]!, 'd');
    await c.quiet();
    expect([c.statuses('p').length, c.statuses('p').includes(before[1])]).toEqual([2, true]);
    const calls = c.api.calls.length;
    await c.world.advance(600_000);
    expect(c.api.calls.length - calls).toBe(0);
  });
  it('are not made twice where the status cannot be written', async () => {
    const c = await setUp();
    c.api.intercept = ({ verb, resource }) => {
      if (verb === 'patch' && resource === 'pods/status') throw new ApiError('ServiceUnavailable', 'not now');
    };
    await c.template('gpu');
    await c.add('p', 'gpu');
    await c.world.advance(5_000);
    for (const controller of c.controllers) controller.deactivate();
    for (const controller of c.controllers) controller.activate();
    c.api.intercept = undefined;
    await c.world.advance(20_000);
    expect([c.claims().length, c.statuses('p').length]).toEqual([1, 1]);
  });
});
describe('a claim that pods share', () => {
  it('goes from pod to pod, and its devices go back with the last', async () => {
    const c = await setUp();
    await c.client.create<ResourceClaim>(resourceClaims, { apiVersion: 'resource.k8s.io/v1', kind: 'ResourceClaim', metadata: { name: 'c', namespace: 'd' }, spec: { devices: {} } }); // prettier-ignore
    const use = (name: string): Promise<Pod> => c.client.create<Pod>(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'd' }, spec: { nodeName: 'n', containers: [], resourceClaims: [{ name: 'x', resourceClaimName: 'c' }] } }); // prettier-ignore
    await c.allocate('c', await use('p'));
    await use('q');
    await c.quiet();
    const users = (): string[] | undefined => c.claims()[0]!.status?.reservedFor?.map(({ name }) => name);
    expect(users()).toEqual(['p', 'q']);
    await c.client.delete(pods, 'p', 'd', { gracePeriodSeconds: 0 });
    await c.quiet();
    expect(users()).toEqual(['q']);
    expect(c.claims()[0]!.status?.allocation).toBeDefined();
    await c.end('q', 'Failed');
    await c.quiet();
    expect(c.claims()[0]!.status).toEqual({});
    expect(c.claims()[0]!.metadata.finalizers).toEqual([]);
    // That a pod is gone which it has seen go need not be asked.
    expect(asked(c, 'get')).toBe(0);
  });
  it('is kept for a pod that the cache does not know yet, and not for one that nobody knows', async () => {
    const c = await setUp();
    await c.client.create<ResourceClaim>(resourceClaims, { apiVersion: 'resource.k8s.io/v1', kind: 'ResourceClaim', metadata: { name: 'c', namespace: 'd' }, spec: { devices: {} } }); // prettier-ignore
    await c.quiet();
    let late: Pod | undefined;
    c.api.intercept = async ({ verb, resource }) => {
      if (verb !== 'get' || resource !== 'pods' || late) return;
      late = { metadata: {} } as Pod;
      late = await c.add('late');
      c.api.intercept = undefined;
    };
    await c.allocate('c', { metadata: { name: 'late', uid: 'unknown' } } as Pod);
    await c.quiet();
    expect(late).toBeDefined();
    // Another of that name.
    expect(c.claims()[0]!.status?.reservedFor).toBeUndefined();
  });
  it('that the scheduler made for extended resources goes with its pod', async () => {
    const c = await setUp();
    const p = await c.add('p');
    await c.client.create<ResourceClaim>(resourceClaims, { apiVersion: 'resource.k8s.io/v1', kind: 'ResourceClaim', metadata: { name: 'p-extended', namespace: 'd', ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'p', uid: p.metadata.uid!, controller: true }] }, spec: { devices: {} } }); // prettier-ignore
    await c.allocate('p-extended', p);
    await c.client.patch(pods, 'p', 'd', 'merge', { status: { extendedResourceClaimStatus: { resourceClaimName: 'p-extended', requestMappings: [] } } }, { subresource: 'status' }); // prettier-ignore
    await c.quiet();
    expect(c.claims()).toHaveLength(1);
    await c.end('p', 'Succeeded');
    await c.quiet();
    expect(c.claims()).toEqual([]);
  });
});
it('counts claims', async () => {
  const registry = createRegistry();
  const c = await setUp(1, registry);
  await c.template('gpu');
  c.api.intercept = ({ verb, resource }) => {
    if (verb !== 'create' || resource !== 'resourceclaims') return;
    c.api.intercept = undefined;
    throw new ApiError('Forbidden', 'exceeded quota: q');
  };
  await c.add('p', 'gpu');
  await c.world.advance(1_000);
  await c.client.create<ResourceClaim>(resourceClaims, { apiVersion: 'resource.k8s.io/v1', kind: 'ResourceClaim', metadata: { name: 'c', namespace: 'd' }, spec: { devices: { requests: [{ name: 'r', exactly: { deviceClassName: 'x', adminAccess: true } }] } } }); // prettier-ignore
  await c.quiet();
  const lines = registry
    .families()
    .flatMap((family) => family.lines.filter((line) => line.startsWith('resourceclaim')));
  expect(lines.map((line) => line.replace('resourceclaim_controller_', ''))).toEqual([
    'creates_total{admin_access="false",status="failure"} 1',
    'creates_total{admin_access="false",status="success"} 1',
    'resource_claims{admin_access="false",allocated="false",source="resource_claim_template"} 1',
    'resource_claims{admin_access="true",allocated="false",source=""} 1',
  ]);
});
it.each([1, 2, 3, 4])('comes to rest after a bad day with %i', async (seed) => {
  const c = await setUp(seed);
  const allocateAll = async (): Promise<void> => {
    for (const name of c.statuses('p')) {
      const p = c.api.object<Pod>(pods, 'd/p');
      if (name && p) await c.allocate(name, p).catch(() => undefined);
    }
  };
  await badDay(c, c.controllers, [
    () => c.add('p', 'gpu', 'nic'),
    () => c.template('gpu'),
    () => c.add('q', 'gpu'),
    () => c.template('nic'),
    allocateAll,
    () => c.client.delete(pods, 'q', 'd'),
    () => c.add('r', 'gpu', 'nic'),
    () => c.end('p', 'Failed'),
  ]);
  expect(c.statuses('r')).toHaveLength(2);
  const owned = c.claims().filter(({ metadata }) => metadata.ownerReferences?.[0]?.name === 'r');
  expect(owned.map(({ metadata }) => metadata.name)).toEqual(c.statuses('r').toSorted());
  expect(c.claims().filter(({ metadata }) => metadata.ownerReferences?.[0]?.name === 'p')).toEqual([]);
  const calls = c.api.calls.length;
  await c.world.advance(600_000);
  expect(c.api.calls.length - calls).toBe(0);
});
