import { mkdir, mkdtemp, readdir, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { testWorld, type TestWorld } from '../../../actors/runtime/testing/world.ts';
import { containerOf, linkName, logLinks } from './log-links.ts';
import type { Runs } from './runs.ts';

const ID = 'a'.repeat(64);
describe('the name of a link', () => {
  it('tells of pod, namespace, container and run', () => {
    expect(linkName('kube-system/web-0', 'main', ID)).toBe(`web-0_kube-system_main-${ID}.log`);
    expect(containerOf(`web-0_kube-system_main-${ID}.log`)).toBe(ID);
  });
  it('is as long as names of files may be', () => {
    const name = linkName(`d/${'p'.repeat(240)}`, 'main', ID);
    expect([name.length, name.endsWith('.log')]).toEqual([255, true]);
    expect(containerOf(linkName(`d/${'p'.repeat(180)}`, 'main', ID))).toBe('a'.repeat(255 - 4 - 180 - 8));
  });
  it.each(['web_d_main-abc.log', '.log', 'x-.log'])('%s tells of no container', (name) =>
    expect(containerOf(name)).toBeUndefined(),
  );
});

describe('links of logs', () => {
  let folder: string;
  let world: TestWorld;
  let runs: Runs;
  const paths = () => ({ containerLogs: join(folder, 'containers') });
  const links = () => logLinks(paths(), runs, world);
  const log = (id: string): string => join(folder, `${id}.txt`);
  const has = (id: string, state: 'running' | 'exited'): void => void runs.containers.set(id, { id, sandbox: 's', podUid: 'u', createdAt: 0, status: { state, startedAt: 0, details: { name: 'main', logPath: log(id) } } } as never); // prettier-ignore
  beforeEach(async () => {
    world = testWorld();
    folder = await mkdtemp(join(tmpdir(), 'kbd-links-'));
    await mkdir(paths().containerLogs);
    runs = { containers: new Map(), sandboxes: new Map([['s', { podName: 'd/p' }]]) } as unknown as Runs;
  });
  afterEach(() => rm(folder, { recursive: true }));
  const there = (): Promise<string[]> => readdir(paths().containerLogs);

  it('lead to the log while there is one, once, and go with their container', async () => {
    has('container-1', 'running');
    await links().add('container-1');
    expect(await there()).toEqual([]);
    await writeFile(log('container-1'), 'said');
    await links().add('container-1');
    await links().add('container-1');
    const name = 'p_d_main-container-1.log';
    expect([await there(), await readlink(join(paths().containerLogs, name))]).toEqual([[name], log('container-1')]);
    await links().remove('container-1');
    await links().remove('container-1');
    await links().remove('nobody');
    expect([await there(), world.complaints]).toEqual([[], []]);
  });
  it('that cannot be made are complained of, and hold nothing up', async () => {
    has('container-1', 'running');
    await writeFile(log('container-1'), 'said');
    await rm(paths().containerLogs, { recursive: true });
    await writeFile(paths().containerLogs, '');
    await links().add('container-1');
    expect(world.complaints).toMatchObject([{ message: 'log not linked' }]);
    await links().sweep();
  });
  it('that lead nowhere go, unless their container runs; what is none stays', async () => {
    has('running', 'running');
    has('exited', 'exited');
    has('leading', 'exited');
    await writeFile(log('leading'), '');
    for (const id of ['running', 'exited', 'leading', 'unknown']) await symlink(log(id), join(paths().containerLogs, `p_d_main-${id}.log`)); // prettier-ignore
    await symlink('/nowhere', join(paths().containerLogs, 'ours.txt'));
    await links().sweep();
    expect((await there()).toSorted()).toEqual(['ours.txt', 'p_d_main-leading.log', 'p_d_main-running.log']);
  });
});
