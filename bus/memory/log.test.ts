import { expect, it } from 'vitest';
import type { Encoded } from '../codec.ts';
import { logConformance } from '../log-conformance.ts';
import { realWorld } from '../real-world.ts';
import { createMemoryLog } from './log.ts';

const world = realWorld({ level: 'silent' });

logConformance('memory', async () => {
  const log = createMemoryLog({ world });
  // Readers share the entries; closing one of them must not close the log of the others.
  return {
    open: async () => log.view(),
    close: async () => undefined,
  };
});

it('republishes like the stream: value bytes as they are, revision and operation in headers', async () => {
  const published: unknown[] = [];
  const bus = {
    publish: (subject: string, body: unknown, headers: unknown) =>
      void published.push([subject, (body as Encoded).bytes.length, headers]),
  };
  const log = createMemoryLog({ world: { ...world, clock: { ...world.clock, now: () => 0 } }, bus });
  await log.append({ key: '/registry/pods/d/a.b', value: new Uint8Array(3), id: 'x', headers: { 'Kubus-Cause': 'c' } });
  await log.append({ key: '/registry/pods/d/a.b', value: undefined, id: 'y' });
  const time = '1970-01-01T00:00:00.000Z';
  expect(published).toEqual([
    [
      'kubus.v1.event.registry.pods.d.a=2Eb',
      3,
      {
        'Kubus-Cause': 'c',
        'Nats-Msg-Id': 'x',
        'Nats-Sequence': '1',
        'Nats-Last-Sequence': '0',
        'Nats-Time-Stamp': time,
      },
    ],
    [
      'kubus.v1.event.registry.pods.d.a=2Eb',
      0,
      {
        'KV-Operation': 'DEL',
        'Nats-Msg-Id': 'y',
        'Nats-Sequence': '2',
        'Nats-Last-Sequence': '1',
        'Nats-Time-Stamp': time,
      },
    ],
  ]);
});

it('goes on from the content of another', async () => {
  const first = createMemoryLog({ world });
  await first.append({ key: '/a', value: new Uint8Array(1), id: 'x' });
  await first.append({ key: '/b', value: new Uint8Array(2), id: 'y' });
  await first.append({ key: '/a', value: new Uint8Array(3), id: 'z' });
  await first.purge('/a', 3);
  const log = createMemoryLog({ world, content: [...first.now.read(1)] });
  expect(log.now.bounds()).toMatchObject({ first: 2, last: 3, count: 2 });
  expect(await log.append({ key: '/a', value: undefined, id: 'z' })).toBe(3);
  expect(await log.append({ key: '/a', value: undefined, expect: 3, id: 'w' })).toBe(4);
  expect([...log.now.read(2)].map(({ revision, previous }) => [revision, previous])).toEqual([[2, 0], [3, 1], [4, 3]]); // prettier-ignore
  expect(first.now.bounds().last).toBe(3);
});
