import type { Msg, NatsConnection } from '@nats-io/nats-core';
import { describe, expect, it } from 'vitest';
import { realWorld, soon } from '../real-world.ts';
import { Intake } from './intake.ts';
import { NatsTransport } from './transport.ts';

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const turn = (): Promise<void> => new Promise((resolve) => soon(resolve));

describe('an intake', () => {
  const setUp = () => {
    const turns: (() => void)[] = [];
    const begun: number[] = [];
    const intake = new Intake((fn) => turns.push(fn));
    const take = (...numbers: number[]): void => {
      for (const n of numbers) intake.take(() => begun.push(n));
    };
    const nextTurn = (): void => {
      const [fn, ...more] = turns.splice(0);
      expect(more).toEqual([]);
      fn?.();
    };
    return { turns, begun, take, nextTurn };
  };
  it('begins at once what comes alone, turn for turn', () => {
    const { begun, take, nextTurn } = setUp();
    for (const n of range(100)) {
      take(n);
      expect(begun).toHaveLength(n + 1);
      nextTurn();
    }
  });
  it('begins a part of what comes together, and the rest in turns that follow, in order', () => {
    const { turns, begun, take, nextTurn } = setUp();
    take(...range(28));
    const seen = [begun.length];
    for (; turns.length > 0; seen.push(begun.length)) nextTurn();
    expect(seen).toEqual([8, 16, 24, 28]);
    expect(begun).toEqual(range(28));
  });
  it('lets nobody pass those who wait', () => {
    const { turns, begun, take, nextTurn } = setUp();
    take(...range(40));
    nextTurn();
    take(...range(90).slice(40));
    while (turns.length > 0) nextTurn();
    expect(begun).toEqual(range(90));
  });
});

describe('a transport that is asked faster than it answers', () => {
  const setUp = () => {
    const callbacks = new Map<string, (error: null, message: Msg) => void>();
    const connection = {
      info: { max_payload: 1024 },
      status: () => ({ [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => undefined) }) }),
      isClosed: () => false,
      subscribe: (subject: string, { callback }: { callback: (error: null, message: Msg) => void }) => {
        callbacks.set(subject, callback);
        return { unsubscribe: () => undefined, drain: () => Promise.resolve() };
      },
    } as unknown as NatsConnection;
    const transport = new NatsTransport(connection, realWorld({ level: 'silent' }).log);
    const deliver = (subject: string, n = 0): void =>
      callbacks.get(subject)!(null, { subject: `${subject}.${n}`, data: new Uint8Array(0) } as Msg);
    const handled: string[] = [];
    const requests = transport.subscribe('asked', 'queue', ({ subject }) => void handled.push(subject));
    transport.subscribe('told', undefined, ({ subject }) => void handled.push(subject));
    return { requests, deliver, handled };
  };
  it('hears what it is told meanwhile, and answers all in order', async () => {
    const { deliver, handled } = setUp();
    for (const n of range(200)) deliver('asked', n);
    deliver('told');
    expect(handled.indexOf('told.0')).toBe(8);
    while (handled.length < 201) await turn();
    expect(handled.filter((subject) => subject !== 'told.0')).toEqual(range(200).map((n) => `asked.${n}`));
  });
  it('has begun all that was on its way when a subscription is drained', async () => {
    const { requests, deliver, handled } = setUp();
    for (const n of range(200)) deliver('asked', n);
    await requests.drain();
    expect(handled).toHaveLength(200);
    deliver('asked', 200);
    expect(handled).toHaveLength(200);
  });
  it('hands over nothing of a subscription that is left', async () => {
    const { requests, deliver, handled } = setUp();
    for (const n of range(200)) deliver('asked', n);
    requests.unsubscribe();
    for (const _ of range(10)) await turn();
    expect(handled).toHaveLength(8);
  });
});
