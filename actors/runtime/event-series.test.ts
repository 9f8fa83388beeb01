import { describe, expect, it } from 'vitest';
import type { Event } from '../../schemas/generated/events-v1.ts';
import type { KubeObject } from '../../schemas/meta/object.ts';
import { ApiError } from '../../schemas/meta/status.ts';
import { createSeriesRecorder, type News } from './event-series.ts';
import { newEvents } from './resources.ts';
import { fakeApi } from './testing/fake-api.ts';
import { testWorld } from './testing/world.ts';

const pod = (resourceVersion: string): KubeObject => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'd', uid: 'u', resourceVersion } }); // prettier-ignore
function setUp() {
  const world = testWorld();
  const api = fakeApi(world);
  const recorder = createSeriesRecorder({ client: api.client(), world, controller: 'default-scheduler', instance: 'default-scheduler-1' }); // prettier-ignore
  const tell = (more: Partial<News> = {}): void =>
    recorder.event({ regarding: pod('5'), type: 'Warning', reason: 'FailedScheduling', action: 'Scheduling', note: 'no', ...more }); // prettier-ignore
  return { world, api, recorder, tell, list: () => api.objects<Event>(newEvents) };
}

describe('series of events', () => {
  it('begin with one event', async () => {
    const { recorder, tell, list } = setUp();
    tell({ related: pod('7') });
    await recorder.flush();
    expect(list()).toMatchObject([
      {
        eventTime: '2026-01-01T00:00:00.000000Z', type: 'Warning', reason: 'FailedScheduling', action: 'Scheduling', note: 'no',
        reportingController: 'default-scheduler', reportingInstance: 'default-scheduler-1',
        regarding: { kind: 'Pod', name: 'p', resourceVersion: '5' }, related: { kind: 'Pod', name: 'p', resourceVersion: '7' },
      },
    ]); // prettier-ignore
    expect(list()[0]).not.toHaveProperty('series');
  });
  it.each([
    ['another note', { note: 'other' }, 1],
    ['another revision', { regarding: pod('6') }, 2],
    ['another reason', { reason: 'Other' }, 2],
    ['another action', { action: 'Other' }, 2],
    ['another type', { type: 'Normal' }, 2],
    ['something related', { related: pod('9') }, 2],
  ] as const)('are one with %s or not: %#', async (_, more, count) => {
    const { recorder, tell, list } = setUp();
    tell();
    tell(more);
    await recorder.flush();
    expect(list()).toHaveLength(count);
  });
  it('are told of when they begin, and when they have been over for six minutes', async () => {
    const { world, api, recorder, tell, list } = setUp();
    for (let i = 0; i < 10; i++) {
      tell();
      await world.advance(1_000);
    }
    await recorder.flush();
    expect(api.calls).toHaveLength(2);
    expect(list()[0]!.series).toEqual({ count: 2, lastObservedTime: '2026-01-01T00:00:01.000000Z' });
    await world.advance(12 * 60_000);
    expect(list()[0]!.series).toEqual({ count: 10, lastObservedTime: '2026-01-01T00:00:09.000000Z' });
    expect(api.calls).toHaveLength(3);
    expect(world.timers).toBe(0);
    tell();
    await recorder.flush();
    expect(list()).toHaveLength(2);
    recorder.stop();
  });
  it('that go on are told of every half an hour', async () => {
    const { world, api, recorder, tell } = setUp();
    for (let minute = 0; minute < 61; minute++) {
      tell();
      await world.advance(60_000);
    }
    expect(api.calls.map(({ verb }) => verb)).toEqual(['create', 'patch', 'patch', 'patch']);
    recorder.stop();
  });
  it('are written anew when the store has forgotten them', async () => {
    const { api, recorder, tell, list } = setUp();
    tell();
    await recorder.flush();
    await api.client().delete(newEvents, list()[0]!.metadata.name!, 'd');
    tell();
    await recorder.flush();
    expect(list()).toMatchObject([{ series: { count: 2 } }]);
  });
  it('are given up when they are refused', async () => {
    const { world, api, recorder, tell } = setUp();
    api.intercept = () => {
      throw new ApiError('Forbidden', 'terminating');
    };
    tell();
    await world.advance(60_000);
    expect(api.calls).toHaveLength(1);
    recorder.stop();
  });
});
