import { describe, expect, it } from 'vitest';
import { createMemoryHub } from '../../bus/memory/bus.ts';
import { simulate } from '../../bus/memory/simulation.ts';
import { announce } from '../../bus/presence.ts';
import { presenceLiveness } from './leader-liveness.ts';

function setUp() {
  const simulation = simulate(7);
  const hub = createMemoryHub({ simulation });
  const candidate = (id: string) => {
    const world = simulation.world(id);
    const bus = hub.connect(id, { world });
    const presence = announce(bus, world, { component: 'scheduler', id, state: () => 'standby' });
    const liveness = presenceLiveness(bus, world, 'scheduler', id);
    return { bus, liveness, leave: () => presence.stop() };
  };
  return { simulation, hub, candidate };
}
const both = async () => {
  const { simulation, hub, candidate } = setUp();
  const [a, b] = [candidate('a'), candidate('b')];
  await simulation.advance(5_000);
  const changes: number[] = [];
  const from = simulation.clock.now();
  b.liveness.onChange(() => changes.push(simulation.clock.now() - from));
  return { simulation, hub, candidate, a, b, changes };
};

describe('a candidate', () => {
  it('that nobody has heard of is gone, once there was time to hear him', async () => {
    const { simulation, candidate } = setUp();
    const { liveness } = candidate('b');
    await simulation.advance(1_000);
    expect(liveness.isGone('a')).toBe(false);
    await simulation.advance(200);
    expect(liveness.isGone('a')).toBe(true);
    candidate('a');
    await simulation.advance(10);
    expect(liveness.isGone('a')).toBe(false);
    expect(liveness.alive().map(({ id }) => id)).toEqual(['a', 'b']);
  });
  it('that was killed is gone within 0.65 s, and back when he is heard again', async () => {
    const { simulation, hub, candidate, b, changes } = await both();
    hub.kill('a');
    await simulation.run(() => b.liveness.isGone('a'), 650);
    expect(changes.length).toBeGreaterThan(0);
    expect(b.liveness.alive().map(({ id }) => id)).toEqual(['b']);
    await simulation.advance(10_000);
    candidate('a');
    await simulation.advance(10);
    expect(b.liveness.isGone('a')).toBe(false);
  });
  it('that was away for less than a second is back though nothing else about him has changed', async () => {
    const { simulation, hub, b } = await both();
    hub.setConnected('a', false);
    await simulation.run(() => b.liveness.isGone('a'), 650);
    hub.setConnected('a', true);
    await simulation.advance(1_500);
    expect(b.liveness.isGone('a')).toBe(false);
  });
  it('that dies while the bus is too busy to say so is gone as soon as it does', async () => {
    const { simulation, hub, b } = await both();
    hub.setDelay('b', 800);
    hub.kill('a');
    await simulation.run(() => b.liveness.isGone('a'), 2_600);
  });
  it('that dies after he was asked for, since he was late already, is gone as soon as others', async () => {
    const { simulation, hub, b } = await both();
    hub.setDelay('a', 700);
    await simulation.advance(700);
    expect(b.liveness.isGone('a')).toBe(false);
    hub.kill('a');
    await simulation.run(() => b.liveness.isGone('a'), 350);
  });
  it('that says farewell is gone at once', async () => {
    const { simulation, a, b } = await both();
    a.leave();
    await simulation.advance(1);
    expect(b.liveness.isGone('a')).toBe(true);
  });
  it.each([
    [3_500, false],
    [4_500, true],
  ])('that is silent for %i ms while his connection stands is gone: %s', async (ms, isGone) => {
    const { simulation, hub, b } = await both();
    hub.setDelay('a', ms);
    await simulation.advance(ms);
    expect(b.liveness.isGone('a')).toBe(isGone);
    hub.setDelay('a', 0);
    await simulation.advance(1_000);
    expect(b.liveness.isGone('a')).toBe(false);
  });
  it('is not thought gone by who was cut off himself, nor for the time that others need to come back', async () => {
    const { simulation, hub, b } = await both();
    hub.setConnected('b', false);
    await simulation.advance(20_000);
    expect(b.liveness.isGone('a')).toBe(false);
    hub.setConnected('a', false);
    hub.setConnected('b', true);
    await simulation.advance(2_500);
    expect(b.liveness.isGone('a')).toBe(false);
    await simulation.advance(1_500);
    expect(b.liveness.isGone('a')).toBe(true);
  });
  it('looks at the leases when another tells him to', async () => {
    const { simulation, a, b, changes } = await both();
    changes.length = 0;
    a.liveness.nudge?.('b');
    await simulation.advance(1);
    expect(changes).toHaveLength(1);
    b.liveness.stop();
    a.liveness.nudge?.('b');
    await simulation.advance(1);
    expect(changes).toHaveLength(1);
  });
});
