import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { testWorld } from '../../../actors/runtime/testing/world.ts';
import { startCollector, type Collector, type NodeImage } from './collector.ts';
import { containersToRemove, logFoldersToRemove, sandboxesToRemove, type ContainerRecord, type PodState, type SandboxRecord } from './container-plan.ts'; // prettier-ignore
import { bytesTooMany, imagesToRemove, tooOld, type ImageRecord } from './image-plan.ts';

const policy = { highPercent: 85, lowPercent: 80, minAgeMs: 120_000, maxAgeMs: 0 };
const image = (id: string, more: Partial<ImageRecord> = {}): ImageRecord => ({ id, sizeBytes: 100, firstSeen: 0, lastUsed: 0, isNeeded: false, ...more }); // prettier-ignore
const ids = (images: readonly { id: string }[]): string[] => images.map(({ id }) => id);

describe('images that go', () => {
  it.each([
    [15, 5],
    [16, 0],
    [0, 20],
    [-5, 25],
    [120, 0],
  ])('with %i of 100 bytes free, %i have to go', (available, bytes) =>
    expect(bytesTooMany({ capacity: 100, available }, policy)).toBe(bytes),
  );
  it('those used longest ago first, and no more than have to', () => {
    const images = [image('new', { lastUsed: 9 }), image('old', { lastUsed: 1 }), image('older', { lastUsed: 1, firstSeen: -1 })]; // prettier-ignore
    expect(ids(imagesToRemove(images, 150, policy, 1e9))).toEqual(['older', 'old']);
  });
  it('none that is needed, has just come or is used now', () => {
    const images = [image('needed', { isNeeded: true }), image('fresh', { firstSeen: 999_999_000 }), image('used', { lastUsed: 1e9 })]; // prettier-ignore
    expect(imagesToRemove(images, 1e9, policy, 1e9)).toEqual([]);
  });
  it('those that nobody has used for longer than they may be kept', () => {
    const images = [image('old', { lastUsed: 1_000 }), image('used', { lastUsed: 90_000 }), image('needed', { isNeeded: true })]; // prettier-ignore
    const aged = { ...policy, maxAgeMs: 50_000 };
    expect(ids(tooOld(images, aged, { now: 100_000, began: 0 }))).toEqual(['old']);
    // A kubelet that has just begun does not know when they were used.
    expect(tooOld(images, aged, { now: 100_000, began: 60_000 })).toEqual([]);
    expect(tooOld(images, policy, { now: 1e12, began: 0 })).toEqual([]);
  });
  it('property: what is needed never goes, and nothing more once enough is free', () => {
    const some = fc.record({ id: fc.uuid(), sizeBytes: fc.nat(1_000), firstSeen: fc.nat(1e6), lastUsed: fc.nat(1e6), isNeeded: fc.boolean() }); // prettier-ignore
    fc.assert(
      fc.property(fc.array(some), fc.nat(5_000), (images, bytes) => {
        const gone = imagesToRemove(images, bytes, policy, 5e6);
        expect(gone.some(({ isNeeded }) => isNeeded)).toBe(false);
        const freed = gone.slice(0, -1).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
        if (gone.length > 0) expect(freed).toBeLessThan(Math.max(bytes, 1));
      }),
    );
  });
});

const run = (id: string, podUid: string, createdAt: number, more: Partial<ContainerRecord> = {}): ContainerRecord => ({ id, podUid, name: 'main', sandbox: `s-${podUid}`, createdAt, isRunning: false, isNew: false, ...more }); // prettier-ignore
const sandbox = (id: string, podUid: string, createdAt: number, isReady = false): SandboxRecord => ({ id, podUid, createdAt, isReady }); // prettier-ignore
const states = (uid: string): PodState => (uid.startsWith('gone') ? 'gone' : uid.startsWith('over') ? 'over' : 'alive');

describe('containers that go', () => {
  const containers = [
    run('a0', 'alive', 1),
    run('a1', 'alive', 2),
    run('a2', 'alive', 3, { isRunning: true }),
    run('n', 'alive', 9, { name: 'other', isNew: true }),
    run('o0', 'over', 1),
    run('o1', 'over', 2),
    run('g0', 'gone', 1),
    run('g1', 'gone', 2, { isRunning: true }),
  ];
  it('all but the last ended run, and those of pods that are gone', () => {
    expect(containersToRemove(containers, states)).toEqual(['a0', 'o0', 'g0']);
  });
  it('and where the disk is full those of pods that are over', () => {
    expect(containersToRemove(containers, states, true)).toEqual(['a0', 'o1', 'o0', 'g0']);
  });
  it('ended sandboxes that hold nothing, but for the last of a pod that is there', () => {
    const sandboxes = [sandbox('1', 'alive', 1), sandbox('2', 'alive', 2), sandbox('3', 'gone', 1), sandbox('4', 'gone-too', 1, true), sandbox('s-over', 'over', 0), sandbox('9', 'over', 9)]; // prettier-ignore
    expect(sandboxesToRemove(sandboxes, containers, states)).toEqual(['1', '3']);
  });
  it('folders of logs of pods that are gone', () => {
    const names = ['d_a_alive', 'd_g_gone', 'd_h_gone-held', 'nonsense', 'a_b_c_d'];
    expect(logFoldersToRemove(names, states, (uid) => uid === 'gone-held')).toEqual(['d_g_gone']);
  });
});

