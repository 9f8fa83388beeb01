import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import type { Log, LogEntry } from '../../bus/log.ts';
import { natsServerConfig } from '../../bus/nats/server-config.ts';
import type { TestServer } from '../../bus/nats/testing/server.ts';
import { ApiError, reasonOf } from '../../schemas/meta/status.ts';
import { compareKeys } from './compare.ts';
import { FLOOR_KEY } from './floor.ts';
import { until } from '../../bus/testing/until.ts';
import {
  bytes,
  deleteStream,
  jetStream,
  meddled,
  natsRig,
  startJetStream,
  text,
  type Client,
  type Rig,
} from './testing/rig.ts';

/**
 * What sank earlier attempts at etcd's semantics on JetStream, one by one. Here, all but those whose remedy is elsewhere:
 *
 * | pitfall | where |
 * |---|---|
 * | 3 lists as N+1 gets | here; and the API server's watch cache, `actors/apiserver/watch-cache` |
 * | 12 a consumer a watcher, reconnects without jitter | here; `bus/nats/connect.ts` has the backoff |
 * | 13 DeliverLastPerSubject | with 12: no consumer is ever made |
 * | 16, 17 servers and streams that may lose writes | here; refusals in `bus/nats/log.test.ts` |
 * | 18, 22, 23 failover, old leaders, elections | here with a log that fails; three real servers in `bus/nats/replicas.test.ts` |
 * | 21 Events in a stream of their own | refused: revisions are one sequence for all kinds. Events expire, and are purged whole |
 * | 24 where nats-server comes from | `ops/fetch` |
 */
let server: TestServer;
let rig: Rig;
let client: Client;
let dir: string;
beforeAll(async () => {
  server = await startJetStream();
});
afterAll(() => server.stop());
beforeEach(async () => {
  rig = natsRig(server.url);
  client = await rig.client();
  dir = mkdtempSync(join(tmpdir(), 'kubus-etcd-'));
});
afterEach(async () => {
  await rig.close();
  await deleteStream(server.url);
  rmSync(dir, { recursive: true });
});

const withReason = (reason: string) => (error: unknown) => reasonOf(error) === reason;
const entriesOf = async (log: Log, from = 1): Promise<LogEntry[]> => {
  const all: LogEntry[] = [];
  for await (const entry of log.read(from)) all.push(entry);
  return all;
};
const keep = { historyMs: 3_600_000 };

it('pitfall 1: no history is dropped in silence: all of it, or Expired', async () => {
  await rig.etcd(keep);
  for (let i = 1; i <= 100; i++) await client.put('/a', `${i}`);
  const { changes } = await client.changes(3);
  expect(changes.map((c) => text(c.value))).toEqual(Array.from({ length: 97 }, (_, i) => `${i + 4}`));
  await client.compact(50);
  await expect(client.changes(49)).rejects.toSatisfy(withReason('Expired'));
  expect((await client.changes(50)).changes.filter((c) => c.key === '/a')).toHaveLength(50);
});

it('pitfall 2: a list is exactly what was true at its revision', async () => {
  await rig.etcd(keep);
  const run = { over: false };
  const writer = (async () => {
    for (let i = 0; !run.over; i++) await client.put(`/k/${i % 50}`, `${i}`);
  })();
  const reader = await rig.client();
  const lists = [];
  for (let i = 0; i < 20; i++) lists.push(await reader.list('/k/'));
  run.over = true;
  await writer;
  const { changes } = await client.changes(0);
  for (const { revision, items } of lists) {
    const state = new Map<string, string>();
    for (const c of changes) if (c.revision <= revision) state.set(c.key, text(c.value)!);
    expect(items).toEqual([...state].toSorted(([a], [b]) => compareKeys(a, b)).map(([k, v]) => `${k}=${v}`));
  }
});

