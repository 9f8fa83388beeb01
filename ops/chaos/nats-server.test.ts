import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, readJson, upForTest, type TestCluster } from '../testing/cluster.ts';
import { HttpsClient } from '../testing/https.ts';

const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';
const API_ALONE = ['--only', 'etcd,apiserver'];
const configMap = (name: string, data = 'x'): string => JSON.stringify({ metadata: { name }, data: { data } });

/** The harm itself: shorter than the 5 s of one call to the store's log, so that what waits can still be answered. */
const STALL_MS = 4_000;

describe('a nats-server', () => {
  let cluster: TestCluster;
  let admin: HttpsClient;
  let home: string;
  const natsPid = (): number => readJson<{ pid: number }>(join(cluster.data, 'nats/nats-server.pid')).pid;
  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), 'kubus-nats-'));
    cluster = await upForTest(API_ALONE, { dir: home });
    admin = new HttpsClient(join(cluster.data, 'kubeconfig'));
  });
  afterAll(async () => {
    admin?.close();
    await cluster?.stop();
    rmSync(home, { recursive: true, force: true });
  });
  /** Writers that try again until they are told to end; the names that were acknowledged, and every other answer. */
  function write(prefix: string): { end: () => Promise<{ acknowledged: string[]; refusals: unknown[] }> } {
    const acknowledged: string[] = [];
    const refusals: unknown[] = [];
    let going = true;
    const one = async (writer: number): Promise<void> => {
      for (let i = 0; going; i++) {
        const name = `${prefix}-${writer}-${i}`;
        const answer = await admin.send('POST', CONFIG_MAPS, configMap(name));
        if (answer.status === 201) acknowledged.push(name);
        else refusals.push(JSON.parse(answer.text));
      }
    };
    const writers = Array.from({ length: 8 }, (_, i) => one(i));
    return {
      end: async () => {
        going = false;
        await Promise.all(writers);
        return { acknowledged, refusals };
      },
    };
  }
  const stored = async (prefix: string): Promise<string[]> => {
    const answer = await admin.send('GET', CONFIG_MAPS);
    if (answer.status !== 200) throw new Error(answer.text);
    return (JSON.parse(answer.text) as { items: { metadata: { name: string } }[] }).items
      .map((o) => o.metadata.name)
      .filter((n) => n.startsWith(prefix))
      .sort();
  };
  const isStatus = (refusal: unknown): void =>
    expect(refusal).toMatchObject({
      kind: 'Status',
      status: 'Failure',
      reason: expect.stringMatching(/^(ServiceUnavailable|Timeout|ServerTimeout)$/) as unknown,
    });
  const during = async (prefix: string, harm: () => Promise<void>): Promise<void> => {
    const writing = write(prefix);
    const some = async (): Promise<void> => {
      const before = await eventually('a list', () => stored(prefix));
      await eventually('writes', async () => ((await stored(prefix)).length > before.length + 20 ? true : undefined));
    };
    await some();
    await harm();
    await some();
    const { acknowledged, refusals } = await writing.end();
    refusals.forEach(isStatus);
    const found = new Set(await stored(prefix));
    expect(acknowledged.filter((name) => !found.has(name))).toEqual([]);
    expect(cluster.process.exitCode).toBe(null);
  };
  it(
    'that dies is started again; writers wait or are told, and nothing acknowledged is lost',
    () =>
      during('dies', async () => {
        const before = natsPid();
        process.kill(before, 'SIGKILL');
        await eventually('another nats-server', () => (natsPid() === before ? undefined : true));
      }),
    40_000,
  );
  it(
    'that stalls for some seconds holds writers up, and nothing acknowledged is lost',
    () =>
      during('stalls', async () => {
        const pid = natsPid();
        process.kill(pid, 'SIGSTOP');
        try {
          // The server is alive and says so; what it cannot know it does not invent.
          expect(await admin.send('GET', '/livez')).toMatchObject({ status: 200 });
          const read = admin.send('GET', CONFIG_MAPS);
          await sleep(STALL_MS);
          process.kill(pid, 'SIGCONT');
          const answer = await read;
          if (answer.status !== 200) isStatus(JSON.parse(answer.text));
        } finally {
          process.kill(pid, 'SIGCONT');
        }
      }),
    40_000,
  );
  it('left behind by a killed supervisor does not keep the next from starting', async () => {
    await admin.send('POST', CONFIG_MAPS, configMap('kept'));
    const left = natsPid();
    const gone = new Promise((resolve) => cluster.process.once('exit', resolve));
    cluster.process.kill('SIGKILL');
    await gone;
    expect(existsSync(`/proc/${left}`)).toBe(true);
    cluster = await upForTest([...API_ALONE, '--port', new URL(cluster.server).port], { dir: home });
    expect(existsSync(`/proc/${left}`)).toBe(false);
    expect(await stored('kept')).toEqual(['kept']);
  });
  it('left behind is ended by down', async () => {
    const left = natsPid();
    const gone = new Promise((resolve) => cluster.process.once('exit', resolve));
    cluster.process.kill('SIGKILL');
    await gone;
    expect(await cluster.kubus('down', '--name', 'test', '--delete-data')).toMatchObject({ status: 0 });
    expect(existsSync(`/proc/${left}`)).toBe(false);
    expect(readdirSync(join(home, 'data/kubus/clusters'))).toEqual([]);
  });
});
