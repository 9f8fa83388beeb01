import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createApiClient } from '../../../actors/runtime/client.ts';
import { pods } from '../../../actors/runtime/resources.ts';
import type { Pod } from '../../../schemas/generated/core-v1.ts';
import { connectTool } from '../../cluster/connect.ts';
import { clusterPaths } from '../../cluster/paths.ts';
import { findKubectl } from '../../fetch/kubectl.ts';
import { freePort } from '../../cluster/ports.ts';
import { eventually, within, type TestCluster } from '../../testing/cluster.ts';
import { app, policy } from './app.ts';
import { IMAGES } from './images.ts';

/** Thrown: Error with what is wrong. Resolves with what is worth telling. */
export interface Check {
  readonly name: string;
  readonly work: () => Promise<string | void>;
}
/** A line about it; whether it holds. */
export async function runCheck({ name, work }: Check): Promise<boolean> {
  const began = performance.now();
  let said: string | void;
  let holds = true;
  try {
    said = await work();
  } catch (error) {
    holds = false;
    said = (error as Error).message.slice(0, 1500);
  }
  console.log(`${holds ? 'ok  ' : 'FAIL'} ${((performance.now() - began) / 1000).toFixed(2).padStart(6)} s  ${name}${said ? `: ${said}` : ''}`); // prettier-ignore
  return holds;
}
export const toolsOn = (node: string): string => `tools-${node}`;
export const nodesOf = async ({ kubectl }: TestCluster): Promise<string[]> =>
  (await kubectl(['get', 'nodes', '-o', 'jsonpath={.items[*].metadata.name}'])).split(' ');
/** Asks for a page from within a pod. */
export const ask = ({ kubectl }: TestCluster, pod: string, url: string): Promise<string> =>
  kubectl(['exec', pod, '--', 'wget', '-q', '-O', '-', url]);
const must = (condition: boolean, why: string): void => {
  if (!condition) throw new Error(why);
};
const REQUESTS = `ok=0; bad=0
while [ ! -e /tmp/stop ]; do
  if wget -q -O - http://web/cgi-bin/page > /tmp/page 2>/tmp/why && [ -s /tmp/page ]; then ok=$((ok+1)); else bad=$((bad+1)); cat /tmp/why /tmp/page >> /tmp/bad; fi
done
echo "$ok $bad"; cat /tmp/bad 2>/dev/null || :`;