it('pitfall 3: a list asks nothing of the log, and no key is left out', async () => {
  let asked = 0;
  await rig.etcd(keep, (log) =>
    meddled(log, {
      read: (from, to) => {
        asked++;
        return log.read(from, to);
      },
    }),
  );
  await Promise.all(Array.from({ length: 1_500 }, (_, i) => client.put(`/k/${i}`, 'x'.repeat(1_000))));
  const before = asked;
  expect((await client.list('/k/')).items).toHaveLength(1_500);
  expect(asked).toBe(before);
});

it('pitfall 4: more than 1,024 keys load whole', async () => {
  const log = await rig.log();
  await Promise.all(
    Array.from({ length: 3_000 }, (_, i) => log.append({ key: `/k/${i}`, value: bytes('x'), id: `i${i}` })),
  );
  await rig.etcd(keep);
  expect((await client.list('/k/')).items).toHaveLength(3_000);
});

it('pitfall 5: a read after a write sees it, whichever facade answers', async () => {
  await Promise.all([rig.etcd(keep), rig.etcd(keep), rig.etcd(keep)]);
  for (let i = 0; i < 150; i++) {
    const { revision } = await client.put('/a', `${i}`);
    expect((await client.range('/a')).kvs[0]!.modRevision).toBe(revision);
  }
});

it('pitfall 6: a write whose event does not come is fetched from the log before it is acknowledged', async () => {
  let drop = false;
  await rig.etcd(keep, (log) =>
    meddled(log, {
      subscribe: (onEntry, onDoubt) => log.subscribe((entry) => (drop ? undefined : onEntry(entry)), onDoubt),
    }),
  );
  await client.put('/a', 'seen');
  drop = true;
  const { revision } = await client.put('/a', 'unheard');
  expect(text((await client.range('/a', { revision })).kvs[0]?.value)).toBe('unheard');
});

it('pitfall 6: a write that the index cannot see is answered with an error, never acknowledged', async () => {
  let deaf = false;
  const unavailable = new ApiError('ServiceUnavailable', 'the log does not answer');
  await rig.etcd(keep, (log) =>
    meddled(log, {
      subscribe: (onEntry) => log.subscribe((entry) => (deaf ? undefined : onEntry(entry))),
      bounds: () => (deaf ? Promise.reject(unavailable) : log.bounds()),
    }),
  );
  deaf = true;
  await expect(client.put('/a', 'x')).rejects.toSatisfy(withReason('Timeout'));
  deaf = false;
  // Nothing is lost by it: the index catches up.
  await until(async () => text((await client.range('/a')).kvs[0]?.value) === 'x');
});

it('pitfall 7: a start reads the snapshot and the tail, and compaction really purges', async () => {
  const first = await rig.etcd({ ...keep, snapshotDir: dir });
  for (let i = 0; i < 300; i++) await client.put(`/k/${i % 10}`, `${i}`);
  await client.snapshot();
  for (let i = 0; i < 5; i++) await client.put('/tail', `${i}`);
  await first.stop();
  const reads: number[] = [];
  await rig.etcd({ ...keep, snapshotDir: dir }, (log) =>
    meddled(log, {
      read: (from, to) => {
        reads.push(from);
        return log.read(from, to);
      },
    }),
  );
  // One entry to see that it is the same past, then the tail.
  expect(reads).toEqual([300, 301]);
  expect((await client.list('/k/')).items).toHaveLength(10);
  expect(text((await client.range('/k/7', { revision: 100 })).kvs[0]?.value)).toBe('97');
  await client.compact(305);
  expect((await (await rig.log()).bounds()).count).toBe(12);
});

it('pitfall 8: a delete is one message, its revision the next', async () => {
  await rig.etcd(keep);
  const { revision } = await client.put('/a', 'x');
  expect((await client.delete('/a')).revision).toBe(revision + 1);
  const [, tombstone, ...more] = await entriesOf(await rig.log());
  expect(more).toEqual([]);
  expect(tombstone).toMatchObject({ revision: revision + 1, value: undefined });
  expect(tombstone!.headers['KV-Operation']).toBe('DEL');
});

