import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../cluster/ports.ts';
import { buildClientImage, CLIENT_IMAGE } from '../conformance/joined-machines/images.ts';
import { BUSYBOX } from '../conformance/real-nodes/images.ts';
import { findKubectl } from '../fetch/kubectl.ts';
import { run } from '../fetch/run.ts';
import { containersOf, crash, docker, ROOT, until, whyNoEngine } from './engine.ts';
import { MACHINE, writeUnprivileged } from './machines.ts';

const project = `kubus-machines-${process.pid}`;
const why =
  (await whyNoEngine()) ?? (existsSync(BUSYBOX) ? undefined : 'there is no busybox-static to make an image of');
if (why !== undefined) console.log(`ops/compose, profile containers: skipped, ${why}`);

const SERVE =
  'mkdir -p /tmp/www; hostname > /tmp/www/index.html; echo "serving on $NODE"; exec httpd -f -p 8080 -h /tmp/www';
const app = { labels: { app: 'web' } };
const manifests = [
  { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web' }, spec: { selector: app.labels, ports: [{ port: 80, targetPort: 8080 }] } },
  {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web' },
    spec: {
      replicas: 2,
      selector: { matchLabels: app.labels },
      template: {
        metadata: app,
        spec: {
          terminationGracePeriodSeconds: 1,
          topologySpreadConstraints: [{ maxSkew: 1, topologyKey: 'kubernetes.io/hostname', whenUnsatisfiable: 'DoNotSchedule', labelSelector: { matchLabels: app.labels } }],
          containers: [{
            name: 'c', image: CLIENT_IMAGE, command: ['sh', '-c', SERVE],
            env: [{ name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }],
            readinessProbe: { httpGet: { port: 8080, path: '/' }, periodSeconds: 1 },
          }],
        },
      },
    },
  },
]; // prettier-ignore
interface Pod {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly nodeName: string };
}

