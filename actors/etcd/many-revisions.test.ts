import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { TestServer } from '../../bus/nats/testing/server.ts';
import { reasonOf } from '../../schemas/meta/status.ts';
import { until } from '../../bus/testing/until.ts';
import { bytes, natsRig, startJetStream, text, type Client, type Rig } from './testing/rig.ts';

/**
 * Pitfall 7: a log far longer than what it says. By hand with millions (10,000,000: minutes, 4 GB of disk, 1 GB of memory):
 * `KUBUS_TEST_REVISIONS=10000000 vitest run actors/etcd/many-revisions`.
 */
const REVISIONS = Number(process.env['KUBUS_TEST_REVISIONS'] ?? 6_000);
const KEYS = Math.ceil(REVISIONS / 100);
/** As many of the past as may stay in memory. */
const PAST = Math.ceil(REVISIONS / 10);
const MS_EACH = 1;

let server: TestServer;
let rig: Rig;
let dir: string;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'kubus-etcd-'));
  server = await startJetStream();
  rig = natsRig(server.url);
});
afterEach(async () => {
  await rig.close();
  await server.stop();
  rmSync(dir, { recursive: true });
});

/** Which key the n-th entry is of: each once, then in an order of no pattern. */
const keyOf = (n: number): string => `/k/${n <= KEYS ? n - 1 : ((n * 2_654_435_761) % 4_294_967_296) % KEYS}`;
const isTombstone = (n: number): boolean => n > KEYS && n % 50 === 0;

it(
  `pitfall 7: ${REVISIONS} revisions of ${KEYS} keys load into the memory of the keys, and the log shrinks to them`,
  { timeout: 60_000 + REVISIONS * MS_EACH },
  async () => {
    const log = await rig.log();
    const newest = new Map<string, number>();
    for (let n = 1; n <= REVISIONS;) {
      const batch: Promise<number>[] = [];
      for (; n <= REVISIONS && batch.length < 500; n++) {
        newest.set(keyOf(n), n);
        batch.push(log.append({ key: keyOf(n), value: isTombstone(n) ? undefined : bytes(`${n}`), id: `n${n}` }));
      }
      await Promise.all(batch);
    }
    const live = [...newest].filter(([, n]) => !isTombstone(n)).map(([key, n]) => ({ key, n }));
    const check = async (client: Client): Promise<void> => {
      const { count } = await client.ask<{ count: number }>('range', { key: '/k/', rangeEnd: '/k0', countOnly: true });
      expect(count).toBe(live.length);
      for (const { key, n } of live.filter((_, i) => i % Math.ceil(live.length / 200) === 0)) {
        const [kv] = (await client.range(key)).kvs;
        expect([text(kv?.value), kv?.modRevision]).toEqual([`${n}`, n]);
      }
    };
    const tuning = { snapshotDir: dir, maxHistory: PAST };
    const first = await rig.etcd(tuning);
    const client = await rig.client();
    await check(client);
    // Of the past only as much is there as may be; before that it is Expired, and from there on without a gap.
    await expect(client.changes(REVISIONS - PAST - 2_001)).rejects.toSatisfy((e) => reasonOf(e) === 'Expired');
    const { changes } = await client.changes(REVISIONS - 10);
    expect(changes.slice(0, 10).map((c) => c.revision)).toEqual(
      Array.from({ length: 10 }, (_, i) => REVISIONS - 9 + i),
    );
    await client.put('/w', 'x');
    // What the load dropped goes from the log too (of millions that takes days, a key at a time: not waited for).
    if (REVISIONS <= 100_000) await until(async () => (await log.bounds()).count <= KEYS + PAST + 2_010, 30_000);
    await check(client);
    await client.snapshot();
    await first.stop();
    // From the snapshot, and from the log alone.
    for (const snapshotDir of [dir, undefined]) {
      const again = await rig.etcd({ ...tuning, snapshotDir });
      await check(client);
      expect(text((await client.range('/w')).kvs[0]?.value)).toBe('x');
      await again.stop();
    }
  },
);
