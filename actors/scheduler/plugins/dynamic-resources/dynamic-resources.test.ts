import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Pod, PodSpec } from '../../../../schemas/generated/core-v1.ts';
import type { Event } from '../../../../schemas/generated/events-v1.ts';
import type { ResourceClaim } from '../../../../schemas/generated/resource-v1.ts';
import { ApiError } from '../../../../schemas/meta/status.ts';
import type { ApiClient } from '../../../runtime/api-client.ts';
import type { Component } from '../../../runtime/component.ts';
import { deviceClasses, newEvents, nodes, pods, resourceClaims, resourceSlices } from '../../../runtime/resources.ts';
import { fakeApi, type FakeApi } from '../../../runtime/testing/fake-api.ts';
import { testWorld, type TestWorld } from '../../../runtime/testing/world.ts';
import { startScheduler } from '../../actor.ts';
import { noBus } from '../../testing/no-bus.ts';
import { aNode, aPod } from '../../testing/objects.ts';
import { aClaim, aClass, aSlice, DRIVER, one } from './testing/objects.ts';

let world: TestWorld;
let api: FakeApi;
let client: ApiClient;
let scheduler: Component | undefined;

async function setUp(): Promise<void> {
  world = testWorld();
  api = fakeApi(world);
  client = api.client();
  await client.create(nodes, aNode('n'));
}
async function start(): Promise<void> {
  scheduler = startScheduler({ world, bus: noBus, id: '1', client: api.client('scheduler') });
  await scheduler.ready;
}
/** The first pod that asks has the code loaded, which takes its time whatever the clock of the test says. */
async function ask(...all: readonly Pod[]): Promise<void> {
  await Promise.all(all.map((pod) => client.create(pods, pod)));
  await vi.waitUntil(() => seen('resourceslices') > 0, { timeout: 20_000, interval: 5 });
}
afterEach(async () => {
  const stopping = scheduler?.stop();
  await world.settle();
  await stopping;
  scheduler = undefined;
});
const using = (name: string, ...claims: string[]): Pod =>
  aPod(name, { spec: { resourceClaims: claims.map((c) => ({ name: c, resourceClaimName: c })) } });
const devices = (...names: string[]) => client.create(resourceSlices, aSlice('s', names));
const demand = async (...names: string[]): Promise<void> => {
  for (const name of names) await client.create(resourceClaims, aClaim(name, { requests: [one()] }));
};
const nodeOf = (name: string): string | undefined => api.object<Pod>(pods, `default/${name}`)?.spec?.nodeName;
const claimOf = (name: string): ResourceClaim | undefined =>
  api.object<ResourceClaim>(resourceClaims, `default/${name}`);
const deviceOf = (name: string): string | undefined => claimOf(name)?.status?.allocation?.devices?.results?.[0]?.device;
const consumersOf = (name: string): string[] => (claimOf(name)?.status?.reservedFor ?? []).map((c) => c.name).sort();
const conditionOf = (name: string): string | undefined =>
  api.object<Pod>(pods, `default/${name}`)?.status?.conditions?.find(({ type }) => type === 'PodScheduled')?.message;
const seen = (resource: string): number => api.calls.filter((call) => call.resource === resource).length;
/** As the controller for claims does. */
async function takeBack(name: string): Promise<void> {
  const { status: _, ...claim } = claimOf(name)!;
  await client.update(resourceClaims, { ...claim, status: {} }, { subresource: 'status' });
}
const NOTHING_LEFT = /^0\/1 nodes are available: 1 cannot allocate all claims\. still not schedulable, preemption: /;

