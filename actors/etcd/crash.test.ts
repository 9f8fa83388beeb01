import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { natsServerConfig } from '../../bus/nats/server-config.ts';
import { startTestServer, type TestServer } from '../../bus/nats/testing/server.ts';
import { reasonOf } from '../../schemas/meta/status.ts';
import { until } from '../../bus/testing/until.ts';
import { natsRig, startJetStream, text, type Rig } from './testing/rig.ts';

let server: TestServer;
let rig: Rig;
let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'kubus-etcd-'));
});
afterEach(async () => {
  await rig.close();
  await server.stop();
  rmSync(dir, { recursive: true });
});

const WRITERS = 32;
const KILLS = 20;

it(
  'keeps every acknowledged write when nats-server is killed 20 times under 32 writers',
  { timeout: 60_000 },
  async () => {
    server = await startJetStream();
    rig = natsRig(server.url);
    // What the writers know: the newest acknowledged value of their key, and how often a write was acknowledged.
    const acknowledged = new Map<string, { value: string; revision: number }>();
    const revisions = new Set<number>();
    let writes = 0;
    const run = { over: false };
    const etcd = await rig.etcd({ snapshotDir: dir });
    const client = await rig.client();
    const writers = Array.from({ length: WRITERS }, async (_, w) => {
      const key = `/w/${w}`;
      for (let i = 0; !run.over; i++) {
        const value = `${i}`;
        const request = {
          key,
          value: new TextEncoder().encode(value),
          id: `w${w}-${i}`,
          expect: acknowledged.get(key)?.revision ?? 0,
        };
        for (;;) {
          try {
            const { revision, conflict } = await client.bus.request<{ revision: number; conflict?: unknown }>(
              'kubus.v1.etcd.put',
              request,
              { timeoutMs: 400 },
            );
            // The same id as long as the outcome is unknown: a conflict would be a write that came twice.
            expect(conflict).toBeUndefined();
            expect(revisions.has(revision)).toBe(false);
            revisions.add(revision);
            acknowledged.set(key, { value, revision });
            writes++;
            break;
          } catch (error) {
            if (reasonOf(error) !== 'ServiceUnavailable' && reasonOf(error) !== 'Timeout') throw error;
            await new Promise((resolve) => setTimeout(resolve, 20));
          }
        }
      }
    });
    for (let kill = 0; kill < KILLS; kill++) {
      const before = writes;
      await until(() => writes >= before + 8 * WRITERS, 20_000);
      await server.restart();
    }
    run.over = true;
    await Promise.all(writers);
    const check = async (): Promise<void> => {
      for (const [key, { value, revision }] of acknowledged) {
        const { kvs } = await client.range(key);
        expect([text(kvs[0]?.value), kvs[0]?.modRevision]).toEqual([value, revision]);
      }
      const { changes } = await readAll(client);
      expect(changes).toEqual([...revisions].toSorted((a, b) => a - b));
    };
    await check();
    // And a facade that starts now finds the same in the log alone.
    await etcd.stop();
    await rig.etcd();
    await check();
  },
);

async function readAll(client: {
  changes(after: number): Promise<{ changes: readonly { revision: number }[]; revision: number; more: boolean }>;
}): Promise<{ changes: number[] }> {
  const changes: number[] = [];
  for (let after = 0; ;) {
    const answer = await client.changes(after);
    changes.push(...answer.changes.map((c) => c.revision));
    after = answer.revision;
    if (!answer.more) return { changes };
  }
}

it('refuses writes in one clear line when the disk is full, loses none that it acknowledged, and goes on when there is room', async () => {
  server = await startTestServer(({ port, dir: data }) =>
    natsServerConfig({ port, storeDir: join(data, 'data') }).replace(
      '"sync_interval"',
      '"max_file_store": 3000000, "sync_interval"',
    ),
  );
  rig = natsRig(server.url);
  const etcd = await rig.etcd({ historyMs: 3_600_000 });
  const client = await rig.client();
  const value = 'x'.repeat(100_000);
  let stored = 0;
  let refusal: unknown;
  for (let i = 0; i < 60 && refusal === undefined; i++) {
    try {
      await client.put(`/k/${i % 5}`, `${i}${value}`);
      stored = i;
    } catch (error) {
      refusal = error;
    }
  }
  expect(reasonOf(refusal)).toBe('InternalError');
  expect((refusal as Error).message).toMatch(
    /^etcdserver: mvcc: database space exceeded: append: the store has no space left \(.*\): free disk space$/,
  );
  expect(etcd.state()).toContain('suspended');
  const { items } = await client.list('/k/');
  const wanted = Array.from({ length: 5 }, (_, back) => stored - back).toSorted((a, b) => (a % 5) - (b % 5));
  expect(heads(items)).toEqual(heads(wanted.map((i) => `/k/${i % 5}=${i}${value}`)));
  // Not even the floor can be written: compaction makes room for it first.
  await client.compact(stored - 5);
  const { revision } = await client.put('/k/0', 'room again');
  expect(etcd.state()).not.toContain('suspended');
  expect(text((await client.range('/k/0', { revision })).kvs[0]?.value)).toBe('room again');
});

const heads = (list: string[]): string[] => list.map((item) => item.slice(0, 20));
