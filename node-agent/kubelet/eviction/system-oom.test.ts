import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { systemOoms, victimsIn } from './system-oom.ts';

const kill = (at: number, what: string): string => `6,9,${at * 1e6},-;oom-kill:${what},task_memcg=/a,task=stress,pid=42,uid=0\n SUBSYSTEM=x\n`; // prettier-ignore
const GLOBAL = 'constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom';
const GROUP = 'constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/kubus';

it('those that the machine itself had no memory for, since then', () => {
  const records = [kill(5, GLOBAL), kill(20, GROUP), '6,1,2', '', '6,1,30000000,-;hello; world', kill(30, GLOBAL)];
  expect(victimsIn(records, 10)).toEqual([{ process: 'stress', pid: 42 }]);
  expect(victimsIn(records, 0)).toHaveLength(2);
});
it('the log is read when the kernel has counted another', async () => {
  const root = await mkdtemp(join(tmpdir(), 'kbi-'));
  await mkdir(join(root, 'proc'));
  await mkdir(join(root, 'dev'));
  const write = (count: number, uptime: number, log: string): Promise<unknown> =>
    Promise.all([
      writeFile(join(root, 'proc/vmstat'), `nr_free 1\noom_kill ${count}\n`),
      writeFile(join(root, 'proc/uptime'), `${uptime} 1\n`),
      writeFile(join(root, 'dev/kmsg'), log),
    ]);
  const ask = systemOoms(root);
  await write(3, 10, kill(5, GLOBAL));
  expect(await ask()).toEqual([]);
  await write(3, 20, kill(15, GLOBAL));
  expect(await ask()).toEqual([]);
  await write(4, 30, kill(25, GLOBAL));
  expect(await ask()).toEqual([{ process: 'stress', pid: 42 }]);
  await write(5, 40, kill(25, GLOBAL));
  expect(await ask()).toEqual([]);
  await rm(root, { recursive: true });
});