describe('pods that ask for devices', () => {
  it('nothing is watched before there is one', async () => {
    await setUp();
    await start();
    await client.create(pods, aPod('plain'));
    await world.until(() => nodeOf('plain') === 'n');
    expect([seen('resourceclaims'), seen('resourceslices'), seen('deviceclasses')]).toEqual([0, 0, 0]);
  });
  it('wait for their claims unseen, and for all else with a reason, until it comes', async () => {
    await setUp();
    await start();
    await ask(using('p', 'c'));
    await world.advance(20_000);
    expect([nodeOf('p'), conditionOf('p')]).toEqual([undefined, undefined]);
    await demand('c');
    await world.until(() => conditionOf('p') !== undefined);
    expect(conditionOf('p')).toBe('0/1 nodes are available: request r: device class gpu does not exist. no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.'); // prettier-ignore
    await client.create(deviceClasses, aClass('gpu'));
    await world.until(() => NOTHING_LEFT.test(conditionOf('p') ?? ''), 15_000);
    await devices('d');
    await world.until(() => nodeOf('p') === 'n', 15_000);
    expect(claimOf('c')).toMatchObject({
      metadata: { finalizers: ['resource.kubernetes.io/delete-protection'] },
      status: {
        allocation: {
          allocationTimestamp: expect.any(String) as string,
          devices: { results: [{ request: 'r', driver: DRIVER, pool: 's', device: 'd' }] },
        },
        reservedFor: [{ resource: 'pods', name: 'p' }],
      },
    });
  });
  it('two want one device: one gets it, and the other when it is given back', async () => {
    await setUp();
    await client.create(deviceClasses, aClass('gpu'));
    await devices('d');
    await demand('a', 'b');
    await start();
    await ask(using('pa', 'a'), using('pb', 'b'));
    await world.until(() => nodeOf('pa') !== nodeOf('pb') && (conditionOf('pa') ?? conditionOf('pb')) !== undefined, 5_000);
    const [winner, loser] = nodeOf('pa') ? (['a', 'b'] as const) : (['b', 'a'] as const);
    expect([deviceOf(winner), deviceOf(loser)]).toEqual(['d', undefined]);
    expect(conditionOf(`p${loser}`)).toMatch(NOTHING_LEFT);
    await client.delete(pods, `p${winner}`, 'default', { gracePeriodSeconds: 0 });
    await takeBack(winner);
    await world.until(() => nodeOf(`p${loser}`) === 'n', 15_000);
    expect([deviceOf('a'), deviceOf('b')].filter(Boolean)).toEqual(['d']);
  }); // prettier-ignore
  it('hundreds at once get each their own', async () => {
    await setUp();
    await client.create(deviceClasses, aClass('gpu'));
    await devices(...Array.from({ length: 64 }, (_, i) => `d${i}`));
    const all = Array.from({ length: 80 }, (_, i) => `c${i}`);
    await demand(...all);
    await start();
    await ask(...all.map((name) => using(`p-${name}`, name)));
    await world.until(() => all.every((name) => nodeOf(`p-${name}`) ?? conditionOf(`p-${name}`)), 30_000);
    const given = all.map(deviceOf).filter((name) => name !== undefined);
    expect([given.length, new Set(given).size]).toEqual([64, 64]);
    expect(all.every((name) => (nodeOf(`p-${name}`) === undefined) === (deviceOf(name) === undefined))).toBe(true);
  });
  it('share a claim, each with a reservation of its own', async () => {
    await setUp();
    await client.create(deviceClasses, aClass('gpu'));
    await devices('d');
    await demand('c');
    await start();
    await ask(using('p', 'c'), using('q', 'c'), using('r', 'c'));
    await world.until(() => ['p', 'q', 'r'].every((name) => nodeOf(name) === 'n'), 15_000);
    expect(consumersOf('c')).toEqual(['p', 'q', 'r']);
  });
  it('go on from what has changed when a claim cannot be written', async () => {
    await setUp();
    await client.create(deviceClasses, aClass('gpu'));
    await devices('d');
    await demand('c');
    await start();
    let meddled = 0;
    api.intercept = (call) => {
      if (call.caller === 'scheduler' && call.resource === 'resourceclaims/status' && meddled++ < 2)
        throw new ApiError('Conflict', 'changed');
    };
    await ask(using('p', 'c'));
    await world.until(() => nodeOf('p') === 'n', 5_000);
    expect([meddled, consumersOf('c')]).toEqual([3, ['p']]);
  });
  it('give back their reservation when they cannot be bound, and come again', async () => {
    await setUp();
    await client.create(deviceClasses, aClass('gpu'));
    await devices('d');
    await demand('c');
    await start();
    let failures = 1;
    api.intercept = (call) => {
      if (call.resource === 'pods/binding' && failures-- > 0) throw new ApiError('InternalError', 'a webhook failed');
    };
    await ask(using('p', 'c'));
    await world.until(() => claimOf('c')?.status?.allocation !== undefined && consumersOf('c').length === 0, 500);
    await world.until(() => nodeOf('p') === 'n', 10_000);
    expect(consumersOf('c')).toEqual(['p']);
  });
  it('say what was wrong with a write, and leave the device to others', async () => {
    await setUp();
    await client.create(deviceClasses, aClass('gpu'));
    await devices('d');
    await demand('c', 'e');
    await start();
    api.intercept = (call) => {
      if (call.caller === 'scheduler' && call.resource === 'resourceclaims/status' && call.name === 'c')
        throw new ApiError('Forbidden', 'no');
    };
    await ask(using('p', 'c'));
    await world.until(() => conditionOf('p') !== undefined);
    expect(conditionOf('p')).toBe('running PreBind plugin "DynamicResources": add allocation and reservation to claim default/c: no'); // prettier-ignore
    await ask(using('q', 'e'));
    await world.until(() => nodeOf('q') === 'n', 5_000);
  });
  it('wait until their devices are ready, and try others where they fail', async () => {
    await setUp();
    await client.create(deviceClasses, aClass('gpu'));
    const waits = { bindingConditions: ['attached'], bindingFailureConditions: ['broken'] };
    await client.create(
      resourceSlices,
      aSlice('s', [
        { name: 'a', ...waits },
        { name: 'b', ...waits },
      ]),
    );
    await demand('c');
    await start();
    await ask(using('p', 'c'));
    await world.until(() => deviceOf('c') === 'a');
    await world.until(() => api.objects<Event>(newEvents).some(({ reason }) => reason === 'BindingConditionsPending'));
    expect(nodeOf('p')).toBeUndefined();
    const tell = async (device: string, type: string): Promise<void> => {
      const claim = claimOf('c')!;
      const condition = { type, status: 'True' as const, reason: 'R', message: 'm', lastTransitionTime: '2026-01-01T00:00:00Z' }; // prettier-ignore
      const status = { ...claim.status, devices: [{ driver: DRIVER, pool: 's', device, conditions: [condition] }] };
      await client.update(resourceClaims, { ...claim, status }, { subresource: 'status' });
    };
    // Nobody else can have it meanwhile, so that the other is what is left.
    await tell('a', 'broken');
    await world.until(() => api.objects<Event>(newEvents).some(({ note }) => note === 'running PreBind plugin "DynamicResources": device binding failed: claim=c, reason=R, message="m"'), 5_000); // prettier-ignore
    await client.update(resourceSlices, {
      ...api.object<ReturnType<typeof aSlice>>(resourceSlices, 's')!,
      spec: aSlice('s', [{ name: 'b', ...waits }]).spec,
    });
    await world.until(() => deviceOf('c') === 'b', 30_000);
    await tell('b', 'attached');
    await world.until(() => nodeOf('p') === 'n', 15_000);
  });
  it('take devices for resources that their node does not have', async () => {
    await setUp();
    await client.create(deviceClasses, aClass('gpu', { extendedResourceName: 'example.com/gpu' }));
    await devices('d', 'e');
    await start();
    const spec: Partial<PodSpec> = { initContainers: [{ name: 'i', image: 'x', resources: { requests: { 'example.com/gpu': '2' } } }] }; // prettier-ignore
    await ask(aPod('p', { requests: { 'example.com/gpu': '1' }, spec }));
    await world.until(() => nodeOf('p') === 'n', 15_000);
    const { metadata, status } = api.objects<ResourceClaim>(resourceClaims)[0]!;
    expect(metadata).toMatchObject({
      name: expect.stringMatching(/^p-extended-resources-/) as string,
      annotations: { 'resource.kubernetes.io/extended-resource-claim': 'true' },
      ownerReferences: [{ kind: 'Pod', name: 'p', controller: true }],
    });
    expect(status?.allocation?.devices?.results?.map(({ request, device }) => `${request}=${device}`)).toEqual(['container-0-request-0=d', 'container-1-request-0=e']); // prettier-ignore
    expect(api.object<Pod>(pods, 'default/p')?.status?.extendedResourceClaimStatus).toEqual({
      resourceClaimName: metadata.name,
      requestMappings: [
        { containerName: 'main', resourceName: 'example.com/gpu', requestName: 'container-1-request-0' },
        { containerName: 'i', resourceName: 'example.com/gpu', requestName: 'container-1-request-0' },
        { containerName: 'i', resourceName: 'example.com/gpu', requestName: 'container-0-request-0' },
      ],
    });
  });
});
