import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { upForTest, type TestCluster } from '../../testing/cluster.ts';
import { measure, prepare, type FloodKind, type Target } from './measure.ts';

const IN_FLIGHT = 320;
let cluster: TestCluster;
let target: Target;
beforeAll(async () => {
  cluster = await upForTest(['--only', 'etcd,apiserver', '--ephemeral']);
  const url = new URL(cluster.server);
  const config = readFileSync(cluster.kubeconfig, 'utf8');
  const pem = (name: string): string =>
    Buffer.from(new RegExp(`${name}-data: *"?([A-Za-z0-9+/=]+)`).exec(config)![1]!, 'base64').toString();
  target = { host: url.hostname, port: Number(url.port), key: pem('client-key'), cert: pem('client-certificate') };
  await prepare(target, 0);
}, 60_000);
afterAll(() => cluster?.stop());

/** Of the machine that the test runs on nothing is known: one user's time is held against the other's. */
describe('while one user asks far more than there is time for', { timeout: 120_000 }, () => {
  it.each<FloodKind>(['get', 'create'])('(%s), another is served in a fraction of the time', async (kind) => {
    const { get, create, failed, flood } = await measure(target, { kind, inFlight: IN_FLIGHT, seconds: 2 });
    const answers = Object.values(flood).reduce((sum, n) => sum + n, 0);
    const greedyMs = (IN_FLIGHT / answers) * 1000;
    expect([failed, get.count > 0, create.count > 0]).toEqual([0, true, true]);
    // Without queues: 0.9, and 2.7 for both together. With them 0.1 to 0.4, and 0.3 to 1.
    expect(get.p50, `of ${greedyMs} ms`).toBeLessThan(greedyMs * 0.6);
    expect(get.p50 + create.p50, `of twice ${greedyMs} ms`).toBeLessThan(greedyMs * 2);
  });
  it('memory stays what it is', () => {
    const status = readFileSync(join('/proc', String(cluster.process.pid), 'status'), 'utf8');
    expect(Number(/VmHWM:\s+(\d+)/.exec(status)![1]) / 1024).toBeLessThan(500);
  });
});
