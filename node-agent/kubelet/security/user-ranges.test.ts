import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { testWorld } from '../../../actors/runtime/testing/world.ts';
import { abilitiesOf, usersOf } from '../../runtime/cri/abilities.ts';
import type { Pod } from '../../../schemas/generated/core-v1.ts';
import { openUserRanges } from './user-ranges.ts';

let pods = '';
beforeEach(async () => {
  pods = await mkdtemp(join(tmpdir(), 'kbU'));
});
afterEach(() => rm(pods, { recursive: true, force: true }));
const podOf = (uid: string, hostUsers = false): Pod => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: uid, namespace: 'shop', uid }, spec: { containers: [], hostUsers } }); // prettier-ignore
const open = (part?: { index: number; of: number }) => openUserRanges({ world: testWorld(), pods, part });
const UNIT = 65_536;

describe('users of a pod’s own', () => {
  it('are a range that no other pod has, kept with the pod', async () => {
    const ranges = await open();
    const given = await Promise.all(['a', 'b', 'a'].map((uid) => ranges.of(podOf(uid))));
    expect(given.map(({ hostId }) => hostId)).toEqual([UNIT, 2 * UNIT, UNIT]);
    const range = { hostId: UNIT, containerId: 0, length: UNIT };
    expect(JSON.parse(await readFile(join(pods, 'a', 'userns'), 'utf8'))).toEqual({ uidMappings: [range], gidMappings: [range] }); // prettier-ignore
    const again = await open();
    expect((await again.of(podOf('c'))).hostId).toBe(3 * UNIT);
    expect((await again.of(podOf('b'))).hostId).toBe(2 * UNIT);
  });
  it('are free again once the pod’s folder is gone', async () => {
    const ranges = await open();
    await ranges.of(podOf('a'));
    await ranges.of(podOf('b'));
    await rm(join(pods, 'a'), { recursive: true });
    expect((await ranges.of(podOf('c'))).hostId).toBe(UNIT);
  });
  it('are of the node’s own part of the machine’s, and may be used up', async () => {
    const ranges = await open({ index: 3, of: 30_000 });
    const given = [await ranges.of(podOf('a')), await ranges.of(podOf('b'))];
    expect(given.map(({ hostId }) => hostId / UNIT)).toEqual([7, 8]);
    await expect(ranges.of(podOf('c'))).rejects.toThrow('create user namespace: could not find an empty slot to allocate a user namespace'); // prettier-ignore
    expect((await (await open({ index: 255, of: 256 })).of(podOf('d'))).hostId + UNIT).toBeLessThanOrEqual(2 ** 32);
  });
  it.each([
    ['{', /^user namespace: invalid user namespace mappings file: /],
    ['{}', /no more than one mapping allowed\.$/],
    [JSON.stringify({ uidMappings: [{ hostId: UNIT, containerId: 0, length: UNIT }], gidMappings: [] }), /GID and UID mapping should be identical$/],
    [mapping(UNIT, 1, UNIT), /UID 0 must be mapped$/],
    [mapping(UNIT, 0, 10), /wrong user namespace length 10$/],
    [mapping(UNIT + 1, 0, UNIT), /wrong user namespace offset specified 65537$/],
    [mapping(0, 0, UNIT), /id 0 is out of range$/],
  ])('that were kept as %s are refused', async (text, why) => {
    await mkdir(join(pods, 'a'));
    await writeFile(join(pods, 'a', 'userns'), text);
    const ranges = await open();
    await expect(ranges.of(podOf('a'))).rejects.toThrow(why);
    expect((await ranges.of(podOf('b'))).hostId).toBe(UNIT);
  }); // prettier-ignore
});
function mapping(hostId: number, containerId: number, length: number): string {
  const all = [{ hostId, containerId, length }];
  return JSON.stringify({ uidMappings: all, gidMappings: all });
}

describe('who asks for them', () => {
  const features = (userNamespaces: boolean) => ({ recursiveReadOnlyMounts: false, userNamespaces });
  const cri = (...runtimeHandlers: { name: string; features?: ReturnType<typeof features> }[]) => ({ status: async () => ({ runtimeHandlers }) }); // prettier-ignore
  const range = { hostId: UNIT, containerId: 0, length: UNIT };
  const asks = (of: ReturnType<typeof cri>, handler = '', pod = podOf('a')) =>
    usersOf(pod, handler, { of: async () => range }, (name) => abilitiesOf(of, name)).catch((error: Error) => error.message); // prettier-ignore
  const cannot = "can't set `spec.hostUsers: false`, ";
  it.each([
    ['has them where the runtime can', cri({ name: '', features: features(true) }), '', range],
    ['is refused where it is old', cri(), '', `${cannot}runtime does not support user namespaces`],
    ['is refused where it cannot', cri({ name: '', features: features(false) }), '', `${cannot}runtime does not support user namespaces`],
    ['is refused where its way cannot', cri({ name: 'kata' }), 'kata', `${cannot}RuntimeClass handler "kata" does not support user namespaces`],
    ['is refused where there is no such way', cri({ name: '' }), 'kata', `${cannot}RuntimeClass handler "kata" does not support user namespaces: the handler "kata" is not known`],
  ])('%s', async (_what, of, handler, expected) => expect(await asks(of, handler)).toEqual(expected)); // prettier-ignore
  it('is nobody else', async () => {
    expect(await asks(cri(), '', podOf('a', true))).toBeUndefined();
  });
});
