import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { reasonOf } from '../schemas/meta/status.ts';
import { conflictRevision, isOpen, type Log, type LogEntry, type NewEntry } from './log.ts';

/** One log, opened as often as a test likes: every log of one rig is a view of the same entries. */
export interface LogRig {
  open(): Promise<Log>;
  close(): Promise<void>;
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (value: Uint8Array | undefined): string | undefined => value && new TextDecoder().decode(value);
const collect = async (entries: AsyncIterable<LogEntry>): Promise<LogEntry[]> => {
  const all: LogEntry[] = [];
  for await (const entry of entries) all.push(entry);
  return all;
};

const unavailable = (e: unknown): boolean => reasonOf(e) === 'ServiceUnavailable';

/** What every Log must do; run by `bus/memory/log.test.ts` and `bus/nats/log.test.ts`. */
export function logConformance(name: string, createRig: () => Promise<LogRig>): void {
  describe(`log conformance: ${name}`, () => {
    let rig: LogRig;
    let log: Log;
    let ids = 0;
    const put = (key: string, value: string | undefined, more: Partial<NewEntry> = {}): Promise<number> =>
      log.append({ key, value: value === undefined ? undefined : bytes(value), id: `id-${++ids}`, ...more });
    beforeEach(async () => {
      rig = await createRig();
      log = await rig.open();
    });
    afterEach(async () => {
      await log.close();
      await rig.close();
    });

    it('counts revisions from 1 without holes, whatever the key', async () => {
      expect(await put('/a', '1')).toBe(1);
      expect(await put('/b', '2')).toBe(2);
      expect(await put('/a', undefined)).toBe(3);
      expect(await log.bounds()).toMatchObject({ first: 1, last: 3, count: 3 });
    });

    it('knows the same log again and tells another one apart', async () => {
      const again = await rig.open();
      expect((await again.bounds()).identity).toBe((await log.bounds()).identity);
      await again.close();
    });

    it.each([
      ['/registry/pods/default/web', 'plain'],
      ['/registry/clusterroles/system:node', 'a colon'],
      ['/registry/crds/crontabs.stable.example.com', 'dots'],
      ['/a/%2F ~*>..$', 'what NATS gives a meaning'],
      ['/a/ümläut-日本-😀', 'beyond ASCII'],
      ['/a//b/', 'empty segments'],
      ['/_', 'the sign for nothing'],
      ['/', 'the root'],
      ['compact_rev_key', 'no root'],
      ['=/a', 'no root, and the sign for that'],
    ])('keeps the key %s (%s)', async (key) => {
      const seen: string[] = [];
      log.subscribe((entry) => seen.push(entry.key));
      const revision = await put(key, 'x');
      await log.barrier();
      expect(seen).toEqual([key]);
      expect((await collect(log.read(revision))).map((e) => e.key)).toEqual([key]);
    });

    it('refuses keys that it could not give back', async () => {
      await expect(put('', 'x')).rejects.toSatisfy((e) => reasonOf(e) === 'BadRequest');
      await expect(put(`/${'x'.repeat(4000)}`, 'x')).rejects.toSatisfy((e) => reasonOf(e) === 'BadRequest');
      expect((await log.bounds()).last).toBe(0);
    });

    it('compares before it sets, and says what it found', async () => {
      const first = await put('/a', '1', { expect: 0 });
      await put('/other', '1');
      await expect(put('/a', '2', { expect: 0 })).rejects.toSatisfy((e) => conflictRevision(e) === first);
      const second = await put('/a', '2', { expect: first });
      await expect(put('/a', '3', { expect: first })).rejects.toSatisfy((e) => conflictRevision(e) === second);
      await expect(put('/none', '3', { expect: 7 })).rejects.toSatisfy((e) => reasonOf(e) === 'Conflict');
      const tombstone = await put('/a', undefined, { expect: second });
      expect(await put('/a', 'again', { expect: tombstone })).toBe(tombstone + 1);
    });

    it('lets one of many racing writers win', async () => {
      const all = await Promise.allSettled(Array.from({ length: 20 }, (_, i) => put('/a', `${i}`, { expect: 0 })));
      expect(all.filter((r) => r.status === 'fulfilled')).toHaveLength(1);
      expect((await log.bounds()).last).toBe(1);
    });

    it('returns the first revision when a write is repeated with its id', async () => {
      const once = { id: 'once', expect: 0 };
      const revision = await put('/a', '1', once);
      expect(await put('/a', '1', once)).toBe(revision);
      const later = await put('/a', '2', { expect: revision });
      expect(await put('/a', '1', once)).toBe(revision);
      expect(await put('/b', 'x', { id: 'free' })).toBe(later + 1);
      expect(await put('/b', 'x', { id: 'free' })).toBe(later + 1);
      expect((await log.bounds()).last).toBe(later + 1);
    });

    it('appends several keys together or not at all, and says which end them', async () => {
      const seen: LogEntry[] = [];
      log.subscribe((entry) => seen.push(entry));
      const a = await put('/a', '1');
      const both = [
        { key: '/b', value: bytes('1'), expect: 0, id: 'both-1' },
        { key: '/a', value: undefined, expect: a, id: 'both-2' },
        { key: '/own', value: bytes(''), expect: 0, expectOf: '/c', id: 'both-3' },
      ];
      expect(await log.appendAll(both)).toBe(a + 3);
      await log.barrier();
      expect(seen.map((entry) => [entry.key, text(entry.value), isOpen(entry)])).toEqual([
        ['/a', '1', false],
        ['/b', '1', true],
        ['/a', undefined, true],
        ['/own', '', false],
      ]);
      // Repeated, wrong by a key, by a key that is only looked at, and by the whole log.
      await expect(log.appendAll(both)).rejects.toSatisfy((e) => reasonOf(e) === 'AlreadyExists');
      const d = (more: Partial<NewEntry>) => ({ key: '/d', value: bytes('1'), expect: 0, id: `id-${++ids}`, ...more });
      for (const refused of [
        () => log.appendAll([d({}), d({ key: '/b', expect: a })]),
        () => log.appendAll([d({ key: '/own', expect: 0, expectOf: '/b' }), d({})]),
        () => log.appendAll([d({})], a),
      ])
        await expect(refused()).rejects.toSatisfy((e) => reasonOf(e) === 'Conflict');
      expect(await log.appendAll([d({}), d({ key: '/e' })], a + 3)).toBe(a + 5);
      expect((await collect(log.read(1))).map(({ key }) => key)).toEqual(['/a', '/b', '/a', '/own', '/d', '/e']);
    });

    it('finds a write by its id', async () => {
      for (let i = 0; i < 5; i++) await put('/a', `${i}`);
      const revision = await put('/a', 'x', { id: 'wanted' });
      await put('/a', 'y');
      expect(await log.find('wanted')).toBe(revision);
      expect(await log.find('never')).toBeUndefined();
    });

    it('hands each entry whole to subscribers, in order, before barrier() resolves', async () => {
      const reader = await rig.open();
      const seen: LogEntry[] = [];
      reader.subscribe((entry) => seen.push(entry));
      await reader.barrier();
      await put('/a', '1', { headers: { 'Kubus-Cause': 'grüße\r\nX: y' }, id: 'w1' });
      await put('/b', '');
      await put('/a', undefined);
      await reader.barrier();
      expect(seen.map((e) => [e.revision, e.previous, e.key, text(e.value)])).toEqual([
        [1, 0, '/a', '1'],
        [2, 0, '/b', ''],
        [3, 1, '/a', undefined],
      ]);
      expect(seen[0]!.id).toBe('w1');
      const writers = Object.keys(seen[0]!.headers).filter((name) => !/^(Nats|KV)-/.test(name));
      expect(writers).toEqual(['Kubus-Cause']);
      expect(seen[0]!.time).toBeGreaterThan(0);
      await reader.close();
    });

    it('shows every acknowledged write of another writer after a barrier', async () => {
      const reader = await rig.open();
      let last = 0;
      reader.subscribe((entry) => (last = entry.revision));
      await reader.barrier();
      for (let i = 0; i < 200; i++) {
        const revision = await put('/a', `${i}`);
        await reader.barrier();
        expect(last).toBeGreaterThanOrEqual(revision);
      }
      await reader.close();
    });

    it('stops handing entries out after unsubscribe', async () => {
      const seen: number[] = [];
      const subscription = log.subscribe((entry) => seen.push(entry.revision));
      await put('/a', '1');
      await log.barrier();
      subscription.unsubscribe();
      await put('/a', '2');
      await log.barrier();
      expect(seen).toEqual([1]);
    });

    it('blames neither the writer nor other subscribers for one that fails', async () => {
      const seen: number[] = [];
      log.subscribe(() => {
        throw new Error('it cannot read this');
      });
      log.subscribe((entry) => seen.push(entry.revision));
      expect([await put('/a', '1'), await put('/a', '2')]).toEqual([1, 2]);
      await log.barrier();
      expect(seen).toEqual([1, 2]);
    });

    it('reads any stretch, in order and whole, across batches', async () => {
      const total = 2500;
      const expected: number[] = [];
      for (let i = 0; i < total; i += 100) {
        const chunk = Array.from({ length: 100 }, (_, k) => put(`/k/${(i + k) % 7}`, `v${i + k}`));
        expected.push(...(await Promise.all(chunk)));
      }
      const all = await collect(log.read(1));
      expect(all.map((e) => e.revision)).toEqual(expected.toSorted((a, b) => a - b));
      expect(text(all[41]!.value)).toBe('v41');
      expect((await collect(log.read(990, 1010))).map((e) => e.revision)).toEqual(
        Array.from({ length: 21 }, (_, i) => 990 + i),
      );
      expect(await collect(log.read(total + 1))).toEqual([]);
      expect(await collect(log.read(total + 1, total + 5))).toEqual([]);
    });

    it('reads nothing from an empty log', async () => {
      expect(await collect(log.read(1))).toEqual([]);
      expect(await log.bounds()).toMatchObject({ last: 0, count: 0 });
    });

    it('purges below a revision, that key alone, and never what came later', async () => {
      for (let i = 0; i < 5; i++) {
        await put('/a', `a${i}`);
        await put('/a/b', `b${i}`);
      }
      await log.purge('/a', 7);
      expect((await collect(log.read(1))).map((e) => [e.revision, e.key])).toEqual([
        ...[2, 4, 6].map((r) => [r, '/a/b']),
        ...[7, 8, 9, 10].map((r) => [r, r % 2 === 1 ? '/a' : '/a/b']),
      ]);
      expect(await log.bounds()).toMatchObject({ first: 2, last: 10, count: 7 });
      await expect(put('/a', 'x', { expect: 0 })).rejects.toSatisfy((e) => conflictRevision(e) === 9);
    });

    it('forgets a tombstone that is purged whole: the key has no entry then', async () => {
      await put('/a', '1');
      const tombstone = await put('/a', undefined);
      await log.purge('/a', tombstone + 1);
      expect((await log.bounds()).last).toBe(tombstone);
      expect(await put('/a', 'again', { expect: 0 })).toBe(tombstone + 1);
    });

    it('refuses a value that is too large and goes on', async () => {
      const big = new Uint8Array(4 * 1024 * 1024);
      await expect(log.append({ key: '/a', value: big, id: 'big' })).rejects.toSatisfy(
        (e) => reasonOf(e) === 'RequestEntityTooLarge',
      );
      expect(await put('/a', '1')).toBe(1);
    });

    it('answers ServiceUnavailable once closed', async () => {
      const other = await rig.open();
      await other.close();
      await expect(other.append({ key: '/a', value: undefined, id: 'x' })).rejects.toSatisfy(unavailable);
      await expect(other.barrier()).rejects.toSatisfy(unavailable);
      await expect(collect(other.read(1, 5))).rejects.toSatisfy(unavailable);
    });
  });
}
