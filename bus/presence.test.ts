import { describe, expect, it } from 'vitest';
import { createMemoryHub } from './memory/bus.ts';
import { simulate } from './memory/simulation.ts';
import { announce, watchPresence } from './presence.ts';
import type { Presence } from './presence.ts';

/** A component, a watcher, and what the watcher was told, with the time in ms since the beginning. */
async function scene() {
  const simulation = simulate('presence');
  const hub = createMemoryHub({ simulation });
  const [there, here] = [hub.connect('there'), hub.connect('here')];
  const began = simulation.clock.now();
  const told: [ms: number, state: string, alive: boolean][] = [];
  const onChange = (p: Presence): void => void told.push([simulation.clock.now() - began, p.state, p.alive]);
  const watch = watchPresence(here, simulation.world('here'), onChange, { component: 'scheduler' });
  await simulation.advance(1);
  let state = 'standby';
  const announcement = announce(there, simulation.world('there'), {
    component: 'scheduler',
    id: 'x',
    state: () => state,
  });
  announce(there, simulation.world('there'), { component: 'etcd', id: 'y', state: () => 'serving' });
  await simulation.advance(99);
  const become = (next: string): void => {
    state = next;
  };
  return { simulation, hub, watch, told, announcement, become };
}

describe('presence', () => {
  it('tells of a component at once, once, and of each change of its state by the next beat', async () => {
    const { simulation, told, become, announcement, watch } = await scene();
    await simulation.advance(2000);
    expect(told).toEqual([[1, 'standby', true]]);
    become('leading');
    await simulation.advance(300);
    expect(told.slice(1)).toEqual([[2250, 'leading', true]]);
    become('standby');
    announcement.changed();
    await simulation.advance(1);
    expect(told.slice(2)).toEqual([[2400, 'standby', true]]);
    expect(watch.list()).toEqual([{ component: 'scheduler', id: 'x', state: 'standby', alive: true }]);
  });
  it('tells of a farewell at once', async () => {
    const { simulation, told, announcement, watch } = await scene();
    announcement.stop();
    announcement.stop();
    announcement.changed();
    await simulation.advance(5000);
    expect(told.slice(1)).toEqual([[100, 'standby', false]]);
    expect(watch.list()).toEqual([]);
  });
  it('tells of a death within a second, once, and of the return', async () => {
    const { simulation, hub, told } = await scene();
    hub.setConnected('there', false);
    await simulation.advance(10_000);
    expect(told.slice(1)).toEqual([[1000, 'standby', false]]);
    hub.setConnected('there', true);
    await simulation.advance(1000);
    expect(told.slice(2)).toEqual([[10_250, 'standby', true]]);
  });
  it('declares nobody dead because its own connection is lost', async () => {
    const { simulation, hub, told } = await scene();
    hub.setConnected('here', false);
    await simulation.advance(10_000);
    hub.setConnected('here', true);
    await simulation.advance(5000);
    expect(told.length).toBe(1);
  });
  it('is silent while nobody watches, and answers at once when somebody does', async () => {
    const { simulation, hub, watch, announcement, become } = await scene();
    let beats = 0;
    hub.connect('spy').subscribe('kubus.v1.presence.scheduler.x', () => beats++);
    await simulation.advance(60_000);
    expect(beats).toBeGreaterThan(235);
    watch.unsubscribe();
    await simulation.advance(20_000);
    beats = 0;
    await simulation.advance(60_000);
    expect(beats).toBe(0);
    const seen: Presence[] = [];
    watchPresence(hub.connect('late'), simulation.world('late'), (p) => void seen.push(p));
    await simulation.advance(2);
    expect(seen.map((p) => p.component).sort()).toEqual(['etcd', 'scheduler']);
    await simulation.advance(60_000);
    expect(seen.length).toBe(2);
    become('leading');
    announcement.changed();
    await simulation.advance(2);
    expect(seen.at(-1)?.state).toBe('leading');
  });
  it('is not beaten for watchers on the same bus, who know when it ends', async () => {
    const simulation = simulate('own');
    const hub = createMemoryHub({ simulation });
    const [bus, world] = [hub.connect('one'), simulation.world('one')];
    let beats = 0;
    hub.connect('spy').subscribe('kubus.v1.presence.*.*', () => beats++);
    const seen: Presence[] = [];
    const watch = watchPresence(bus, world, (p) => void seen.push(p), { component: 'scheduler' });
    const announcement = announce(bus, world, { component: 'scheduler', id: 'x', state: () => 'up' });
    await simulation.advance(30_000);
    beats = 0;
    await simulation.advance(60_000);
    expect(beats).toBeLessThan(15);
    expect(watch.list().map((p) => p.id)).toEqual(['x']);
    announcement.stop();
    await simulation.advance(10);
    expect(watch.list()).toEqual([]);
    expect(seen.map((p) => p.alive)).toEqual([true, false]);
  });
  it('ends with unsubscribe', async () => {
    const { simulation, told, watch, announcement } = await scene();
    watch.unsubscribe();
    announcement.stop();
    await simulation.advance(5000);
    expect(told.length).toBe(1);
  });
  it.each([null, 'text', 7, { state: 7 }, { farewell: 'x' }])('takes %j for a beat without a state', async (body) => {
    const { simulation, hub, told } = await scene();
    hub.connect('odd').publish('kubus.v1.presence.scheduler.odd', body);
    await simulation.advance(10);
    expect(told.at(-1)).toEqual([100, '', true]);
  });
});
