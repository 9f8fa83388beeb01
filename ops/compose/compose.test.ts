import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StartedDockerComposeEnvironment } from 'testcontainers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../cluster/ports.ts';
import { findKubectl } from '../fetch/kubectl.ts';
import { run } from '../fetch/run.ts';
import { HttpsClient } from '../testing/https.ts';
import { containersOf, crash, docker, ROOT, stateOf, until, whyNoEngine, type Container } from './engine.ts';
import { startLoad } from './load.ts';

/** It ends for good once it has done its work. */
const ONCE = new Set(['init', 'token']);
/**
 * How long nobody may get an answer, or nobody have a write acknowledged: nothing reads longer than a balancer takes to start;
 * nothing writes while nats-servers elect a leader of the store, 4 to 9 s by constants of their own, and longer on a machine
 * that has more to do than this suite.
 */
const READ_GAP_MS = 10_000;
const WRITE_GAP_MS = 30_000;
const HEALTHY_MS = 90_000;
const project = `kubus-test-${process.pid}`;

const why = await whyNoEngine();
if (why !== undefined) console.log(`ops/compose: skipped, ${why}`);

describe.skipIf(why !== undefined)(
  `docker compose ${why === undefined ? '' : `(skipped: ${why}; ops/compose/engine.sh starts an engine)`}`,
  () => {
    let environment: StartedDockerComposeEnvironment;
    let dir: string;
    let kubeconfig: string;
    let kubectl: (...args: string[]) => Promise<string>;
    let settings: Record<string, string>;
    const compose = (...args: string[]): Promise<string> =>
      run('docker', ['compose', '--project-name', project, ...args], {
        cwd: ROOT,
        env: { ...process.env, ...settings },
      });
    const working = async (): Promise<Container[]> =>
      (await containersOf(project)).filter(({ service }) => !ONCE.has(service));
    const isHealthy = async (container: Container): Promise<boolean> => {
      const { Running, Health } = await stateOf(container);
      return Running && Health?.Status === 'healthy';
    };
    const readyNodes = async (): Promise<string[]> => {
      const path = '{range .items[*]}{.metadata.name}={.status.conditions[?(@.type=="Ready")].status} {end}';
      const all = (await kubectl('get', 'nodes', '-o', `jsonpath=${path}`)).trim().split(' ');
      return all.filter((node) => node.endsWith('=True')).map((node) => node.split('=')[0]!);
    };

    beforeAll(async () => {
      dir = mkdtempSync(join(tmpdir(), 'kubus-compose-'));
      settings = {
        KUBUS_PORT: String(await freePort()),
        KUBUS_CONSOLE_PORT: String(await freePort()),
        KUBUS_IMAGE: `${project}-image`,
      };
      // A second's worth of modules, which is nobody's where there is no engine.
      const { DockerComposeEnvironment } = await import('testcontainers');
      environment = await new DockerComposeEnvironment(ROOT, 'docker-compose.yml')
        .withProjectName(project)
        .withEnvironment(settings)
        .withStartupTimeout(240_000)
        // Its helper container would have to be fetched; afterAll removes everything.
        .withAutoCleanup(false)
        .withBuild()
        .up();
      kubeconfig = join(dir, 'kubeconfig');
      writeFileSync(kubeconfig, await compose('run', '--rm', '-T', 'kubeconfig'), { mode: 0o600 });
      const program = await findKubectl();
      kubectl = (...args) => run(program, ['--kubeconfig', kubeconfig, ...args]);
    }, 900_000);
    afterAll(async () => {
      await environment?.down({ removeVolumes: true, timeout: 1000 });
      await docker('image', 'rm', '--force', `${project}-image`).catch(() => undefined);
      rmSync(dir, { recursive: true, force: true });
    }, 120_000);

    it('is up with two of each and three nats-servers, all healthy', async () => {
      const counts = Map.groupBy(await working(), ({ service }) => service);
      expect(Object.fromEntries([...counts].map(([service, of]) => [service, of.length]))).toMatchObject({
        'nats-1': 1, 'nats-2': 1, 'nats-3': 1, balancer: 1, etcd: 2, apiserver: 2, scheduler: 2, node: 2,
        'controller-manager': 2, 'node-authenticator': 2, 'certificate-signer': 2, console: 1,
      }); // prettier-ignore
      for (const container of await working())
        await until(`${container.name} healthy`, HEALTHY_MS, () => isHealthy(container));
      const port = environment.getContainer('balancer-1').getMappedPort(6443);
      expect(port).toBe(Number(settings['KUBUS_PORT']));
    }, 120_000);

    it('gives nobody more than a role needs: no root, no capability, no privilege, nothing writable but its own, no keys of others', async () => {
      for (const { id, name, service } of await containersOf(project)) {
        const [inspected] = JSON.parse(await docker('inspect', id)) as [Inspected];
        const { Config, HostConfig } = inspected;
        expect.soft(Config.User, name).toBe('kubus');
        expect.soft(HostConfig, name).toMatchObject({ Privileged: false, ReadonlyRootfs: true, CapDrop: ['ALL'] });
        expect.soft(HostConfig.CapAdd ?? [], name).toEqual([]);
        expect.soft(HostConfig.SecurityOpt, name).toContain('no-new-privileges:true');
        if (ONCE.has(service)) continue;
        // `authority` holds the keys that sign all others, `node-authenticator` those that let anyone in as anyone.
        const seen = (await docker('exec', id, 'sh', '-c', 'find /cluster -type f')).trim().split('\n');
        expect.soft(seen.length, name).toBeGreaterThan(0);
        expect.soft(new Set(seen.map((file) => file.split('/')[2])), name).toEqual(new Set([folderOf(service)]));
      }
      const modes = await docker(
        'exec',
        (await one('apiserver')).id,
        'find',
        '/cluster',
        '-type',
        'f',
        '-perm',
        '/077',
      );
      expect(modes.trim()).toBe('');
    }, 60_000);

    it('runs what kubectl applies', async () => {
      const manifest = join(dir, 'web.json');
      writeFileSync(manifest, JSON.stringify(deployment('web', 6)));
      await kubectl('apply', '-f', manifest);
      await kubectl('rollout', 'status', 'deployment/web', '--timeout=60s');
      expect(await readyNodes()).toHaveLength(2);
    }, 90_000);

    it('shows what the store holds to who may run its tool', async () => {
      const stored = await compose('run', '--rm', '-T', 'store', 'get', '/registry/deployments/default/web');
      expect(stored).toContain('kind: Deployment');
      await expect(compose('run', '--rm', '-T', 'store', 'get', '/registry/none')).rejects.toThrow(/none/);
    }, 60_000);

    it('shows the inspector to who may enter its container, and to nobody else', async () => {
      const url = await docker('exec', (await one('console')).id, 'kubus', 'inspect', '--data=.', '--url');
      expect(url.trim()).toMatch(new RegExp(`^https://localhost:${settings['KUBUS_CONSOLE_PORT']}/#code=`));
      const { clusters } = JSON.parse(readFileSync(kubeconfig, 'utf8')) as Kubeconfig;
      const ca = Buffer.from(clusters[0]!.cluster['certificate-authority-data'], 'base64');
      const statusOf = (path: string): Promise<number | undefined> =>
        new Promise((resolve, reject) => {
          get({ host: '127.0.0.1', port: Number(settings['KUBUS_CONSOLE_PORT']), path, ca }, (answer) => {
            answer.resume();
            resolve(answer.statusCode);
          }).once('error', reject);
        });
      expect(await statusOf('/')).toBe(200);
      expect(await statusOf('/api/machines')).toBe(401);
    }, 30_000);

    it('loses no acknowledged write and goes on while each container is killed in turn', async () => {
      await kubectl('create', 'namespace', 'load');
      const load = startLoad(kubeconfig, 'load', 4);
      const report: string[] = [];
      try {
        for (const container of await working()) {
          load.mark();
          const before = await stateOf(container);
          const began = Date.now();
          await crash(container);
          await until(`${container.name} started again`, 30_000, async () => {
            const now = await stateOf(container);
            return now.Running && now.StartedAt !== before.StartedAt;
          });
          await until(`${container.name} healthy again`, HEALTHY_MS, () => isHealthy(container));
          // Whoever was cut off has had time to work again.
          const written = load.acknowledged.size;
          await until(
            `writes after ${container.name}`,
            WRITE_GAP_MS,
            async () => load.acknowledged.size > written + 20,
          );
          expect.soft((await kubectl('get', 'deployment', 'web', '-o', 'name')).trim()).toBe('deployment.apps/web');
          const { reads, writes } = load;
          report.push(
            `${container.name.padEnd(22)} healthy after ${String(Date.now() - began).padStart(6)} ms; longest without a read ${String(reads.ms).padStart(5)} ms, without a write ${String(writes.ms).padStart(5)} ms`,
          );
          expect.soft(reads.ms, `${container.name}: reads stood still at ${reads.at}`).toBeLessThan(READ_GAP_MS);
          expect.soft(writes.ms, `${container.name}: writes stood still at ${writes.at}`).toBeLessThan(WRITE_GAP_MS);
        }
      } finally {
        await load.stop();
        const failures = [...load.failures].map(([what, n]) => `${n} x ${what}`);
        console.log([...report, `${load.acknowledged.size} writes acknowledged`, ...failures].join('\n'));
      }
      const there = await namesIn(kubeconfig, 'load');
      expect(load.acknowledged.size).toBeGreaterThan(500);
      expect([...load.acknowledged].filter((name) => !there.has(name))).toEqual([]);
      // And everything still does its work: controllers, scheduler, nodes.
      await kubectl('scale', 'deployment/web', '--replicas=12');
      await kubectl('rollout', 'status', 'deployment/web', '--timeout=60s');
      for (const container of await working()) expect.soft(await isHealthy(container), container.name).toBe(true);
    }, 900_000);

    it('can be scaled: more API servers behind the same address, more nodes', async () => {
      const before = await readyNodes();
      await compose('up', '--detach', '--wait', '--no-recreate', '--scale', 'apiserver=3', '--scale', 'node=4');
      await until('four nodes Ready', 60_000, async () => (await readyNodes()).length === 4);
      expect(await readyNodes()).toEqual(expect.arrayContaining(before));
      const apiservers = (await working()).filter(({ service }) => service === 'apiserver');
      expect(apiservers).toHaveLength(3);
      // The new one answers, when it is the only one left.
      const load = startLoad(kubeconfig, 'load', 1);
      for (const one of apiservers.filter(({ name }) => name !== 'apiserver-3')) await docker('stop', one.id);
      load.mark();
      const written = load.acknowledged.size;
      await until('writes by the third', WRITE_GAP_MS, async () => load.acknowledged.size > written + 20);
      for (const one of apiservers) await docker('start', one.id);
      await load.stop();
      const there = await namesIn(kubeconfig, 'load');
      expect([...load.acknowledged].filter((name) => !there.has(name))).toEqual([]);
    }, 240_000);

    const one = async (service: string): Promise<Container> => (await working()).find((c) => c.service === service)!;
  },
);

interface Kubeconfig {
  readonly clusters: readonly { readonly cluster: { readonly 'certificate-authority-data': string } }[];
}
interface Inspected {
  readonly Config: { readonly User: string };
  readonly HostConfig: {
    readonly Privileged: boolean;
    readonly ReadonlyRootfs: boolean;
    readonly CapAdd: readonly string[] | null;
    readonly CapDrop: readonly string[];
    readonly SecurityOpt: readonly string[];
  };
}
const folderOf = (service: string): string => (service === 'node' ? 'nodes' : service);
const deployment = (name: string, replicas: number): unknown => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: {
    replicas,
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: { containers: [{ name, image: name }] } },
  },
});
async function namesIn(kubeconfig: string, namespace: string): Promise<Set<string>> {
  const client = new HttpsClient(kubeconfig);
  try {
    const { text } = await client.send('GET', `/api/v1/namespaces/${namespace}/configmaps`);
    return new Set((JSON.parse(text) as { items: { metadata: { name: string } }[] }).items.map((i) => i.metadata.name));
  } finally {
    client.close();
  }
}
