import { describe, expect, it } from 'vitest';
import { createThreadNeighbours } from './threads.ts';

/** A connection of a thread, and what its neighbour says of it. */
function connection(): {
  connected: boolean;
  set(connected: boolean): void;
  onConnection: (l: (c: boolean) => void) => { unsubscribe: () => void };
} {
  // prettier-ignore
  const listeners = new Set<(connected: boolean) => void>();
  return {
    connected: true,
    set(connected) {
      this.connected = connected;
      for (const listener of listeners) listener(connected);
    },
    onConnection: (listener) => {
      listeners.add(listener);
      return { unsubscribe: () => void listeners.delete(listener) };
    },
  };
}
const until = (what: () => boolean): Promise<void> => expect.poll(what, { interval: 1 }).toBe(true);
let channels = 0;
/** Two threads, each with one connection. */
async function two() {
  const name = `test-${++channels}`;
  const [a, b] = [createThreadNeighbours(name, 1), createThreadNeighbours(name, 2)];
  const [one, other] = [connection(), connection()];
  const seen: string[] = [];
  a.onJoin((address) => seen.push(address));
  a.set('apiserver.1', one);
  b.set('workers.2', other);
  await until(() => seen.includes('workers.2') && b.get('apiserver.1') !== undefined);
  return { a, b, one, other, close: () => (a.delete('apiserver.1'), b.delete('workers.2')) };
}

describe('connections of several threads of a process', () => {
  it('know each other, whoever came first', async () => {
    const { a, b, close } = await two();
    expect(a.get('workers.2')?.connected).toBe(true);
    expect(b.get('apiserver.1')?.connected).toBe(true);
    expect(a.get('workers.3')).toBeUndefined();
    close();
  });

  it('hear of the loss of another, and of its return', async () => {
    const { a, other, close } = await two();
    const told: boolean[] = [];
    a.get('workers.2')!.onConnection((connected) => told.push(connected));
    other.set(false);
    await until(() => told.length === 1);
    expect(a.get('workers.2')?.connected).toBe(false);
    other.set(true);
    await until(() => told.length === 2);
    expect(told).toEqual([false, true]);
    close();
  });

  it.each(['closes', 'ends without a word'])('hear when the thread of another %s', async (how) => {
    const { a, b, close } = await two();
    const told: boolean[] = [];
    a.get('workers.2')!.onConnection((connected) => told.push(connected));
    if (how === 'closes') b.delete('workers.2');
    else a.ended(2);
    await until(() => told.length === 1);
    expect(told).toEqual([false]);
    expect(a.get('workers.2')).toBeUndefined();
    close();
  });

  it('hear it from a thread that has no connection, and nothing any more from the one that ended', async () => {
    const { a, b, close } = await two();
    const main = createThreadNeighbours(`test-${channels}`, 0);
    main.ended(2);
    await until(() => a.get('workers.2') === undefined);
    // Said before the end, heard after it.
    b.set('workers.late', connection());
    const third = createThreadNeighbours(`test-${channels}`, 3);
    third.set('nodes.3', connection());
    await until(() => a.get('nodes.3') !== undefined);
    expect(a.get('workers.late')).toBeUndefined();
    third.delete('nodes.3');
    b.delete('workers.late');
    close();
  });

  it('do not take one that is cut off for connected when they come', async () => {
    const { other, close } = await two();
    other.set(false);
    other.connected = false;
    const third = createThreadNeighbours(`test-${channels}`, 3);
    third.set('nodes.3', connection());
    await until(() => third.get('apiserver.1') !== undefined);
    expect(third.get('workers.2')).toBeUndefined();
    other.set(true);
    await until(() => third.get('workers.2')?.connected === true);
    third.delete('nodes.3');
    close();
  });
});
