import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Bus, Session } from '../../bus/bus.ts';
import { createMemoryHub } from '../../bus/memory/bus.ts';
import { realWorld } from '../../bus/real-world.ts';
import * as subjects from '../../bus/subjects.ts';
import { bench, type Bench } from './testing/kubelet.ts';

let b: Bench;
let buses: Bus[];
beforeEach(async () => {
  const hub = createMemoryHub({ world: realWorld({ level: 'silent' }) });
  buses = ['nodes', 'admin'].map((name) => hub.connect(name));
  b = await bench({}, buses[0]);
});
afterEach(async () => {
  await b.stop();
  await Promise.all(buses.map((bus) => bus.drain()));
});
const open = (bytes: number, names: readonly string[]): Promise<Session> =>
  buses[1]!.open(subjects.node('n1', 'load'), { bytes, names });
async function said(session: Session): Promise<unknown> {
  for await (const frame of session.frames()) return frame;
  return (await session.closed)?.message;
}

it('an archive that has come whole is answered with the full names of its images, which the node then says it has', async () => {
  const session = await open(6, ['web:1', 'a.example/db']);
  for (const part of ['arc', 'hiv']) await session.send(Buffer.from(part));
  expect(await said(session)).toEqual({ images: ['docker.io/library/web:1', 'a.example/db:latest'] });
  await b.world.until(() => b.node().status?.images?.some(({ names }) => names?.includes('a.example/db:latest')) ?? false); // prettier-ignore
});
it.each([
  ['more bytes than were announced', 4, [Buffer.from('archive')], 'an archive is sent in bytes, no more of them than were announced'],
  ['something that is no bytes', 4, ['text'], 'an archive is sent in bytes, no more of them than were announced'],
])('%s are refused', async (_, announced, frames, why) => {
  const session = await open(announced, ['web:1']);
  for (const frame of frames) await session.send(frame);
  expect(await said(session)).toBe(why);
  expect(b.node().status?.images ?? []).toEqual([]);
}); // prettier-ignore
it('one that is broken off leaves nothing', async () => {
  const session = await open(1000, ['web:1']);
  await session.send(Buffer.from('arc'));
  session.close();
  expect(await said(session)).toBeUndefined();
  expect(b.node().status?.images ?? []).toEqual([]);
});
