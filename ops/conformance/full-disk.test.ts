import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, upForTest, type TestCluster } from '../testing/cluster.ts';
import { HttpsClient } from '../testing/https.ts';

const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';
const API_ALONE = ['--only', 'etcd,apiserver'];
const configMap = (name: string, data = 'x'): string => JSON.stringify({ metadata: { name }, data: { data } });

/** A cluster whose disk is a small file system of its own. */
describe.skipIf(process.getuid?.() !== 0)('a full disk (needs root to mount one)', () => {
  let dir: string;
  let disk: string;
  let cluster: TestCluster | undefined;
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'kubus-disk-'));
    disk = join(dir, 'disk');
    mkdirSync(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=32m', 'tmpfs', disk]);
    cluster = await upForTest([...API_ALONE, '--data', join(disk, 'd')], { dir });
  });
  afterAll(async () => {
    await cluster?.stop();
    execFileSync('umount', [disk]);
    rmSync(dir, { recursive: true, force: true });
  });
  it('is told as a Status at once, reads go on, and a restart finds all that was acknowledged', async () => {
    let client = new HttpsClient(join(disk, 'd/kubeconfig'));
    const acknowledged: string[] = [];
    let refusal: unknown;
    for (let i = 0; i < 60 && refusal === undefined; i++) {
      const answer = await client.send('POST', CONFIG_MAPS, configMap(`c-${i}`, 'x'.repeat(900_000)));
      if (answer.status === 201) acknowledged.push(`c-${i}`);
      else refusal = JSON.parse(answer.text);
    }
    expect(refusal).toMatchObject({
      kind: 'Status', code: 500, reason: 'InternalError',
      message: expect.stringMatching(/^etcdserver: mvcc: database space exceeded: append: .*: free disk space$/) as unknown,
    }); // prettier-ignore
    const names = async (): Promise<string[]> =>
      (JSON.parse((await client.send('GET', CONFIG_MAPS)).text) as { items: { metadata: { name: string } }[] }).items
        .map((o) => o.metadata.name)
        .sort();
    expect(await names()).toEqual(acknowledged.toSorted());
    client.close();

    const port = new URL(cluster!.server).port;
    await cluster!.stop();
    execFileSync('mount', ['-o', 'remount,size=128m', disk]);
    cluster = await upForTest([...API_ALONE, '--data', join(disk, 'd'), '--port', port], { dir });
    client = new HttpsClient(join(disk, 'd/kubeconfig'));
    expect(await names()).toEqual(acknowledged.toSorted());
    expect((await client.send('POST', CONFIG_MAPS, configMap('after'))).status).toBe(201);

    // Now for the log files too: somebody else fills the disk to the last byte.
    const filler = join(disk, 'filler');
    expect(() => execFileSync('dd', ['if=/dev/zero', `of=${filler}`, 'bs=1M'], { stdio: 'ignore' })).toThrow();
    const late = configMap('late', 'x'.repeat(500_000));
    let said = '';
    cluster.process.stderr!.on('data', (d: Buffer) => (said += d.toString()));
    const full = `kubus: the disk is full: writes fail until there is room below ${join(disk, 'd')}\n`;
    for (let i = 0; i < 3; i++) {
      const since = performance.now();
      const refused = await client.send('POST', CONFIG_MAPS, late);
      expect(JSON.parse(refused.text)).toMatchObject({
        kind: 'Status', code: 500, reason: 'InternalError',
        message: 'etcdserver: mvcc: database space exceeded: the disk of the store is full: free disk space',
      });
      expect(performance.now() - since).toBeLessThan(3_000);
    } // prettier-ignore
    await eventually('a warning', () => (said.includes(full) ? true : undefined));
    expect(await client.send('GET', '/livez')).toMatchObject({ status: 200 });
    expect(await names()).toEqual([...acknowledged, 'after'].toSorted());
    rmSync(filler);
    await eventually('writes again', async () =>
      (await client.send('POST', CONFIG_MAPS, late)).status === 201 ? true : undefined,
    );
    expect(await names()).toEqual([...acknowledged, 'after', 'late'].toSorted());
    client.close();
  }, 60_000);
});
