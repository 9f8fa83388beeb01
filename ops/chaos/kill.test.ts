import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually, readJson, upForTest, type TestCluster } from '../testing/cluster.ts';
import { HttpsClient } from '../testing/https.ts';

const KILLS = 20;
const WRITERS = 32;
const PATH = '/api/v1/namespaces/default/configmaps';

let cluster: TestCluster;
let dir: string;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'kubus-kill-'));
  cluster = await upForTest([], { dir });
});
afterAll(async () => {
  await cluster.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** Processes of the cluster by what they are. */
function victims(): Record<'supervisor' | 'nats-server', () => number | undefined> {
  const data = join(dir, 'data/kubus/clusters/test');
  return {
    supervisor: () => cluster.process.pid,
    'nats-server': () => readJson<{ pid: number }>(join(data, 'nats/nats-server.pid')).pid,
  };
}

it(`keeps every acknowledged write over ${KILLS} kills of every kind of process under ${WRITERS} writers`, async () => {
  const acknowledged = new Map<string, string>();
  let client = new HttpsClient(join(dir, 'data/kubus/clusters/test/kubeconfig'));
  let going = true;
  let sequence = 0;
  const writer = async (): Promise<void> => {
    while (going) {
      const name = `w-${sequence++}`;
      const data = `v${Math.random()}`;
      try {
        const answer = await client.send('POST', PATH, JSON.stringify({ metadata: { name }, data: { k: data } }));
        if (answer.status === 201) acknowledged.set(name, data);
      } catch {
        // Not acknowledged: may or may not be there.
        await new Promise((r) => setTimeout(r, 20));
      }
    }
  };
  const writers = Array.from({ length: WRITERS }, writer);
  const kinds = ['nats-server', 'supervisor'] as const;
  for (let i = 0; i < KILLS; i++) {
    const kind = kinds[i % kinds.length]!;
    const before = acknowledged.size;
    await eventually(`writes before kill ${i}`, () => (acknowledged.size > before + 20 ? true : undefined), 30_000);
    const pid = await eventually(`a ${kind}`, victims()[kind]);
    process.kill(pid, 'SIGKILL');
    if (kind === 'supervisor') {
      await new Promise((resolve) =>
        cluster.process.exitCode === null && cluster.process.signalCode === null
          ? cluster.process.once('exit', resolve)
          : resolve(undefined),
      );
      cluster = await upForTest(['--port', new URL(cluster.server).port], { dir });
      client.close();
      client = new HttpsClient(join(dir, 'data/kubus/clusters/test/kubeconfig'));
    }
  }
  going = false;
  await Promise.all(writers);
  const listed = await eventually('a list', async () => {
    const answer = await client.send('GET', PATH);
    return answer.status === 200
      ? (JSON.parse(answer.text) as { items: { metadata: { name: string }; data: { k: string } }[] })
      : undefined;
  });
  const found = new Map(listed.items.map((o) => [o.metadata.name, o.data?.k]));
  const lost = [...acknowledged].filter(([name, data]) => found.get(name) !== data).map(([name]) => name);
  client.close();
  expect(acknowledged.size).toBeGreaterThan(KILLS * 20);
  expect(lost).toEqual([]);
}, 240_000);