it('pitfall 9: what expires is known to every facade, also to one that did not see the write', async () => {
  const writer = await rig.etcd(keep);
  const { revision } = await client.put('/a', 'x', { ttlMs: 400 });
  await writer.stop();
  await Promise.all([rig.etcd(keep), rig.etcd(keep)]);
  await until(async () => (await client.range('/a')).kvs.length === 0);
  const { changes } = await client.changes(revision);
  expect(changes).toMatchObject([{ revision: revision + 1, key: '/a', previousRevision: revision }]);
});

it('pitfall 10: a delete tells what it removed, however old that is', async () => {
  await rig.etcd({ ...keep, tombstoneMs: 0 });
  const { revision } = await client.put('/a', 'old');
  for (let i = 0; i < 10; i++) await client.put('/b', `${i}`);
  await client.compact(11);
  const { previous } = await client.delete('/a');
  expect([text(previous?.value), previous?.modRevision, previous?.createRevision]).toEqual(['old', revision, revision]);
});

it('pitfall 11: changes resume behind the last one seen: nothing twice, nothing left out', async () => {
  await Promise.all([rig.etcd(keep), rig.etcd(keep)]);
  const writes = (async () => {
    for (let i = 0; i < 300; i++) await client.put(`/k/${i % 7}`, `${i}`);
  })();
  const reader = await rig.client();
  const seen: number[] = [];
  for (let after = 0; after < 300;) {
    const answer = await reader.changes(after, { limit: 13 });
    seen.push(...answer.changes.map((c) => c.revision));
    after = answer.revision;
  }
  await writes;
  expect(seen).toEqual(Array.from({ length: 300 }, (_, i) => i + 1));
});

it('pitfalls 12 and 13: no consumer is ever made, for no reader', async () => {
  const advisories: string[] = [];
  client.bus.subscribe('$JS.EVENT.ADVISORY.CONSUMER.>', (message) => advisories.push(message.subject));
  const log = await rig.log();
  await Promise.all(
    Array.from({ length: 50 }, (_, i) => log.append({ key: `/k/${i}`, value: bytes('x'), id: `i${i}` })),
  );
  const one = await rig.etcd(keep);
  await rig.etcd(keep);
  for (let i = 0; i < 10; i++) await client.changes(i);
  await one.stop();
  await rig.etcd(keep);
  await client.bus.flush();
  expect(advisories).toEqual([]);
  const info = await jetStream(server.url, 'STREAM.INFO.KV_kubus');
  expect((info['state'] as { consumer_count: number }).consumer_count).toBe(0);
});

it('pitfall 14: transactions over several keys are refused clearly', async () => {
  await rig.etcd(keep);
  await expect(client.ask('txn', { compare: [] })).rejects.toThrow(/does not know "txn": one key is compared and set/);
});

it('pitfall 15: a write whose acknowledgement is lost is found again, and is there once', async () => {
  let lose = 2;
  await rig.etcd(keep, (log) =>
    meddled(log, {
      append: async (entry) => {
        const revision = await log.append(entry);
        if (lose-- > 0) throw new ApiError('Timeout', 'no answer');
        return revision;
      },
    }),
  );
  const put = await client.put('/a', 'x', { expect: 0 });
  lose = 1;
  const removed = await client.delete('/a', { expect: put.revision });
  expect(text(removed.previous?.value)).toBe('x');
  expect([put.revision, removed.revision]).toEqual([1, 2]);
  expect(await entriesOf(await rig.log())).toHaveLength(2);
});

it('pitfall 16: the server syncs each write unless it is asked to be disposable, and the store says which it is', async () => {
  const config = { port: 1, storeDir: '/data' };
  expect(natsServerConfig(config)).toMatch(/"sync_interval": "always"/);
  expect(natsServerConfig({ ...config, disposable: true })).not.toMatch(/sync_interval/);
  await rig.etcd(keep);
  expect((await client.status()).durable).toBe(true);
});