describe.skipIf(why !== undefined)(
  `docker compose --profile containers ${why === undefined ? '' : `(skipped: ${why}; ops/compose/engine.sh starts an engine)`}`,
  () => {
    let dir: string;
    let env: NodeJS.ProcessEnv;
    let files: string[];
    let kubectl: (...args: string[]) => Promise<string>;
    const compose = (...args: string[]): Promise<string> =>
      run('docker', ['compose', '--project-name', project, ...files, ...args], { cwd: ROOT, env });
    const readyNodes = async (): Promise<string[]> => {
      const path = '{range .items[*]}{.metadata.name}={.status.conditions[?(@.type=="Ready")].status} {end}';
      const all = (await kubectl('get', 'nodes', '-o', `jsonpath=${path}`)).trim().split(' ');
      return all.filter((node) => node.endsWith('=True')).map((node) => node.split('=')[0]!);
    };
    const pods = async (): Promise<Pod[]> =>
      (JSON.parse(await kubectl('get', 'pods', '-l', 'app=web', '-o', 'json')) as { items: Pod[] }).items;
    const exec = (pod: Pod, ...command: string[]): Promise<string> => kubectl('exec', pod.metadata.name, '--', ...command); // prettier-ignore
    /** By its name, from each pod: every pod answers everybody. */
    const allAnswerAll = async (): Promise<void> => {
      const all = await pods();
      for (const pod of all) {
        const seen = new Set<string>();
        await until(`${pod.metadata.name} hears all`, 60_000, async () => {
          seen.add((await exec(pod, 'wget', '-q', '-O', '-', 'http://web/').catch(() => '')).trim());
          return all.every(({ metadata }) => seen.has(metadata.name));
        });
      }
    };

    beforeAll(async () => {
      dir = mkdtempSync(join(tmpdir(), 'kubus-machines-'));
      env = {
        ...process.env,
        KUBUS_PORT: String(await freePort()),
        KUBUS_CONSOLE_PORT: String(await freePort()),
        // Another cluster of the machine may have the usual ones, and rules about them for all that crosses a bridge.
        KUBUS_CLUSTER_CIDR: '10.201.0.0/16',
        KUBUS_IMAGE: `${project}-image`,
        KUBUS_NODE_IMAGE: `${project}-node-image`,
      };
      files = ['--profile', 'containers'];
      await compose('build', '--quiet');
      const over = join(dir, 'over.yml');
      const lacks = await writeUnprivileged(over, env['KUBUS_NODE_IMAGE']!, env);
      if (lacks !== undefined) {
        console.log(`ops/compose: this engine gives no container all privileges (${lacks})`);
        files = ['--file', 'docker-compose.yml', '--file', over, ...files];
      }
      const one = ['etcd', 'apiserver', 'controller-manager', 'scheduler', 'node-authenticator', 'certificate-signer'];
      const scale = ['node=0', ...one.map((service) => `${service}=1`)].flatMap((of) => ['--scale', of]);
      await compose('up', '--detach', '--wait', ...scale);
      const kubeconfig = join(dir, 'kubeconfig');
      writeFileSync(kubeconfig, await compose('run', '--rm', '-T', 'kubeconfig'), { mode: 0o600 });
      const program = await findKubectl();
      kubectl = (...args) => run(program, ['--kubeconfig', kubeconfig, ...args]);
    }, 900_000);
    afterAll(async () => {
      if (files !== undefined) await compose('down', '--volumes', '--remove-orphans').catch(() => undefined);
      await docker('image', 'rm', '--force', `${project}-image`, `${project}-node-image`).catch(() => undefined);
      rmSync(dir, { recursive: true, force: true });
    }, 120_000);

    it('has two machines, each of which is a node with a certificate of its own', async () => {
      await until('two nodes Ready', 60_000, async () => (await readyNodes()).length === 2);
      const machines = (await containersOf(project)).filter(({ service }) => service === MACHINE);
      expect((await readyNodes()).toSorted()).toEqual(machines.map(({ id }) => id.slice(0, 12)).toSorted());
      for (const node of await readyNodes())
        await until(`a certificate of ${node}`, 30_000, async () =>
          new RegExp(`system:node:${node} .*Approved,Issued`).test(await kubectl('get', 'csr')),
        );
    }, 120_000);

    it('runs containers of images that are loaded', async () => {
      const archive = buildClientImage(dir, BUSYBOX, await findKubectl());
      await compose('run', '--rm', '-T', '--volume', `${archive}:/client.tar:ro`, 'load', '/client.tar');
      const file = join(dir, 'app.json');
      writeFileSync(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: manifests }));
      await kubectl('apply', '-f', file);
      await kubectl('rollout', 'status', 'deployment/web', '--timeout=180s');
      expect(new Set((await pods()).map(({ spec }) => spec.nodeName)).size).toBe(2);
    }, 300_000);

    it('has exec and logs', async () => {
      for (const pod of await pods()) {
        expect(await exec(pod, 'cat', '/tmp/www/index.html')).toBe(`${pod.metadata.name}\n`);
        expect(await kubectl('logs', pod.metadata.name)).toBe(`serving on ${pod.spec.nodeName}\n`);
        await expect(exec(pod, 'sh', '-c', 'exit 7')).rejects.toThrow(/exit code 7/);
      }
    }, 60_000);

    it('reaches a Service by its name from pods of every machine', allAnswerAll, 120_000);

    it('reaches the API servers by name from every machine, as the pod’s service account', async () => {
      await kubectl('create', 'clusterrolebinding', 'pods', '--clusterrole=view', '--serviceaccount=default:default');
      for (const pod of await pods()) {
        expect(await exec(pod, 'kubectl', 'get', 'service', 'web', '-o', 'name')).toBe('service/web\n');
        const secrets = '/var/run/secrets/kubernetes.io/serviceaccount';
        const byName = `kubectl --server=https://kubernetes.default.svc --certificate-authority=${secrets}/ca.crt --token=$(cat ${secrets}/token) auth whoami`;
        expect(await exec(pod, 'sh', '-c', byName)).toContain('system:serviceaccount:default:default');
      }
    }, 60_000);

    it('gets a machine back that crashed, under its name, with its pod', async () => {
      const [machine] = (await containersOf(project)).filter(({ service }) => service === MACHINE);
      const nodes = await readyNodes();
      await crash(machine!);
      const isBack = async (): Promise<boolean> => {
        const all = await pods();
        const running = await Promise.all(all.map((pod) => exec(pod, 'echo', 'here').catch(() => '')));
        return running.length === 2 && running.every((text) => text === 'here\n');
      };
      await until('both pods run commands', 120_000, isBack);
      await until('both nodes are Ready', 60_000, async () => (await readyNodes()).length === 2);
      expect((await readyNodes()).toSorted()).toEqual(nodes.toSorted());
      await allAnswerAll();
    }, 300_000);

    it('goes without a trace', async () => {
      const ids = (await docker('ps', '--all', '--quiet', '--no-trunc', '--filter', `label=com.docker.compose.project=${project}`)).trim().split('\n'); // prettier-ignore
      expect(left(ids)).not.toEqual([]);
      await compose('down', '--volumes', '--remove-orphans');
      expect(await containersOf(project)).toEqual([]);
      for (const kind of ['network', 'volume'])
        expect(await docker(kind, 'ls', '--quiet', '--filter', `label=com.docker.compose.project=${project}`)).toBe('');
      expect(left(ids)).toEqual([]);
    }, 120_000);
  },
);
/** What these containers could leave behind on the machine that they are all on: processes, groups of them, and mounts. */
function left(ids: readonly string[]): string[] {
  const isTheirs = (line: string): boolean => ids.some((id) => line.includes(id));
  const lines = readFileSync('/proc/self/mounts', 'utf8').split('\n');
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name)))
    try {
      lines.push(`${readFileSync(`/proc/${pid}/cmdline`, 'utf8')} in ${readFileSync(`/proc/${pid}/cgroup`, 'utf8')}`);
    } catch {
      // It has ended.
    }
  const root = '/sys/fs/cgroup';
  const groups = existsSync(root) ? readdirSync(root, { recursive: true, encoding: 'utf8' }) : [];
  return [...lines, ...groups].filter(isTheirs);
}
