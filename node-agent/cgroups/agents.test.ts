import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { gatherAgents } from './agents.ts';

let folder: string;
let proc: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kbi-'));
  proc = join(folder, 'proc');
  for (const path of ['', 'node']) {
    await mkdir(join(folder, 'cgroup', path), { recursive: true });
    await writeFile(join(folder, 'cgroup', path, 'cgroup.controllers'), 'cpu memory');
  }
});
afterEach(() => rm(folder, { recursive: true }));
async function processOf(pid: number, group: string): Promise<void> {
  await mkdir(join(proc, String(pid), 'ns'), { recursive: true });
  await writeFile(join(proc, String(pid), 'cgroup'), `0::${group}\n`);
}
async function gather(namespace: string): Promise<string> {
  const own = String(process.pid);
  await processOf(process.pid, '/user.slice');
  await symlink(namespace, join(proc, own, 'ns/pid'));
  await symlink(own, join(proc, 'self'));
  await gatherAgents({ version: 2, mount: join(folder, 'cgroup') }, '/node', proc);
  return readFile(join(folder, 'cgroup/node/agents/cgroup.procs'), 'utf8').catch(() => '');
}
it('processes of the node that are not counted to it yet', async () => {
  await processOf(1, '/node/kubepods/poda/c');
  // One is written after the other, of which a file keeps the last alone.
  expect(await gather('pid:[4026532999]')).toBe(String(process.pid));
});
it('none where they are those of the machine', async () => {
  expect(await gather('pid:[4026531836]')).toBe('');
});