it('pitfall 17: a facade whose history differs notices at the next floor, and loads again', async () => {
  let flip = false;
  const bad = { loads: 0 };
  await rig.etcd(keep, (log) =>
    meddled(log, {
      subscribe: (onEntry, onDoubt) => {
        bad.loads++;
        return log.subscribe(
          (entry) => onEntry(flip && entry.key === '/victim' ? meddledEntry(entry) : entry),
          onDoubt,
        );
      },
    }),
  );
  await rig.etcd(keep);
  const older = 20;
  for (let i = 0; i < older; i++) await client.put('/a', `${i}`);
  flip = true;
  await client.put('/victim', 'good');
  flip = false;
  const value = async (): Promise<string | undefined> => text((await client.range('/victim')).kvs[0]?.value);
  const seen = new Set<string | undefined>();
  // Who moves the floor says what it has seen above it. Either may be asked to; what the good one says does not fit.
  for (let floor = 1; floor <= older && bad.loads < 2; floor++) {
    for (let i = 0; i < 20; i++) seen.add(await value());
    await client.compact(floor);
  }
  expect([...seen].toSorted((a, b) => compareKeys(a ?? '', b ?? ''))).toEqual(['Good', 'good']);
  await until(() => bad.loads === 2);
  for (let i = 0; i < 20; i++) expect(await value()).toBe('good');
});

it.each<[string, (file: string) => void]>([
  ['cut short', (file) => truncateSync(file, readFileSync(file).length - 3)],
  ['without its end', (file) => truncateSync(file, 200)],
  ['empty', (file) => truncateSync(file, 0)],
  ['with a flipped bit', (file) => flipBit(file)],
  ['of something else', (file) => writeFileSync(file, 'not a snapshot at all')],
])('pitfall 17: a snapshot that is %s is left aside, and the log is read instead', async (_how, damage) => {
  const first = await rig.etcd({ ...keep, snapshotDir: dir });
  for (let i = 0; i < 30; i++) await client.put(`/k/${i}`, 'x'.repeat(50));
  await client.snapshot();
  await first.stop();
  for (const file of readdirSync(dir)) damage(join(dir, file));
  await rig.etcd({ ...keep, snapshotDir: dir });
  expect((await client.list('/k/')).items).toHaveLength(30);
});

it('pitfall 17: the snapshot of another log is left aside', async () => {
  const first = await rig.etcd({ ...keep, snapshotDir: dir });
  for (let i = 0; i < 30; i++) await client.put(`/old/${i}`, 'x');
  await client.snapshot();
  await first.stop();
  await deleteStream(server.url);
  await rig.etcd({ ...keep, snapshotDir: dir });
  for (let i = 0; i < 40; i++) await client.put(`/new/${i}`, 'x');
  expect((await client.list('/')).items.filter((item) => item.startsWith('/old'))).toEqual([]);
});

it('pitfalls 18 and 23: while the log takes no writes they wait, and reads at a revision go on', async () => {
  let down = false;
  const etcd = await rig.etcd(keep, (log) =>
    meddled(log, {
      append: (entry) => (down ? Promise.reject(new ApiError('ServiceUnavailable', 'no leader')) : log.append(entry)),
    }),
  );
  const { revision } = await client.put('/a', 'x');
  down = true;
  const waiting = client.put('/a', 'y');
  await until(() => etcd.state().includes('suspended'));
  expect(text((await client.range('/a', { revision })).kvs[0]?.value)).toBe('x');
  expect(text((await client.range('/a')).kvs[0]?.value)).toBe('x');
  down = false;
  expect((await waiting).revision).toBe(revision + 1);
  expect(etcd.state()).not.toContain('suspended');
});

