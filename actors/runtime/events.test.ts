import { describe, expect, it } from 'vitest';
import type { Event } from '../../schemas/generated/core-v1.ts';
import type { KubeObject } from '../../schemas/meta/object.ts';
import { ApiError } from '../../schemas/meta/status.ts';
import { createEventRecorder } from './events.ts';
import { events } from './resources.ts';
import { fakeApi } from './testing/fake-api.ts';
import { testWorld } from './testing/world.ts';

const pod: KubeObject = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'd', uid: 'u', resourceVersion: '5' } }; // prettier-ignore
function setUp() {
  const world = testWorld();
  const api = fakeApi(world);
  const recorder = createEventRecorder({ client: api.client(), world, component: 'kubelet', host: 'n1' });
  return { world, api, recorder, list: () => api.objects<Event>(events) };
}

describe('event recorder', () => {
  it('writes what kubectl describe shows', async () => {
    const { recorder, list } = setUp();
    recorder.event(pod, 'Normal', 'Started', 'Started container c');
    await recorder.flush();
    expect(list()).toMatchObject([
      {
        metadata: { namespace: 'd' }, type: 'Normal', reason: 'Started', message: 'Started container c', count: 1,
        involvedObject: { kind: 'Pod', name: 'p', namespace: 'd', uid: 'u', resourceVersion: '5' },
        source: { component: 'kubelet', host: 'n1' }, reportingComponent: 'kubelet', firstTimestamp: '2026-01-01T00:00:00Z',
      },
    ]); // prettier-ignore
    expect(list()[0]!.metadata.name).toMatch(/^p\.[0-9a-f]{16}$/);
  });
  it('counts the same again instead of writing it anew', async () => {
    const { world, recorder, list } = setUp();
    for (let i = 0; i < 5; i++) {
      recorder.event(pod, 'Warning', 'BackOff', 'Back-off restarting');
      await world.advance(1_000);
    }
    await recorder.flush();
    expect(list()).toHaveLength(1);
    expect(list()[0]).toMatchObject({ count: 5, firstTimestamp: '2026-01-01T00:00:00Z', lastTimestamp: '2026-01-01T00:00:04Z' }); // prettier-ignore
  });
  it('combines what differs only in its message from the tenth on, and at last is silent', async () => {
    const { world, api, recorder, list } = setUp();
    for (let i = 0; i < 100; i++) recorder.event(pod, 'Normal', 'SuccessfulCreate', `Created pod: ${i}`);
    await recorder.flush();
    expect(list()).toHaveLength(10);
    const combined = list().find((e) => e.message!.startsWith('(combined from similar events): '));
    expect(combined!.count).toBeGreaterThan(10);
    expect(combined).toMatchObject({ source: { component: 'kubelet', host: 'n1' } });
    expect(combined).not.toHaveProperty('reportingInstance', 'n1');
    expect(api.calls).toHaveLength(25);
    await world.advance(300_000);
    recorder.event(pod, 'Normal', 'SuccessfulCreate', 'one more');
    await recorder.flush();
    expect(api.calls).toHaveLength(26);
  });
  it('lets warnings through where the normal has been silenced', async () => {
    const { world, api, recorder } = setUp();
    for (let i = 0; i < 30; i++) recorder.event(pod, 'Normal', `R${i}`, 'm');
    await recorder.flush();
    expect(api.calls).toHaveLength(25);
    recorder.event(pod, 'Warning', 'BackOff', 'm');
    await world.advance(1_000);
    expect(api.calls).toHaveLength(26);
  });
  it('lets the work go first, for two seconds at most', async () => {
    const world = testWorld();
    const api = fakeApi(world);
    let busy = true;
    const recorder = createEventRecorder({ client: api.client(), world, component: 'kubelet', isBusy: () => busy });
    recorder.event(pod, 'Normal', 'First', 'm');
    await world.advance(1_900);
    recorder.event(pod, 'Normal', 'Second', 'm');
    expect(api.calls).toHaveLength(0);
    await world.advance(200);
    expect(api.calls).toHaveLength(1);
    busy = false;
    await world.advance(100);
    expect(api.calls).toHaveLength(2);
    busy = true;
    recorder.event(pod, 'Normal', 'Third', 'm');
    recorder.stop();
    await world.advance(5_000);
    expect(api.calls).toHaveLength(2);
  });
  it('names events after what they are of, unless that is no name for an event, and cuts nothing', async () => {
    const { recorder, list } = setUp();
    recorder.event({ ...pod, metadata: { ...pod.metadata, name: 'system:node' } }, 'Normal', 'R', 'm'.repeat(2_000));
    await recorder.flush();
    expect(list()[0]!.metadata.name).toMatch(/^[0-9a-f-]{36}$/);
    expect(list()[0]!.message).toHaveLength(2_000);
  });
  it('combines what is told of two containers of a pod', async () => {
    const { recorder, list } = setUp();
    const { metadata, ...type } = pod;
    const of = (name: string) => ({ ...type, name: metadata.name, namespace: 'd', uid: 'u', fieldPath: `spec.containers{${name}}` }); // prettier-ignore
    for (let i = 0; i < 12; i++) recorder.event(of(i % 2 ? 'a' : 'b'), 'Warning', 'Failed', `m${i}`);
    await recorder.flush();
    expect(list()).toHaveLength(10);
  });
  it('writes anew what the store has forgotten', async () => {
    const { api, recorder, list } = setUp();
    recorder.event(pod, 'Normal', 'R', 'm');
    await recorder.flush();
    await api.client().delete(events, list()[0]!.metadata.name!, 'd');
    recorder.event(pod, 'Normal', 'R', 'm');
    await recorder.flush();
    expect(list()).toMatchObject([{ count: 2 }]);
  });
  it('tries again while nobody answers, and gives up what is refused', async () => {
    const { world, api, recorder, list } = setUp();
    api.intercept = () => {
      throw new ApiError('ServiceUnavailable', 'no responders');
    };
    recorder.event(pod, 'Normal', 'R', 'm');
    await world.advance(15_000);
    expect(api.calls.length).toBeGreaterThan(1);
    api.intercept = undefined;
    await world.advance(15_000);
    expect(list()).toHaveLength(1);
    api.intercept = () => {
      throw new ApiError('Forbidden', 'terminating');
    };
    const before = api.calls.length;
    recorder.event(pod, 'Normal', 'R2', 'm');
    await world.advance(60_000);
    expect(api.calls.length).toBe(before + 1);
    await recorder.flush();
  });
  it('writes a burst at once and the rest at its pace, no more than a thousand that wait', async () => {
    const { world, api, recorder } = setUp();
    for (let i = 0; i < 5_000; i++)
      recorder.event({ ...pod, metadata: { ...pod.metadata, name: `p${i}`, uid: `u${i}` } }, 'Normal', 'R', 'm');
    await world.settle();
    expect(api.calls).toHaveLength(25);
    await world.advance(1_000);
    expect(api.calls).toHaveLength(50);
    await world.advance(120_000);
    expect(api.calls.length).toBeLessThanOrEqual(1_001);
  });
});