/** An app of two parts: by name, across nodes, updated under load, looked into, and shut off. */
export function appChecks(cluster: TestCluster, archives: readonly string[]): Check[] {
  const { kubectl } = cluster;
  let nodes: string[] = [];
  return [
    {
      name: 'images of archives are on all nodes',
      work: async () => {
        const { status, stderr } = await cluster.kubus('load', '--name', cluster.name, ...archives);
        must(status === 0, stderr);
      },
    },
    {
      name: 'an app is applied and ready',
      work: async () => {
        nodes = await nodesOf(cluster);
        await kubectl(['apply', '-f', '-'], JSON.stringify(app(nodes)));
        await kubectl(['rollout', 'status', 'deployment/web', within(60)]);
        await kubectl(['rollout', 'status', 'deployment/store', within(60)]);
        await kubectl(['wait', '--for=condition=Ready', 'pods', '-l', 'app=tools', within(60)]);
      },
    },
    {
      name: 'from pod applied to Running',
      work: async () => {
        const times = await quickPods(cluster, 10);
        return `${Math.round(times.toSorted((a, b) => a - b)[5]!)} ms p50 of 10`;
      },
    },
    {
      name: 'a Service by its name, from a pod of every node, answers from every pod',
      work: async () => {
        const seen = new Set<string>();
        for (const node of nodes)
          for (let i = 0; i < 8; i++) {
            const page = await ask(cluster, toolsOn(node), 'http://web/cgi-bin/page');
            must(page.includes('forty-two'), `${node} got: ${page}`);
            seen.add(/on (\S+):/.exec(page)?.[1] ?? '');
          }
        must(seen.size === 3, `only these answered: ${[...seen].join(', ')}`);
      },
    },
    {
      name: 'the API server by its name, with the pod’s own CA',
      work: async () => {
        const { clusterIP } = (JSON.parse(await kubectl(['get', 'service', 'kubernetes', '-o', 'json'])) as { spec: { clusterIP: string } }).spec; // prettier-ignore
        await kubectl(['exec', toolsOn(nodes[0]!), '--', 'sh', '-c', `echo | nc -w 3 ${clusterIP} 443`]);
        const ca = await kubectl(['exec', toolsOn(nodes[0]!), '--', 'cat', '/var/run/secrets/kubernetes.io/serviceaccount/ca.crt']); // prettier-ignore
        must(ca.includes('BEGIN CERTIFICATE'), `no CA: ${ca}`);
      },
    },
    {
      name: 'a rolling update under load, without a failed request',
      work: async () => {
        const loader = kubectl(['exec', toolsOn(nodes[0]!), '--', 'sh', '-c', REQUESTS]);
        loader.catch(() => undefined);
        await kubectl(['set', 'env', 'deployment/web', 'VERSION=2']);
        await kubectl(['rollout', 'status', 'deployment/web', within(90)]);
        await kubectl(['exec', toolsOn(nodes[0]!), '--', 'sh', '-c', 'echo > /tmp/stop']);
        const [counts = '', ...why] = (await loader).trim().split('\n');
        const [ok = 0, bad = 0] = counts.split(' ').map(Number);
        must(bad === 0 && ok > 10, `${ok} requests answered, ${bad} not: ${why.slice(0, 5).join(' | ')}`);
        // Pods that are ending still answer until every node has heard of it.
        const isNew = async (): Promise<true | undefined> =>
          (await ask(cluster, toolsOn(nodes[1]!), 'http://web/cgi-bin/page')).startsWith('web 2 on') || undefined;
        await eventually('version 2 answers', isNew, 15_000);
        return `${ok} requests`;
      },
    },
    {
      name: 'exec: output, input and exit status',
      work: async () => {
        const pod = toolsOn(nodes[1]!);
        must((await kubectl(['exec', '-i', pod, '--', 'cat'], 'as it came\n')) === 'as it came\n', 'input came back changed'); // prettier-ignore
        const status = await kubectl(['exec', pod, '--', 'sh', '-c', 'exit 7']).then(
          () => 'exit status 0',
          (error: Error) => error.message,
        );
        must(status.includes('exit code 7'), status);
        const times: number[] = [];
        for (let i = 0; i < 5; i++) {
          const began = performance.now();
          await kubectl(['exec', pod, '--', 'echo', 'x']);
          times.push(performance.now() - began);
        }
        return `${Math.round(times.toSorted((a, b) => a - b)[2]!)} ms, with kubectl’s own start`;
      },
    },
    { name: 'logs -f: lines as they are written', work: () => logsFollow(cluster) },
    {
      name: 'cp: to a pod and back',
      work: async () => {
        const [from, to] = [join(cluster.dir, 'sent'), join(cluster.dir, 'back')];
        writeFileSync(from, Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7) & 255)));
        const pod = toolsOn(nodes[2]!);
        await kubectl(['cp', from, `${pod}:/tmp/sent`]);
        await kubectl(['cp', `${pod}:/tmp/sent`, to]);
        must(readFileSync(from).equals(readFileSync(to)), 'it came back changed');
      },
    },
    { name: 'port-forward to a Service', work: () => portForward(cluster) },
    {
      name: 'a NetworkPolicy shuts others off, and lets in whom it names',
      work: async () => {
        const pod = toolsOn(nodes[0]!);
        const isOpen = (): Promise<boolean> =>
          kubectl(['exec', pod, '--', 'sh', '-c', 'echo | nc -w 1 store 8080']).then(
            () => true,
            () => false,
          );
        must(await isOpen(), 'the store was not open before');
        await kubectl(['apply', '-f', '-'], JSON.stringify(policy));
        await eventually('the store is shut off', async () => ((await isOpen()) ? undefined : true), 15_000);
        const page = await ask(cluster, toolsOn(nodes[1]!), 'http://web/cgi-bin/page');
        must(page.includes('forty-two'), `the web does not reach the store: ${page}`);
        const asked = await kubectl(['get', '--raw', '/api/v1/namespaces/default/services/store:8080/proxy/value']);
        must(asked.includes('forty-two'), `the API server does not reach the store: ${asked}`);
        await kubectl(['delete', 'networkpolicy', 'store']);
        await eventually('the store is open again', async () => ((await isOpen()) ? true : undefined), 15_000);
      },
    },
  ];
}
/** ms from the request that makes a pod to the event that says that it runs, one after the other. */
async function quickPods({ data }: TestCluster, count: number): Promise<number[]> {
  const { bus, world } = await connectTool(clusterPaths(data), 'admin');
  const api = createApiClient(bus, world, 'admin');
  const times: number[] = [];
  try {
    for (let i = 0; i < count; i++) {
      const name = `quick-${i}`;
      const spec = { terminationGracePeriodSeconds: 0, containers: [{ name: 'main', image: IMAGES.tools }] };
      const ended = new AbortController();
      const selection = { namespace: 'default', fieldSelector: `metadata.name=${name}`, signal: ended.signal };
      const began = performance.now();
      await api.create(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default' }, spec }, { namespace: 'default' }); // prettier-ignore
      for await (const events of api.watch<Pod>(pods, selection))
        if (events.some(({ object }) => object.status?.phase === 'Running')) break;
      times.push(performance.now() - began);
      ended.abort();
      await api.delete(pods, name, 'default', { gracePeriodSeconds: 0 });
    }
  } finally {
    await bus.drain();
  }
  return times;
}
async function logsFollow({ kubectl, kubeconfig }: TestCluster): Promise<string> {
  const tick = 'i=0; while :; do i=$((i+1)); echo "line $i"; sleep 1; done';
  await kubectl(['run', 'ticks', `--image=${IMAGES.tools}`, '--restart=Never', '--', 'sh', '-c', tick]);
  await kubectl(['wait', '--for=condition=Ready', 'pod/ticks', within(30)]);
  const child = spawn(await findKubectl(), ['--kubeconfig', kubeconfig, 'logs', '-f', 'ticks']);
  let said = '';
  child.stdout.on('data', (bytes: Buffer) => (said += bytes.toString()));
  try {
    await eventually(
      'four lines',
      () => (said.startsWith('line 1\nline 2\nline 3\nline 4\n') ? true : undefined),
      15_000,
    ).catch((error: Error) => {
      throw new Error(`${error.message}; it said: ${said.slice(0, 300)}`);
    });
  } finally {
    child.kill();
    await kubectl(['delete', 'pod', 'ticks', '--now']);
  }
  return '4 lines';
}
async function portForward({ kubeconfig }: TestCluster): Promise<void> {
  const port = await freePort();
  const child = spawn(await findKubectl(), ['--kubeconfig', kubeconfig, 'port-forward', 'service/web', `${port}:80`]);
  let said = '';
  child.stdout.on('data', (bytes: Buffer) => (said += bytes.toString()));
  child.stderr.on('data', (bytes: Buffer) => (said += bytes.toString()));
  try {
    await eventually('port-forward listens', () => (said.includes('Forwarding from') ? true : undefined));
    const page = await get(port, '/cgi-bin/page');
    if (!page.includes('forty-two')) throw new Error(`got: ${page}; ${said}`);
  } finally {
    child.kill();
  }
}
const get = (port: number, path: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let said = '';
    socket.on('data', (bytes) => (said += bytes.toString()));
    socket.once('error', reject);
    socket.once('close', () => resolve(said));
    socket.write(`GET ${path} HTTP/1.0\r\nHost: web\r\n\r\n`);
  });