it('pitfall 19: any name of Kubernetes is a key, in etcd order, and KV tools can read it', async () => {
  await rig.etcd(keep);
  const names = [
    'system:node',
    'crontabs.stable.example.com',
    'a..b',
    '%2F',
    'ü',
    '~',
    ' ',
    '😀',
    'a',
    'a.b',
    'a-b',
    '=2E',
    '_',
  ];
  for (const name of names) await client.put(`/registry/roles/${name}`, name);
  const { items } = await client.list('/registry/roles/');
  const wanted = names.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  expect(items).toEqual(wanted.map((name) => `/registry/roles/${name}=${name}`));
  const info = await jetStream(server.url, 'STREAM.INFO.KV_kubus', { subjects_filter: '>' });
  const subjects = Object.keys((info['state'] as { subjects: Record<string, number> }).subjects);
  expect(subjects).toContain('$KV.kubus.registry.roles.system=3Anode');
  expect(subjects).toHaveLength(names.length);
  for (const subject of subjects) expect(subject.slice('$KV.kubus.'.length)).toMatch(/^[-/_=.a-zA-Z0-9]+$/);
});

it('pitfall 20: a value of 1.5 MB is stored, one that no message can hold is refused as too large', async () => {
  await rig.etcd(keep);
  const value = new Uint8Array(1_500_000).fill(7);
  await client.ask('put', { key: '/big', value, id: 'big' });
  const { kvs } = await client.range('/', { rangeEnd: '0' });
  expect(Buffer.compare(kvs[0]!.value, value)).toBe(0);
  const limit = 4 * 1024 * 1024;
  for (const size of [limit - 4_096, limit + 1]) {
    const huge = client.ask('put', { key: '/huge', value: new Uint8Array(size), id: `huge-${size}` });
    await expect(huge).rejects.toSatisfy(withReason('RequestEntityTooLarge'));
  }
  expect((await client.status()).keys).toBe(1);
});

it('pitfall 21: keys have a limit that is said clearly; what expires leaves the log altogether', async () => {
  await rig.etcd({ historyMs: 50, tombstoneMs: 50, maxKeys: 3 });
  for (const key of ['/a', '/b', '/c']) await client.put(key, 'x', { ttlMs: 300 });
  await expect(client.put('/d', 'x')).rejects.toThrow(/holds 3 keys/);
  await client.put('/c', 'stays');
  const log = await rig.log();
  await until(async () => {
    const left = await entriesOf(log);
    return (
      left
        .map((e) => e.key)
        .filter((key) => key !== FLOOR_KEY)
        .join() === '/c'
    );
  });
  await client.put('/d', 'room again');
});

it('pitfall 22: an answer never goes back behind a write that was acknowledged', async () => {
  await Promise.all([rig.etcd(keep), rig.etcd(keep)]);
  const readers = await Promise.all([rig.client(), rig.client(), rig.client()]);
  let acknowledged = 0;
  const run = { over: false };
  const reading = readers.map(async (reader) => {
    while (!run.over) {
      const floor = acknowledged;
      const { revision } = await reader.range('/a');
      expect(revision).toBeGreaterThanOrEqual(floor);
    }
  });
  for (let i = 0; i < 200; i++) acknowledged = (await client.put('/a', `${i}`)).revision;
  run.over = true;
  await Promise.all(reading);
});

it('refuses data of a newer version in one line', async () => {
  const log = await rig.log();
  const { encode } = await import('../../bus/codec.ts');
  await log.append({ key: FLOOR_KEY, value: encode({ format: 99, floor: 1 }), id: 'future' });
  const failing = rig.etcd(keep);
  await expect(failing).rejects.toSatisfy(withReason('Invalid'));
  await expect(failing).rejects.toThrow(/^the store was written by a newer version \(format 99, this one reads 1\).*$/);
});

function meddledEntry(entry: LogEntry): LogEntry {
  const { revision, previous, key, time, headers, id } = entry;
  return { revision, previous, key, value: bytes('Good'), time, headers, id };
}
function flipBit(file: string): void {
  const content = readFileSync(file);
  content[content.length >> 1]! ^= 1;
  writeFileSync(file, content);
  appendFileSync(file, '');
}
