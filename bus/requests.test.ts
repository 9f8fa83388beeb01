import { expect, it } from 'vitest';
import { reasonOf } from '../schemas/meta/status.ts';
import { createMemoryHub } from './memory/bus.ts';
import { simulate } from './memory/simulation.ts';
import { delay } from './world.ts';

const scene = (): { simulation: ReturnType<typeof simulate>; hub: ReturnType<typeof createMemoryHub> } => {
  const simulation = simulate('requests');
  return { simulation, hub: createMemoryHub({ simulation }) };
};
const outcome = (request: Promise<unknown>): Promise<unknown> =>
  request.catch((error: unknown) => [reasonOf(error), (error as Error).message]);

it('a request to somebody who has gone silent ends with Timeout long before its own time', async () => {
  const { simulation, hub } = scene();
  const caller = hub.connect('caller');
  hub.connect('stopped').subscribe('s.x', () => undefined);
  const ended = outcome(caller.request('s.x', 1)).then((how) => [how, simulation.clock.now()]);
  const began = simulation.clock.now();
  await simulation.advance(30_000);
  const [how, at] = (await ended) as [string[], number];
  expect(how).toEqual(['Timeout', expect.stringContaining('has gone silent; the outcome is unknown')]);
  expect(at - began).toBeGreaterThan(3_000);
  expect(at - began).toBeLessThan(6_000);
});

it('a request that is worked on for long gets its answer', async () => {
  const { simulation, hub } = scene();
  const caller = hub.connect('caller');
  hub.connect('slow').serve('s.x', 'q', async () => {
    await delay(simulation.clock, 25_000);
    return 'done';
  });
  await simulation.advance(100);
  const ended = outcome(caller.request('s.x', 1));
  await simulation.advance(26_000);
  expect(await ended).toBe('done');
});

it('whoever works for ever speaks to nobody once the caller has given up', async () => {
  const { simulation, hub } = scene();
  const caller = hub.connect('caller');
  hub.connect('stuck').serve('s.x', 'q', () => new Promise(() => undefined));
  await simulation.advance(100);
  const ended = outcome(caller.request('s.x', 1, { timeoutMs: 6_000 }));
  await simulation.advance(10_000);
  expect(await ended).toEqual(['Timeout', 'no answer from s.x within 6000 ms']);
  const heard: string[] = [];
  hub.connect('other').subscribe('_INBOX.caller.>', ({ subject }) => heard.push(subject));
  await simulation.advance(10_000);
  expect(heard).toEqual([]);
});
