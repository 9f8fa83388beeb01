import { describe, expect, it } from 'vitest';
import { createMemoryHub } from '../../bus/memory/bus.ts';
import { simulate } from '../../bus/memory/simulation.ts';
import { announce } from '../../bus/presence.ts';
import { startLeaderGroups } from './leader-groups.ts';
import { presenceLiveness } from './leader-liveness.ts';
import { fakeApi } from './testing/fake-api.ts';

const GROUPS = ['workloads', 'endpoints', 'nodes', 'cleanup', 'identity'];

function setUp(seed: number) {
  const simulation = simulate(seed);
  const hub = createMemoryHub({ simulation });
  const api = fakeApi(simulation.world('api'));
  /** Who works on what, and every change of it. */
  const working = new Map<string, Set<string>>(GROUPS.map((group) => [group, new Set()]));
  const history: string[] = [];
  const alive = new Set<string>();
  const dead = new Set<string>();
  api.intercept = ({ caller }) => (dead.has(caller) ? new Promise(() => undefined) : undefined);
  const candidate = (id: string, isWarm = () => true) => {
    const world = simulation.world(id);
    const bus = hub.connect(id, { world });
    const liveness = presenceLiveness(bus, world, 'controller-manager', id);
    alive.add(id);
    const groups = startLeaderGroups({
      world, liveness, isWarm, identity: id, client: api.client(id),
      groups: GROUPS.map((name) => ({
        name,
        lease: name,
        onStarted: () => {
          history.push(`${name} +${id}`);
          working.get(name)!.add(id);
          // Of those that live at most one works; who was killed does nothing any more.
          expect([...working.get(name)!].filter((other) => alive.has(other))).toEqual([id]);
        },
        onStopped: () => working.get(name)!.delete(id),
        onFinish: () => Promise.resolve(),
      })),
    }); // prettier-ignore
    const presence = announce(bus, world, { component: 'controller-manager', id, state: () => groups.state() });
    const kill = (): void => {
      alive.delete(id);
      dead.add(id);
      hub.kill(id);
    };
    return { groups, presence, liveness, kill, stop: () => groups.stop().then(() => presence.stop()) };
  };
  const led = (...ids: string[]): boolean =>
    GROUPS.every((group) => [...working.get(group)!].filter((id) => ids.includes(id)).length === 1);
  return { simulation, hub, api, candidate, led, history };
}

describe.each([1, 2, 3])('leadership of groups, seed %i', (seed) => {
  it('is one replica alone of, then spread over two, then of the survivor within a second', async () => {
    const { simulation, candidate, led, history } = setUp(seed);
    const a = candidate('a');
    await simulation.run(() => a.groups.leads().length === 5, 100);
    const b = candidate('b');
    await simulation.advance(4_000);
    // Who has just come gets nothing yet.
    expect(b.groups.leads()).toEqual([]);
    await simulation.run(() => b.groups.leads().length >= 2 && led('a', 'b'), 20_000);
    await simulation.advance(5_000);
    const moves = history.length;
    await simulation.advance(60_000);
    expect(history).toHaveLength(moves);
    expect(a.groups.leads().length + b.groups.leads().length).toBe(5);
    a.kill();
    await simulation.run(() => led('b'), 750);
    expect(b.groups.state()).toBe(`leading ${GROUPS.join(', ')}`);
  });
  it('is handed over at once by who leaves', async () => {
    const { simulation, candidate, led } = setUp(seed);
    const a = candidate('a');
    const b = candidate('b');
    await simulation.run(() => led('a', 'b') && b.groups.leads().length >= 2 && a.groups.leads().length >= 2, 30_000);
    let gone = false;
    void b.stop().then(() => (gone = true));
    await simulation.run(() => gone && led('a'), 200);
  });
  it('stays where it is while a replica is not ready', async () => {
    const { simulation, candidate } = setUp(seed);
    const a = candidate('a');
    await simulation.advance(2_000);
    let warm = false;
    const b = candidate('b', () => warm);
    await simulation.advance(30_000);
    expect([a.groups.leads().length, b.groups.state()]).toEqual([5, 'syncing']);
    warm = true;
    await simulation.run(() => b.groups.leads().length >= 2, 20_000);
  });
  it('goes to those for whom it is meant when one of three dies', async () => {
    const { simulation, candidate, led } = setUp(seed);
    const all = [candidate('a'), candidate('b'), candidate('c')];
    await simulation.run(() => all.every(({ groups }) => groups.leads().length >= 1) && led('a', 'b', 'c'), 60_000);
    await simulation.advance(10_000);
    all[0]!.kill();
    await simulation.run(() => led('b', 'c'), 750);
    await simulation.advance(20_000);
    expect(all.slice(1).map(({ groups }) => groups.leads().length).toSorted()).toEqual([2, 3]); // prettier-ignore
  });
  it('is not lost by a connection that comes back soon', async () => {
    const { simulation, hub, candidate, history } = setUp(seed);
    const a = candidate('a');
    await simulation.advance(2_000);
    candidate('b', () => false);
    await simulation.advance(10_000);
    const before = [...history];
    hub.setConnected('a', false);
    await simulation.advance(50);
    hub.setConnected('a', true);
    await simulation.advance(10_000);
    expect(history).toEqual(before);
    expect(a.groups.leads()).toHaveLength(5);
  });
});
