import { describe, expect, it } from 'vitest';
import { createMemoryHub } from '../../bus/memory/bus.ts';
import { simulate } from '../../bus/memory/simulation.ts';
import { reasonOf } from '../../schemas/meta/status.ts';
import type { Told } from './feed.ts';
import { Hub } from './hub.ts';
import type { ActorPage, Command } from './protocol.ts';
import { fakeComponent } from './testing/charts.ts';

function setUp(loses?: (subject: string) => boolean) {
  const simulation = simulate(1);
  const bus = createMemoryHub({ simulation, ...(loses && { loses: ({ subject }) => loses(subject) }) });
  const component = (name: string, id: string) => {
    const world = simulation.world(id);
    return fakeComponent(bus.connect(id, { world }), world, name, id);
  };
  const world = simulation.world('console');
  const hub = new Hub({ bus: bus.connect('console', { world }), world });
  const listen = () => {
    const told: Told[] = [];
    const seat = hub.seat({ tell: (message) => void told.push(message) });
    /** The newest number of each cell. */
    const counts = (): Record<string, number> => {
      const cells: Record<string, number> = {};
      for (const message of told) {
        if (message.type !== 'counts') continue;
        if (message.whole) for (const cell of Object.keys(cells)) delete cells[cell];
        for (const row of message.rows) cells[`${row.id} ${row.state}`] = row.count;
      }
      return Object.fromEntries(Object.entries(cells).filter(([, n]) => n !== 0));
    };
    return { told, seat, counts };
  };
  /** A promise's outcome while simulated time passes. */
  const settle = async <T>(work: Promise<T>): Promise<T> => {
    let isDone = false;
    work.then(
      () => (isDone = true),
      () => (isDone = true),
    );
    await simulation.run(() => isDone, 20_000);
    return work;
  };
  return { simulation, hub, component, listen, settle, tick: (ms = 600) => simulation.advance(ms) };
}
const at = (id: string, actor: string) => ({ component: 'scheduler', id, actor });

