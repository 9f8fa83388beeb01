import { describe, expect, it } from 'vitest';
import { testWorld } from '../../actors/runtime/testing/world.ts';
import type { NodeContext } from '../kubelet/context.ts';
import { idleMs, watchIdle } from './idle.ts';

const HOUR_MS = 3_600_000;
const saying = (streamingConnectionIdleTimeout: string) =>
  ({ housekeeping: { configuration: { streamingConnectionIdleTimeout } } }) as NodeContext;

it.each([
  ['4h0m0s', 4 * HOUR_MS],
  ['90s', 90_000],
  ['1.5ms', 1],
  ['0s', 4 * HOUR_MS],
])('a node that says %s waits %i ms', (text, ms) => {
  expect(idleMs(saying(text))).toBe(ms);
});
it('a simulated node waits four hours', () => {
  expect(idleMs({ housekeeping: undefined })).toBe(4 * HOUR_MS);
});

describe('a stream on which nothing is said', () => {
  it('is ended once, counted from the last word', async () => {
    const world = testWorld();
    let ended = 0;
    const idle = watchIdle(world.clock, 1_000, () => ended++);
    await world.advance(900);
    idle.touch();
    await world.advance(900);
    idle.touch();
    await world.advance(999);
    expect(ended).toBe(0);
    await world.advance(1);
    expect(ended).toBe(1);
    await world.advance(10_000);
    expect(ended).toBe(1);
    idle.stop();
  });
  it('that has ended itself is left', async () => {
    const world = testWorld();
    let ended = 0;
    watchIdle(world.clock, 1_000, () => ended++).stop();
    await world.advance(5_000);
    expect(ended).toBe(0);
  });
});
