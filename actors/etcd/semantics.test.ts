import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { TestServer } from '../../bus/nats/testing/server.ts';
import { encode } from '../../bus/codec.ts';
import type { ChangesResponse, StoreFence } from '../../bus/protocol/etcd.ts';
import { reasonOf } from '../../schemas/meta/status.ts';
import { until } from '../../bus/testing/until.ts';
import { deleteStream, memoryRig, natsRig, startJetStream, text, type Client, type Rig } from './testing/rig.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startJetStream();
});
afterAll(() => server.stop());

const withReason = (reason: string) => (error: unknown) => reasonOf(error) === reason;
const brief = ({ changes }: ChangesResponse): unknown[] =>
  changes.filter((c) => !c.key.startsWith('/kubus/')).map((c) => [c.revision, c.key, text(c.value)]);

describe.each<[string, () => Rig, () => Promise<void>]>([
  ['memory', () => memoryRig(), async () => undefined],
  ['JetStream', () => natsRig(server.url), () => deleteStream(server.url)],
])('the store on %s', (_name, createRig, cleanUp) => {
  let rig: Rig;
  let client: Client;
  let dir: string;
  beforeEach(async () => {
    rig = createRig();
    client = await rig.client();
    dir = mkdtempSync(join(tmpdir(), 'kubus-etcd-'));
  });
  afterEach(async () => {
    await rig.close();
    await cleanUp();
    rmSync(dir, { recursive: true });
  });

  it('creates, compares, sets and deletes one key', async () => {
    await rig.etcd();
    const created = await client.put('/a', '1', { expect: 0 });
    expect(created).toEqual({ revision: 1 });
    const updated = await client.put('/a', '2', { expect: 1 });
    const { kvs } = await client.range('/a');
    expect(kvs.map((kv) => ({ ...kv, value: text(kv.value) }))).toEqual([
      { key: '/a', value: '2', createRevision: 1, modRevision: updated.revision, version: 2 },
    ]);
    const deleted = await client.delete('/a', { expect: updated.revision });
    expect(text(deleted.previous?.value)).toBe('2');
    expect((await client.range('/a')).kvs).toEqual([]);
    const again = await client.put('/a', '3', { expect: 0 });
    const now = (await client.range('/a')).kvs[0];
    expect(now).toMatchObject({ createRevision: again.revision, version: 1 });
  });

  it('refuses who writes under a leadership that passed on, and keeps beside a write under whose it was made', async () => {
    await rig.etcd();
    const lease = (holderIdentity: string, leaseTransitions: number): Uint8Array =>
      encode({ kind: 'Lease', spec: { holderIdentity, leaseTransitions } });
    const of = (holder: string, transitions: number): StoreFence => ({
      key: '/leases/x',
      holder,
      transitions,
      checkedAt: Infinity,
    });
    await expect(client.put('/a', '1', { fence: of('a', 0) })).rejects.toSatisfy(withReason('Conflict'));
    await client.put('/leases/x', lease('a', 0));
    const { revision } = await client.put('/a', '1', { fence: of('a', 0) });
    await client.put('/leases/x', lease('b', 1));
    await expect(client.put('/a', '2', { fence: of('a', 0) })).rejects.toThrow(/a no longer holds .*: b does/);
    await expect(client.delete('/a', { fence: of('a', 0) })).rejects.toSatisfy(withReason('Conflict'));
    await expect(client.put('/a', '2', { fence: of('b', 0) })).rejects.toSatisfy(withReason('Conflict'));
    await client.delete('/a', { fence: of('b', 1) });
    const log = await rig.log();
    const fences: unknown[] = [];
    for await (const entry of log.read(revision)) if (entry.key === '/a') fences.push(entry.headers['Kubus-Fence']);
    expect(fences).toEqual(['0 a /leases/x', '1 b /leases/x']);
  });

  it('answers a conflict with what is there', async () => {
    await rig.etcd();
    const { revision } = await client.put('/a', 'x');
    const current = { key: '/a', modRevision: revision, version: 1 };
    expect(await client.put('/a', 'y', { expect: 0 })).toMatchObject({ revision, conflict: { current } });
    expect(await client.put('/a', 'y', { expect: 99 })).toMatchObject({ conflict: { current } });
    expect(await client.delete('/a', { expect: 99 })).toMatchObject({ conflict: { current } });
    expect((await client.put('/none', 'y', { expect: 7 })).conflict).toEqual({});
    expect(await client.delete('/none')).toEqual({ revision });
    expect((await client.range('/a')).revision).toBe(revision);
  });

  it('lets no attempt create what another was refused because it was there', async () => {
    await rig.etcd();
    await client.put('/a', '1', { expect: 0 });
    const attempt = { expect: 0, id: 'w', since: 1 };
    expect(await client.put('/a', '2', attempt)).toMatchObject({ conflict: { current: { modRevision: 1 } } });
    const { revision } = await client.delete('/a', { expect: 1 });
    // The one that was given up comes late.
    expect(await client.put('/a', '2', attempt)).toEqual({ revision, conflict: { current: undefined } });
    const later = { expect: 0, id: 'x', since: revision };
    const created = await client.put('/a', '2', later);
    expect(created.conflict).toBeUndefined();
    await client.delete('/a', { expect: created.revision });
    expect(await client.put('/a', '2', later)).toEqual(created);
  });

  it('answers a repeated write with its first outcome', async () => {
    await rig.etcd();
    const first = await client.put('/a', '1', { expect: 0, id: 'w1' });
    await client.put('/a', '2');
    expect(await client.put('/a', '1', { expect: 0, id: 'w1' })).toEqual(first);
    const blind = await client.put('/a', '3', { id: 'w2' });
    expect(await client.put('/a', '3', { id: 'w2' })).toEqual(blind);
    const gone = await client.delete('/a', { id: 'w3' });
    expect(await client.delete('/a', { id: 'w3' })).toEqual(gone);
    expect((await client.status()).revision).toBe(gone.revision);
  });

  it('reads any revision as it was, and counts all whatever the limit', async () => {
    await rig.etcd();
    for (let i = 0; i < 10; i++) await client.put(`/r/${i}`, 'old');
    for (let i = 0; i < 10; i += 2) await client.put(`/r/${i}`, 'new');
    await client.delete('/r/1');
    const range = { rangeEnd: '/r0' };
    const now = await client.range('/r/', range);
    expect([now.revision, now.count, now.more, now.kvs.length]).toEqual([16, 9, false, 9]);
    const then = await client.range('/r/', { ...range, revision: 10 });
    expect(then.kvs.map((kv) => text(kv.value))).toEqual(Array.from({ length: 10 }, () => 'old'));
    const page = await client.range('/r/', { ...range, revision: 12, limit: 3 });
    expect([page.revision, page.count, page.more, page.kvs.length]).toEqual([12, 10, true, 3]);
    const rest = await client.range(`${page.kvs.at(-1)!.key}\0`, { ...range, revision: 12 });
    expect(rest.kvs.map((kv) => kv.key)).toEqual(['/r/3', '/r/4', '/r/5', '/r/6', '/r/7', '/r/8', '/r/9']);
    const keys = await client.range('/r/', { ...range, keysOnly: true });
    expect(keys.kvs.every((kv) => kv.value.length === 0)).toBe(true);
    expect(await client.range('/r/', { ...range, countOnly: true })).toMatchObject({ count: 9, kvs: [] });
    expect((await client.range('/r/', { rangeEnd: '\0' })).count).toBe(9);
  });

  it('cuts large answers into pages that fit a message', async () => {
    await rig.etcd();
    const big = 'x'.repeat(400_000);
    for (let i = 0; i < 5; i++) await client.put(`/big/${i}`, big);
    const page = await client.range('/big/', { rangeEnd: '/big0' });
    expect([page.kvs.length, page.more, page.count]).toEqual([2, true, 5]);
    expect((await client.list('/big/')).items).toHaveLength(5);
    const changes = await client.changes(0);
    expect([changes.changes.length, changes.more, changes.revision]).toEqual([2, true, 2]);
  });

  it('waits 3 s for a revision to come, then says Timeout', async () => {
    await rig.etcd();
    const early = client.range('/a', { revision: 2 });
    await client.put('/a', '1');
    await client.put('/a', '2');
    expect(text((await early).kvs[0]?.value)).toBe('2');
    const start = Date.now();
    await expect(client.range('/a', { revision: 99 })).rejects.toSatisfy(withReason('Timeout'));
    expect(Date.now() - start).toBeGreaterThan(2_900);
  });

  it('tells all changes after a revision once and in order', async () => {
    await rig.etcd();
    await client.put('/a', '1');
    await client.put('/b', '2');
    await client.delete('/a');
    await client.put('/a', '3');
    const all = await client.changes(0);
    expect(brief(all)).toEqual([
      [1, '/a', '1'],
      [2, '/b', '2'],
      [3, '/a', undefined],
      [4, '/a', '3'],
    ]);
    expect(all.changes.map((c) => [c.previousRevision, c.createRevision])).toEqual([
      [0, 1],
      [0, 2],
      [1, 1],
      [0, 4],
    ]);
    expect(all).toMatchObject({ revision: 4, more: false });
    const some = await client.changes(1, { limit: 2 });
    expect([brief(some).length, some.revision, some.more]).toEqual([2, 3, true]);
    expect(brief(await client.changes(some.revision))).toEqual([[4, '/a', '3']]);
    expect(await client.changes(4)).toEqual({ changes: [], revision: 4, more: false });
    expect(await client.changes(1, { upTo: 2 })).toMatchObject({ revision: 2, more: false });
  });

  it('compacts: the past is Expired, the present stays, and the log is purged', async () => {
    await rig.etcd({ tombstoneMs: 0, historyMs: 3_600_000 });
    for (let i = 0; i < 5; i++) await client.put('/a', `${i}`);
    await client.put('/b', 'x');
    await client.delete('/b');
    await client.put('/c', 'last');
    await client.compact(7);
    expect((await client.status()).compactRevision).toBe(7);
    await expect(client.range('/a', { revision: 6 })).rejects.toSatisfy(withReason('Expired'));
    await expect(client.changes(6)).rejects.toSatisfy(withReason('Expired'));
    await expect(client.compact(7)).rejects.toSatisfy(withReason('Expired'));
    await expect(client.compact(1000)).rejects.toSatisfy(withReason('BadRequest'));
    expect(brief(await client.changes(7))).toEqual([[8, '/c', 'last']]);
    expect((await client.list('/')).items.filter((i) => !i.startsWith('/kubus'))).toEqual(['/a=4', '/c=last']);
    const { kvs } = await client.range('/a', { revision: 7 });
    expect(kvs[0]).toMatchObject({ createRevision: 1, modRevision: 5, version: 5 });
    const log = await rig.log();
    const left: string[] = [];
    for await (const entry of log.read(1)) left.push(`${entry.revision}${entry.key}`);
    expect(left).toEqual(['5/a', '7/b', '8/c', '9/kubus/floor']);
  });

  it('keeps the floor, origins and expiry over a restart, with and without a snapshot', async () => {
    const first = await rig.etcd({ snapshotDir: dir, historyMs: 3_600_000 });
    for (let i = 0; i < 5; i++) await client.put('/a', `${i}`);
    await client.put('/b', 'short', { ttlMs: 60_000 });
    await client.compact(4);
    await client.snapshot();
    await client.put('/a', 'after the snapshot');
    await first.stop();
    for (const snapshotDir of [dir, undefined]) {
      const etcd = await rig.etcd({ snapshotDir, historyMs: 3_600_000 });
      expect((await client.status()).compactRevision).toBe(4);
      const { kvs } = await client.range('/a');
      expect(kvs[0]).toMatchObject({ createRevision: 1, version: 6 });
      expect(text((await client.range('/a', { revision: 5 })).kvs[0]?.value)).toBe('4');
      expect(brief(await client.changes(5))).toEqual([
        [6, '/b', 'short'],
        [8, '/a', 'after the snapshot'],
      ]);
      await expect(client.changes(3)).rejects.toSatisfy(withReason('Expired'));
      await etcd.stop();
    }
  });

  it('expires a key by a delete with a revision of its own, also after a restart', async () => {
    const first = await rig.etcd({ snapshotDir: dir });
    await client.put('/lives', 'x', { ttlMs: 200 });
    await client.put('/lives', 'x');
    const { revision } = await client.put('/dies', 'x', { ttlMs: 300 });
    await client.put('/dies-later', 'x', { ttlMs: 1_000 });
    await until(async () => (await client.range('/dies')).kvs.length === 0);
    expect(brief(await client.changes(revision + 1))).toEqual([[revision + 2, '/dies', undefined]]);
    await first.stop();
    await rig.etcd({ snapshotDir: dir });
    await until(async () => (await client.range('/dies-later')).kvs.length === 0);
    const left = (await client.list('/')).items;
    expect(left).toEqual(['/lives=x']);
  });

  it('stays one store with several facades', async () => {
    await Promise.all([rig.etcd(), rig.etcd(), rig.etcd()]);
    const clients = await Promise.all([rig.client(), rig.client(), rig.client(), rig.client()]);
    // Each increments the same counter by compare-and-set; lost updates would show in the sum.
    const each = 15;
    await Promise.all(
      clients.map(async (c) => {
        for (let done = 0; done < each;) {
          const { kvs } = await c.range('/counter');
          const value = Number(text(kvs[0]?.value) ?? 0) + 1;
          const answer = await c.put('/counter', String(value), { expect: kvs[0]?.modRevision ?? 0 });
          if (answer.conflict === undefined) {
            done++;
            // Whichever facade is asked next, it knows of the write.
            const seen = await c.range('/counter');
            expect(seen.revision).toBeGreaterThanOrEqual(answer.revision);
            expect(seen.kvs[0]!.modRevision).toBeGreaterThanOrEqual(answer.revision);
          }
        }
      }),
    );
    expect(text((await client.range('/counter')).kvs[0]?.value)).toBe(String(each * clients.length));
  });

  it('moves the floor by time, once for all facades', async () => {
    await Promise.all([1, 2].map(() => rig.etcd({ historyMs: 100, tombstoneMs: 300 })));
    for (let i = 0; i < 20; i++) await client.put(`/k/${i % 4}`, `${i}`);
    await client.delete('/k/0');
    const log = await rig.log();
    await until(async () => (await client.status()).compactRevision >= 21);
    await until(async () => {
      const left: string[] = [];
      for await (const entry of log.read(1)) if (!entry.key.startsWith('/kubus')) left.push(entry.key);
      return left.toSorted().join() === '/k/1,/k/2,/k/3';
    });
    expect((await client.list('/k/')).items).toEqual(['/k/1=17', '/k/2=18', '/k/3=19']);
    // The store's own key does not keep it busy.
    const before = await log.bounds();
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect((await log.bounds()).last).toBe(before.last);
  });

  it('refuses what it does not know, and keys that it cannot hold', async () => {
    await rig.etcd();
    await expect(client.ask('txn', {})).rejects.toSatisfy(withReason('MethodNotAllowed'));
    await expect(client.put('', 'x')).rejects.toSatisfy(withReason('BadRequest'));
    await expect(client.ask('put', { key: '/a', id: 'x' })).rejects.toSatisfy(withReason('BadRequest'));
  });

  it('takes over within a moment when a facade drains, and loses nothing', async () => {
    const [one] = await Promise.all([rig.etcd(), rig.etcd()]);
    const writes = Array.from({ length: 200 }, (_, i) => client.put(`/d/${i}`, `${i}`));
    await one.stop();
    expect(one.state()).toBe('stopped');
    await Promise.all(writes);
    expect((await client.list('/d/')).items).toHaveLength(200);
  });
});
