import { beforeEach, describe, expect, it } from 'vitest';
import { SchedulingQueue, type Entry } from './queue.ts';
import { podInfo } from './snapshot/pod-info.ts';
import { aPod } from './testing/objects.ts';

let now = 0;
let queue: SchedulingQueue;
const put = (name: string, priority = 0, gated = false): void =>
  queue.put(podInfo(aPod(name, { uid: name, spec: { priority, ...(gated && { schedulingGates: [{ name: 'g' }] }) } })));
const pop = (): string | undefined => queue.pop()?.pod.name;
const take = (): Entry => queue.pop()!;
const released = { type: 'pod.released', pod: podInfo(aPod('gone')) } as const;
beforeEach(() => {
  now = 1_000_000;
  queue = new SchedulingQueue({ now: () => now, hint: (plugin) => plugin === 'Helped' });
});

describe('a scheduling queue', () => {
  it('gives by priority, then by age', () => {
    put('old');
    now += 10;
    put('young');
    put('urgent', 5);
    expect([pop(), pop(), pop(), pop()]).toEqual(['urgent', 'old', 'young', undefined]);
  });
  it('keeps what no node would take until something happens that its plugin thinks could help', () => {
    put('p');
    put('q');
    queue.refused(take(), new Set(['Helped']));
    queue.refused(take(), new Set(['Unmoved']));
    expect(pop()).toBeUndefined();
    now += 20_000;
    expect(pop()).toBeUndefined();
    queue.onEvent(released);
    expect([pop(), pop()]).toEqual(['p', undefined]);
    expect(queue.counts()).toEqual({ scheduling: 1, unschedulable: 1 });
  });
  it('gives what nothing helped after five minutes all the same', () => {
    put('p');
    queue.refused(take(), new Set(['Unmoved']));
    expect(queue.flush()).toBe(now + 300_000);
    now += 300_000;
    expect(pop()).toBe('p');
  });
  it('backs off from errors for 1, 2, 4, 8, 10, 10 s', () => {
    put('p');
    for (const seconds of [1, 2, 4, 8, 10, 10]) {
      queue.failed(take());
      expect(queue.flush()).toBe(now + seconds * 1_000);
      now += seconds * 1_000 - 1;
      expect(pop()).toBeUndefined();
      now += 1;
    }
    expect(pop()).toBe('p');
  });
  it('takes the more important first of those that are due in one second, whoever has failed', () => {
    for (const name of ['failed', 'first', 'second']) put(name, name === 'second' ? 5 : name === 'failed' ? 9 : 0);
    queue.failed(take());
    const second = take();
    queue.refused(second, new Set(['Helped']));
    now += 10;
    queue.refused(take(), new Set(['Helped']));
    queue.onEvent(released);
    // The one that failed would be due first; only those refused are taken before their time.
    expect([pop(), pop(), pop()]).toEqual(['second', 'first', undefined]);
    now += 990;
    expect(pop()).toBe('failed');
  });
  it('backs off as it is told', () => {
    queue = new SchedulingQueue({ now: () => now, hint: () => true, initialBackoffMs: 3_000, maxBackoffMs: 4_000 });
    put('p');
    for (const seconds of [3, 4, 4]) {
      queue.failed(take());
      expect(queue.flush()).toBe(now + seconds * 1_000);
      now += seconds * 1_000;
    }
  });
  it('takes pods that were refused early when it has nothing else, active ones first', () => {
    put('p');
    queue.refused(take(), new Set(['Helped']));
    queue.onEvent(released);
    expect(queue.counts()).toEqual({ backingOff: 1 });
    put('q');
    expect([pop(), pop()]).toEqual(['q', 'p']);
  });
  it('keeps gated pods aside until their gates are gone', () => {
    put('p', 0, true);
    expect(pop()).toBeUndefined();
    put('p');
    expect(pop()).toBe('p');
  });
  it('forgets deleted pods wherever they are', () => {
    for (const name of ['active', 'refused', 'failed', 'binding']) put(name);
    queue.failed(queue.pop()!);
    const binding = queue.pop()!;
    queue.chosen(binding);
    for (const name of ['active', 'refused', 'failed', 'binding']) queue.delete(name);
    queue.bound(binding);
    queue.failed(binding);
    expect([queue.size, pop()]).toEqual([0, undefined]);
  });
  it('tries a pod again whose spec or labels have changed, not one whose condition has', () => {
    const pod = aPod('p', { uid: 'p' });
    queue.put(podInfo(pod));
    queue.refused(take(), new Set(['Unmoved']));
    queue.put(
      podInfo({ ...pod, status: { phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'False' }] } }),
    );
    expect(pop()).toBeUndefined();
    queue.put(podInfo({ ...pod, metadata: { ...pod.metadata, labels: { a: 'b' } } }));
    expect(pop()).toBe('p');
  });
});