describe('the hub', () => {
  it('attaches to components while somebody listens, and lets go after', async () => {
    const { component, listen, tick, simulation } = setUp();
    const a = component('scheduler', 's-1');
    for (const id of ['x', 'y']) a.start(id);
    await tick();
    const page = listen();
    await tick();
    expect(page.counts()).toEqual({ 's-1 red': 2 });
    a.actors.get('x')!.send({ type: 'go' });
    await tick();
    expect(page.counts()).toEqual({ 's-1 red': 1, 's-1 green.bright': 1 });
    expect(page.told.find((m) => m.type === 'handled')).toEqual({
      type: 'handled',
      rows: [{ machine: 'light', state: 'red', event: 'go', count: 1 }],
    });
    page.seat.leave();
    const before = page.told.length;
    a.actors.get('y')!.send({ type: 'go' });
    await simulation.advance(20_000);
    expect(page.told).toHaveLength(before);
    const later = listen();
    await tick();
    expect(later.counts()).toEqual({ 's-1 green.bright': 2 });
  });
  it('tells of components that come and go', async () => {
    const { component, listen, tick } = setUp();
    const page = listen();
    await tick();
    const a = component('scheduler', 's-1');
    a.start('x');
    await tick(1_000);
    expect(page.told.findLast((m) => m.type === 'components')).toMatchObject({
      components: [{ component: 'scheduler', id: 's-1', state: 'running', attached: true, role: 's-1' }],
    });
    expect(page.counts()).toEqual({ 's-1 red': 1 });
    a.stop();
    await tick(1_000);
    expect(page.counts()).toEqual({});
    expect(page.told.findLast((m) => m.type === 'notice')).toMatchObject({ level: 'warning', text: 's-1 is gone' });
  });
  it('asks for the whole again when a frame was lost', async () => {
    let loses = false;
    const { component, listen, tick } = setUp((subject) => loses && subject.includes('.inspect.'));
    const a = component('scheduler', 's-1');
    for (const id of ['x', 'y', 'z']) a.start(id);
    const page = listen();
    await tick();
    loses = true;
    a.actors.get('x')!.send({ type: 'go' });
    await tick();
    loses = false;
    expect(page.counts()).toEqual({ 's-1 red': 3 });
    a.actors.get('y')!.send({ type: 'go' });
    await tick();
    expect(page.counts()).toEqual({ 's-1 red': 1, 's-1 green.bright': 2 });
  });
  it('follows for each listener what that one asked for, and tells latecomers what was', async () => {
    const { component, listen, tick } = setUp();
    const a = component('scheduler', 's-1');
    for (const id of ['x', 'y']) a.start(id);
    const [one, two] = [listen(), listen()];
    await tick();
    one.seat.follow([at('s-1', 'x')]);
    await tick();
    a.actors.get('x')!.send({ type: 'go', key: 'default/web', token: 'secret' });
    a.actors.get('y')!.send({ type: 'go' });
    await tick();
    const of = (page: typeof one) => page.told.filter((m) => m.type === 'followed' || m.type === 'steps');
    expect(of(one).map((m) => m.type)).toEqual(['followed', 'steps']);
    expect(of(one)[1]).toMatchObject({
      actor: at('s-1', 'x'),
      steps: [
        { event: 'go', payload: { key: 'default/web', token: 'string(6)' }, from: ['red'], to: ['green.bright'] },
      ],
    });
    expect(of(two)).toEqual([]);
    two.seat.follow([at('s-1', 'x')]);
    expect(of(two)).toMatchObject([{ type: 'followed', actor: { states: ['green.bright'] }, detail: { steps: [{ event: 'go' }] } }]); // prettier-ignore
    one.seat.follow([]);
    a.actors.get('x')!.send({ type: 'stop' });
    await tick();
    expect(of(one)).toHaveLength(2);
    expect(of(two).at(-1)).not.toHaveProperty('detail');
  });
  it('says so when what is followed is not there', async () => {
    const { component, listen, tick } = setUp();
    component('scheduler', 's-1');
    const page = listen();
    await tick();
    page.seat.follow([at('s-1', 'nobody')]);
    await tick();
    expect(page.told.findLast((m) => m.type === 'followed')).toMatchObject({ actor: at('s-1', 'nobody') });
  });
  it('pages through the actors of all components', async () => {
    const { component, hub, settle } = setUp();
    const expected: string[] = [];
    for (const id of ['s-1', 's-2', 's-3']) {
      const one = component('scheduler', id);
      for (let i = 0; i < 7; i++) expected.push(`${id}/${one.start(`a${i}`).id}`);
    }
    const seen: string[] = [];
    let next: string | undefined;
    do {
      const page: ActorPage = await settle(hub.list({ limit: 5, ...(next !== undefined && { continue: next }) }));
      expect(page.actors.length).toBeLessThanOrEqual(5);
      seen.push(...page.actors.map((a) => `${a.id}/${a.actor}`));
      next = page.continue;
    } while (next !== undefined);
    expect(seen).toEqual(expected);
    expect((await settle(hub.list({ id: 's-2', text: 'A3' }))).actors.map((a) => a.actor)).toEqual(['a3']);
    await expect(settle(hub.list({ continue: 'nonsense' }))).rejects.toMatchObject({
      status: { reason: 'BadRequest' },
    });
  });
  it('commands, and tells all how the actor is held', async () => {
    const { component, listen, hub, tick, settle } = setUp();
    const a = component('scheduler', 's-1');
    const x = a.start('x');
    const page = listen();
    await tick();
    const command = (type: 'pause' | 'resume' | 'step') => settle(hub.command({ type, target: at('s-1', 'x') }));
    expect((await command('pause')).control.mode).toBe('paused');
    x.send({ type: 'go' });
    await tick();
    expect(page.told.findLast((m) => m.type === 'control')).toMatchObject({
      actor: at('s-1', 'x'),
      machine: 'light',
      control: { mode: 'paused', queued: ['go'], queuedCount: 1 },
    });
    expect((await settle(hub.list({ held: true }))).actors.map((i) => i.actor)).toEqual(['x']);
    expect((await command('step')).control.queuedCount).toBe(0);
    expect(x.state()).toBe('green.bright');
    expect((await command('resume')).control.mode).toBe('running');
  });
  it.each<[string, Command['target'], string]>([
    ['a component that is not there', { component: 'scheduler', id: 's-9', actor: 'x' }, 'NotFound'],
    ['an actor that is not there', { component: 'scheduler', id: 's-1', actor: 'x' }, 'NotFound'],
  ])('refuses to command %s', async (_what, target, reason) => {
    const { component, hub, settle } = setUp();
    component('scheduler', 's-1');
    expect(reasonOf(await settle(hub.command({ type: 'pause', target })).catch((e: unknown) => e))).toBe(reason);
  });
  it('says so when a component does not answer', async () => {
    let loses = false;
    const { component, hub, listen, tick, settle } = setUp((subject) => loses && subject.includes('.inspect.'));
    component('scheduler', 's-1').start('x');
    listen();
    await tick();
    loses = true;
    const failure = await settle(hub.command({ type: 'pause', target: at('s-1', 'x') })).catch((e: unknown) => e);
    expect(reasonOf(failure)).toBe('Timeout');
  });
});
