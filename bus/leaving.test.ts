import { expect, it } from 'vitest';
import { createMemoryHub } from './memory/bus.ts';
import { simulate } from './memory/simulation.ts';

it.each([1, 2, 3, 4, 5])(
  'who leaves a queue with requests and sessions loses nothing on its way (%d)',
  async (seed) => {
    const simulation = simulate(seed);
    const hub = createMemoryHub({ simulation });
    const connect = (name: string) => hub.connect(name, { world: simulation.world(name) });
    const [a, b, client] = [connect('a'), connect('b'), connect('client')];
    const servers = [a, b].map((bus, i) => [
      bus.serve('work.>', 'q', () => `answer ${i}`),
      bus.serveSessions('work.>', 'q', (_, session) => void session.send(`frame ${i}`)),
    ]);
    let outcomes: string[] = [];
    const note = (promise: Promise<unknown>, to = outcomes): void =>
      void promise.then(
        (value) => to.push(String(value)),
        (error: unknown) => to.push(`failed: ${(error as Error).message}`),
      );
    const first = async (): Promise<unknown> => {
      const session = await client.open('work.watch', {});
      for await (const frame of session.frames()) {
        session.close();
        return frame;
      }
      return 'nothing';
    };
    const ask = (): void => {
      note(client.request('work.do', {}));
      note(first());
    };
    let asked = 0;
    const more = (n: number): void => {
      for (let i = 0; i < n; i++, asked += 2) ask();
    };
    let left = false;
    more(20);
    await simulation.run(() => outcomes.length > 10, 10_000);
    const leaving = Promise.all(servers[0]!.map(async (one) => one.drain?.())).then(() => (left = true));
    more(20);
    await simulation.run(() => left, 10_000);
    await leaving;
    await simulation.run(() => outcomes.length === asked, 10_000);
    expect(outcomes.filter((o) => !/^(answer|frame) [01]$/.test(o))).toEqual([]);
    expect(new Set(outcomes)).toEqual(new Set(['answer 0', 'answer 1', 'frame 0', 'frame 1']));
    // From then on only who has stayed.
    [outcomes, asked] = [[], 0];
    more(20);
    await simulation.run(() => outcomes.length === asked, 10_000);
    expect(new Set(outcomes)).toEqual(new Set(['answer 1', 'frame 1']));
    void Promise.all([a, b, client].map((bus) => bus.drain()));
  },
);
