import { describe, expect, it } from 'vitest';
import { testWorld } from '../runtime/testing/world.ts';
import { call, CALL_MS } from './calls.ts';

const never = (): Promise<never> => new Promise(() => undefined);
describe('a call of the cloud', () => {
  it('is answered', async () => {
    const world = testWorld();
    await expect(call(world, 'x', new AbortController().signal, () => Promise.resolve(7))).resolves.toBe(7);
    expect(world.timers).toBe(0);
  });
  it.each([
    ['rejects', () => Promise.reject(new Error('no')), 'no'],
    ['throws', (): Promise<never> => { throw new Error('at once'); }, 'at once'],
  ])('fails when it %s', async (_, make, message) => {
    const world = testWorld();
    await expect(call(world, 'x', new AbortController().signal, make)).rejects.toThrow(message);
    expect(world.timers).toBe(0);
  }); // prettier-ignore
  it('ends after a minute, and tells who hangs to stop', async () => {
    const world = testWorld();
    let heard: unknown;
    const late = call(world, 'the weather', new AbortController().signal, (signal) => {
      signal.addEventListener('abort', () => (heard = signal.reason));
      return never();
    });
    const failure = expect(late).rejects.toThrow('the cloud did not answer within 60s: the weather');
    await world.advance(CALL_MS - 1);
    expect(heard).toBeUndefined();
    await world.advance(1);
    await failure;
    expect(heard).toBeInstanceOf(Error);
  });
  it('ends with who asked', async () => {
    const world = testWorld();
    const end = new AbortController();
    const asked = call(world, 'x', end.signal, never);
    end.abort(new Error('over'));
    await expect(asked).rejects.toThrow('over');
    await expect(call(world, 'x', end.signal, () => Promise.resolve(1))).rejects.toThrow('over');
    expect(world.timers).toBe(0);
  });
});
