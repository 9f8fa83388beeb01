import { expect, it } from 'vitest';
import { encode } from '../../bus/codec.ts';
import type { Log } from '../../bus/log.ts';
import { createMemoryLog } from '../../bus/memory/log.ts';
import { realWorld } from '../../bus/real-world.ts';
import { readerOf, type LogReader } from './log-reader.ts';

const world = realWorld({ level: 'silent' });
const KEY = '/registry/configmaps/default/a';
const open = (): { log: Log; reader: Omit<LogReader, 'close'>; write: (value: string | undefined) => Promise<number> } => {
  const log = createMemoryLog({ world });
  return {
    log,
    reader: readerOf(log, () => world.ids.token()),
    write: (value) =>
      log.append({ key: KEY, value: value === undefined ? value : encode({ data: { value } }), id: world.ids.token() }),
  };
}; // prettier-ignore
const valuesOf = ({ entries }: Pick<LogReader, 'entries'>): unknown[] =>
  entries.filter(({ key }) => key === KEY).map(({ value }) => value);

it('reads every entry once, also when it is asked again before it has finished', async () => {
  const { reader, write } = open();
  await write('x');
  const first = reader.read();
  await write('y');
  await Promise.all([first, reader.read(), reader.read()]);
  await write(undefined);
  await reader.read();
  expect(valuesOf(reader)).toEqual(['x', 'y', undefined]);
  expect(reader.holes).toEqual([]);
});

it('reads on past what is no object of ours: whose a port is', async () => {
  const { log, reader, write } = open();
  await log.append({
    key: '/registry/ranges/servicenodeports/30080',
    value: new TextEncoder().encode('{"owner":"default/web"}'),
    id: world.ids.token(),
  });
  await write('x');
  await reader.read();
  expect(valuesOf(reader)).toEqual(['x']);
});

it('minds no compaction of what it has read, and tells of one of what it has not', async () => {
  const { log, reader, write } = open();
  await write('x');
  await write('y');
  await reader.read();
  await log.purge(KEY, 2);
  await write('z');
  await reader.read();
  expect(valuesOf(reader)).toEqual(['x', 'y', 'z']);
  expect(reader.holes).toEqual([]);
  const unread = await write('unread');
  await log.purge(KEY, await write('newest'));
  await reader.read();
  expect(valuesOf(reader)).toEqual(['x', 'y', 'z', 'newest']);
  expect(reader.holes).toEqual([`${unread} to ${unread}`]);
});

it('goes on where it was after a read that failed', async () => {
  const { log, write } = open();
  let fails = true;
  const broken: Log = Object.assign(Object.create(log) as Log, {
    append: (...entry: Parameters<Log['append']>) =>
      fails ? Promise.reject(new Error('no leader')) : log.append(...entry),
    barrier: () => log.barrier(),
    read: (...range: Parameters<Log['read']>) => log.read(...range),
  });
  const reader = readerOf(broken, () => world.ids.token());
  await write('x');
  await expect(reader.read()).rejects.toThrow('no leader');
  fails = false;
  await reader.read();
  expect(valuesOf(reader)).toEqual(['x']);
  expect(reader.holes).toEqual([]);
});
