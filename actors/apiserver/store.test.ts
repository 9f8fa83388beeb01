import { expect, it } from 'vitest';
import { createMemoryHub } from '../../bus/memory/bus.ts';
import { simulate, type Simulation } from '../../bus/memory/simulation.ts';
import type { PutRequest } from '../../bus/protocol/etcd.ts';
import * as subjects from '../../bus/subjects.ts';
import { ApiError, reasonOf } from '../../schemas/meta/status.ts';
import { Store } from './store.ts';

interface Scene {
  readonly simulation: Simulation;
  readonly store: Store;
  /** Adds a facade. */
  readonly kill: (name: string) => void;
  readonly facade: (name: string, verb: 'put' | 'range', answer: (body: unknown) => unknown) => void;
}
function scene(): Scene {
  const simulation = simulate('store');
  const hub = createMemoryHub({ simulation });
  return {
    simulation,
    store: new Store(hub.connect('apiserver'), simulation.world('apiserver'), () => 5),
    kill: (name) => hub.kill(name),
    facade: (name, verb, answer) =>
      void hub.connect(name).serve(subjects.etcd(verb), 'etcd', ({ body }) => answer(body)),
  };
}
const never = (): Promise<never> => new Promise(() => undefined);
const { signal } = new AbortController();
const outcome = (request: Promise<unknown>): Promise<unknown> => request.catch((error: unknown) => reasonOf(error));
const value = new Uint8Array([1]);

it('a write that one facade does not answer is put to another within seconds, under the same id', async () => {
  const { simulation, store, facade, kill } = scene();
  const ids: string[] = [];
  const note = (body: unknown): void => void ids.push((body as PutRequest).id);
  facade('dead', 'put', (body) => {
    note(body);
    return never();
  });
  facade('alive', 'put', (body) => {
    note(body);
    return { revision: 7 };
  });
  await simulation.advance(10);
  const began = simulation.clock.now();
  const writes = Array.from({ length: 20 }, () => store.put({ key: '/a', value }, signal));
  const ended = Promise.all(writes).then((answers) => [answers, simulation.clock.now() - began] as const);
  // nats-server hands it requests until it notices.
  await simulation.advance(4_000);
  kill('dead');
  await simulation.advance(30_000);
  const [answers, took] = await ended;
  expect(answers).toEqual(Array.from({ length: 20 }, () => ({ revision: 7 })));
  expect(took).toBeLessThan(10_000);
  // Repetitions are told by their id: twenty writes, more attempts.
  expect(new Set(ids).size).toBe(20);
  expect(ids.length).toBeGreaterThan(20);
});

it('a write waits through an election, and ends in bounded time where nobody is elected', async () => {
  const { simulation, store, facade } = scene();
  const end = simulation.clock.now() + 9_000;
  facade('electing', 'put', () => {
    if (simulation.clock.now() < end) throw new ApiError('ServiceUnavailable', 'no leader');
    return { revision: 1 };
  });
  await simulation.advance(10);
  const waited = outcome(store.put({ key: '/a', value }, signal));
  await simulation.advance(12_000);
  expect(await waited).toEqual({ revision: 1 });
  const other = scene();
  other.facade('leaderless', 'put', () => {
    throw new ApiError('ServiceUnavailable', 'no leader');
  });
  await other.simulation.advance(10);
  const refused = outcome(other.store.put({ key: '/a', value }, signal));
  await other.simulation.advance(16_000);
  expect(await refused).toBe('ServiceUnavailable');
});

it('a refusal is not repeated, nor a revision that the facade says does not come', async () => {
  const { simulation, store, facade } = scene();
  let asked = 0;
  facade('full', 'put', () => {
    asked++;
    throw new ApiError('RequestEntityTooLarge', 'too large');
  });
  facade('full-range', 'range', () => {
    asked++;
    throw new ApiError('Timeout', 'revision 9 was not seen', { details: { retryAfterSeconds: 1 } });
  });
  await simulation.advance(10);
  const both = Promise.all([
    outcome(store.put({ key: '/a', value }, signal)),
    outcome(store.range({ key: '/a', revision: 9 }, signal)),
  ]);
  await simulation.advance(1_000);
  expect(await both).toEqual(['RequestEntityTooLarge', 'Timeout']);
  expect(asked).toBe(2);
});

it('a creation that meets a younger deletion is asked for anew, under another id', async () => {
  const { simulation, store, facade } = scene();
  const asked: PutRequest[] = [];
  facade('etcd', 'put', (body) => {
    asked.push(body as PutRequest);
    return asked.length === 1 ? { revision: 9, conflict: { current: undefined } } : { revision: 10 };
  });
  await simulation.advance(10);
  const created = store.put({ key: '/a', value, expect: 0 }, signal);
  await simulation.advance(100);
  expect(await created).toEqual({ revision: 10 });
  expect(asked.map(({ since }) => since)).toEqual([5, 9]);
  expect(new Set(asked.map(({ id }) => id)).size).toBe(2);
});