describe('a node that clears up', () => {
  let collector: Collector | undefined;
  afterEach(() => collector?.stop());

  function bench(o: {
    available: number;
    containers?: (ContainerRecord & { image: string })[];
    volumes?: string[];
    stuck?: string;
    maxAgeMs?: number;
  }) {
    const world = testWorld();
    const images: NodeImage[] = ['used', 'free', 'pause', 'pinned'].map((name) => ({ id: `sha256:${name}`, names: [`r/${name}:1`], sizeBytes: 3, pinned: name === 'pinned' })); // prettier-ignore
    const containers = o.containers ?? [{ ...run('c', 'alive', 1, { isRunning: true }), image: 'sha256:used' }];
    const told: string[] = [];
    const folders = new Set(['d_g_gone', 'd_a_alive']);
    const kept: (readonly [ids: readonly string[], since: number])[] = [];
    let sweeps = 0;
    collector = startCollector({
      world,
      nodeName: 'n1',
      policy: { ...policy, maxAgeMs: o.maxAgeMs ?? 0 },
      keep: ['r/pause:1'],
      logFolders: async () => [...folders],
      removeLogFolder: async (name) => void folders.delete(name),
      sweep: async () => sweeps++,
      stateOf: states,
      containers: () => containers,
      sandboxes: () => [],
      volumeImages: () => new Set(o.volumes),
      tellImages: async (left, since) => void kept.push([left, since]),
      images: async () => images,
      disk: async () => ({ capacity: 100, available: o.available }),
      removeContainer: async (id) =>
        void containers.splice(
          containers.findIndex((c) => c.id === id),
          1,
        ),
      removeSandbox: async () => undefined,
      removeImage: async ({ id }) => {
        if (id === o.stuck) throw new Error('it is stuck');
        images.splice(
          images.findIndex((i) => i.id === id),
          1,
        );
      },
      tellNode: (reason, message) => told.push(`${reason}: ${message}`),
    });
    return { world, images, containers, folders, told, kept, sweeps: () => sweeps };
  }
  it('leaves images where there is room', async () => {
    const b = bench({ available: 50 });
    await b.world.advance(900_000);
    expect(b.images).toHaveLength(4);
    expect(b.told).toEqual([]);
  });
  it('removes what nobody uses, and says where that is not enough', async () => {
    const b = bench({ available: 10 });
    await b.world.advance(900_000);
    expect(ids(b.images)).toEqual(['sha256:used', 'sha256:pause', 'sha256:pinned']);
    expect(b.told[0]).toBe(
      "FreeDiskSpaceFailed: Insufficient free disk space on the node's image filesystem (90% of 100 B used). Failed to free sufficient space by deleting unused images (freed 3 bytes). Investigate disk usage, as it could be used by active images, logs, volumes, or other data.",
    );
  });
  it('tells which images are left, so that what is kept of the others can go', async () => {
    const b = bench({ available: 10 });
    const before = b.world.clock.now();
    await b.world.advance(900_000);
    expect(b.kept.at(-1)![0]).toEqual(['sha256:used', 'sha256:pause', 'sha256:pinned']);
    // What came after it looked is not missing.
    expect(b.kept.at(-1)![1]).toBeLessThanOrEqual(b.world.clock.now());
    expect(b.kept[0]![1]).toBeGreaterThan(before);
  });
  it('and so it does where an image was only old', async () => {
    const b = bench({ available: 50, maxAgeMs: 600_000 });
    await b.world.advance(1_500_000);
    expect(b.kept.map(([left]) => left)).toEqual([['sha256:used', 'sha256:pause', 'sha256:pinned']]);
  });
  it('keeps images that are volumes', async () => {
    const b = bench({ available: 10, volumes: ['sha256:free'] });
    await b.world.advance(900_000);
    expect(b.images).toHaveLength(4);
  });
  it('removes another where one cannot be removed', async () => {
    const b = bench({ available: 15, containers: [], stuck: 'sha256:used' });
    b.images.push({ id: 'sha256:more', names: [], sizeBytes: 2, pinned: false });
    await b.world.advance(900_000);
    // Five bytes were to go.
    expect(ids(b.images)).toEqual(['sha256:used', 'sha256:pause', 'sha256:pinned']);
    expect(b.kept.at(-1)![0]).toEqual(['sha256:used', 'sha256:pause', 'sha256:pinned']);
    expect(b.world.complaints).not.toEqual([]);
  });
  it('containers and folders of pods that are gone', async () => {
    const b = bench({ available: 50, containers: [{ ...run('g', 'gone', 1), image: 'sha256:free' }, { ...run('a', 'alive', 1, { isRunning: true }), image: 'sha256:used' }] }); // prettier-ignore
    await b.world.advance(61_000);
    expect(ids(b.containers)).toEqual(['a']);
    expect([...b.folders]).toEqual(['d_a_alive']);
    expect(b.sweeps()).toBe(1);
  });
  it('all at once where the disk is full, once they have been there a while', async () => {
    const b = bench({ available: 50 });
    await b.world.advance(60_500);
    await collector!.removeUnused();
    expect(b.images).toHaveLength(4);
    await b.world.advance(130_000);
    await collector!.removeUnused();
    expect(ids(b.images)).toEqual(['sha256:used', 'sha256:pause', 'sha256:pinned']);
  });
});
