import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FAULTS, scheduleOf, STORE_LEADER, type ScheduleOptions } from './schedule.ts';

const servers = ['nats-server-1', 'nats-server-2', 'nats-server-3'];
const components = ['etcd-1', 'etcd-2', 'apiserver-1', 'apiserver-2'];
const options = (more: Partial<ScheduleOptions>): ScheduleOptions => ({
  seed: 1, seconds: 60, kinds: FAULTS, servers, components, ...more,
}); // prettier-ignore

describe('a schedule of faults', () => {
  it('is the same for the same seed, and another for another', () => {
    expect(scheduleOf(options({ seed: 7 }))).toEqual(scheduleOf(options({ seed: 7 })));
    expect(scheduleOf(options({ seed: 8 }))).not.toEqual(scheduleOf(options({ seed: 7 })));
  });
  it('has one fault after the other, each of a kind that was asked for, of somebody who is there, over in time', () =>
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 300 }), fc.subarray([...FAULTS]), (seed, seconds, kinds) => {
        let free = 0;
        for (const { kind, target, at, forMs, delayMs } of scheduleOf(options({ seed, seconds, kinds }))) {
          expect(kinds).toContain(kind);
          expect(at).toBeGreaterThan(free);
          free = at + forMs;
          expect(free).toBeLessThanOrEqual(seconds * 1_000);
          expect(delayMs === undefined).toBe(kind !== 'slow');
          for (const name of target.split('+')) expect([...servers, ...components, STORE_LEADER]).toContain(name);
          expect(target.split('+').length).toBe(kind === 'quorum' ? 2 : 1);
        }
      }),
    ));
  it('gives every kind its turn', () =>
    expect(new Set(scheduleOf(options({ seconds: 120 })).map(({ kind }) => kind))).toEqual(new Set(FAULTS)));
  it('takes no quorum from one server', () =>
    expect(scheduleOf(options({ kinds: ['quorum'], servers: ['nats-server'] }))).toEqual([]));
});
