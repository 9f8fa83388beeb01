import { beforeEach, expect, it } from 'vitest';
import { reasonOf, ApiError } from '../../../schemas/meta/status.ts';
import type { Bus, RequestOptions } from '../../../bus/bus.ts';
import { isOnBus, presenceOf } from './node-presence.ts';

let answer: () => Promise<unknown>;
let waits: (number | undefined)[];
let bus: Bus;
beforeEach(() => {
  waits = [];
  bus = { request: (_subject: string, _body: unknown, options?: RequestOptions) => (waits.push(options?.timeoutMs), answer()) } as unknown as Bus; // prettier-ignore
});
const says = (reachable: boolean) => () => Promise.resolve({ reachable });
const fails = (reason: 'Timeout' | 'ServiceUnavailable' | 'Forbidden') => () =>
  Promise.reject(new ApiError(reason, 'x'));
const failure = (work: Promise<unknown>): Promise<unknown> => work.then(() => undefined, reasonOf); // prettier-ignore

it('an agent that has no time to say what it is again is what it was, and is waited for a second', async () => {
  answer = says(true);
  expect(await presenceOf(bus, 'n')).toEqual({ reachable: true });
  answer = fails('Timeout');
  expect(await presenceOf(bus, 'n')).toEqual({ reachable: true });
  answer = says(false);
  expect(await presenceOf(bus, 'n')).toEqual({ reachable: false });
  expect(waits).toEqual([undefined, 1_000, 1_000]);
});
it('one that never said anything is nothing yet, but there', async () => {
  answer = fails('Timeout');
  expect(await failure(presenceOf(bus, 'n'))).toBe('Timeout');
  expect(await isOnBus(bus, 'n')).toBe(true);
});
it('where nobody serves there is none, whatever was before', async () => {
  answer = says(false);
  await presenceOf(bus, 'n');
  answer = fails('ServiceUnavailable');
  expect([await presenceOf(bus, 'n'), await isOnBus(bus, 'n')]).toEqual([undefined, false]);
  answer = fails('Timeout');
  expect(await failure(presenceOf(bus, 'n'))).toBe('Timeout');
});
it('any other failure is told', async () => {
  answer = fails('Forbidden');
  expect([await failure(presenceOf(bus, 'n')), await failure(isOnBus(bus, 'n'))]).toEqual(['Forbidden', 'Forbidden']);
});
