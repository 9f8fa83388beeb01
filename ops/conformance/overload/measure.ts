import { request, Agent } from 'node:https';
import { Worker } from 'node:worker_threads';
import type { FloodCounts, FloodOptions, FloodReport } from './flood.ts';

export interface Target {
  readonly host: string;
  readonly port: number;
  /** PEM of a client that may do everything and act as anybody. */
  readonly key: string;
  readonly cert: string;
}
export type FloodKind = 'none' | 'get' | 'create' | 'list';
export interface Load {
  readonly kind: FloodKind;
  /** Requests of one user in flight at once. */
  readonly inFlight: number;
  readonly seconds: number;
  readonly patienceMs?: number;
}
export interface Percentiles {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
}
export interface Outcome {
  /** What another user meets meanwhile, ms. */
  readonly get: Percentiles;
  readonly create: Percentiles;
  readonly failed: number;
  /** Answers to the user who asks too much, by code, a second. */
  readonly flood: FloodCounts;
}
const NAMESPACE = 'overload';
const MAPS = `/api/v1/namespaces/${NAMESPACE}/configmaps`;
const LISTED = 1000;
const PATIENCE_MS = 30_000;

/** Makes what the measurement needs, among it `listed` objects to be listed; may be repeated. */
export async function prepare(target: Target, listed = LISTED): Promise<void> {
  const call = client(target, undefined);
  await call('POST', '/api/v1/namespaces', { metadata: { name: NAMESPACE } });
  await call('POST', '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
    metadata: { name: 'overload' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: ['greedy', 'modest'].map((name) => ({ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name })),
  });
  await call('POST', MAPS, configMap('one'));
  for (let i = 0; i < listed; i += 20)
    await Promise.all(Array.from({ length: 20 }, (_, n) => call('POST', '/api/v1/namespaces/default/configmaps', configMap(`listed-${i + n}`)))); // prettier-ignore
}
const configMap = (name: string): object => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  data: { text: 'x'.repeat(100) },
});

/** Has one user ask as much as `load` says, and another one thing after the other. */
export async function measure(target: Target, load: Load): Promise<Outcome> {
  const worker = load.kind === 'none' ? undefined : new Worker(new URL('flood.ts', import.meta.url), {
    workerData: {
      ...target, connections: load.inFlight, request: flooding(load.kind), patienceMs: load.patienceMs ?? 0,
    } satisfies FloodOptions,
  }); // prettier-ignore
  const report = (): Promise<FloodReport> =>
    worker === undefined
      ? Promise.resolve({ counts: {}, heard: load.inFlight })
      : new Promise((resolve) => {
          worker.once('message', resolve);
          worker.postMessage('');
        });
  try {
    const call = client(target, 'modest');
    // Handshakes are dear and under nobody's control: until nearly all connections stand, within reason.
    const patience = performance.now() + PATIENCE_MS;
    while ((await report()).heard < load.inFlight * 0.95 && performance.now() < patience)
      await new Promise((resolve) => setTimeout(resolve, 100));
    for (let i = 0; i < 5; i++) await call('GET', `${MAPS}/one`);
    const { counts: before } = await report();
    const [gets, creates]: [number[], number[]] = [[], []];
    let failed = 0;
    const began = performance.now();
    const end = began + load.seconds * 1000;
    for (let i = 0; performance.now() < end; i++) {
      const start = performance.now();
      if ((await call('GET', `${MAPS}/one`)) === 200) gets.push(performance.now() - start);
      else failed++;
      const middle = performance.now();
      if ((await call('POST', MAPS, { metadata: { generateName: 'modest-' } })) === 201)
        creates.push(performance.now() - middle);
      else failed++;
    }
    const seconds = (performance.now() - began) / 1000;
    const { counts: after } = await report();
    const flood = Object.fromEntries(Object.entries(after).map(([code, n]) => [code, Math.round((n - (before[Number(code)] ?? 0)) / seconds)])); // prettier-ignore
    return { get: percentiles(gets), create: percentiles(creates), failed, flood };
  } finally {
    await worker?.terminate();
  }
}
function flooding(kind: FloodKind): string {
  const head = (method: string, path: string, length: number): string =>
    `${method} ${path} HTTP/1.1\r\nHost: flood\r\nAccept: application/json\r\nUser-Agent: flood\r\nImpersonate-User: greedy\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`;
  if (kind === 'get') return head('GET', `${MAPS}/one`, 0);
  if (kind === 'list') return head('GET', '/api/v1/namespaces/default/configmaps', 0);
  const body = JSON.stringify({ metadata: { generateName: 'greedy-' }, data: { text: 'x'.repeat(100) } });
  return `${head('POST', MAPS, body.length)}${body}`;
}
function percentiles(list: number[]): Percentiles {
  list.sort((a, b) => a - b);
  const at = (share: number): number => Math.round((list[Math.floor(list.length * share)] ?? Number.NaN) * 100) / 100;
  return { count: list.length, p50: at(0.5), p99: at(0.99) };
}
type Call = (method: string, path: string, body?: object) => Promise<number>;
function client({ host, port, key, cert }: Target, as: string | undefined): Call {
  const agent = new Agent({ keepAlive: true, maxSockets: 20 });
  return (method, path, body) =>
    new Promise((resolve, reject) => {
      const headers = { 'content-type': 'application/json', ...(as !== undefined && { 'impersonate-user': as }) };
      const sent = request({ host, port, path, method, key, cert, agent, rejectUnauthorized: false, headers }, (answer) => {
        answer.resume();
        answer.on('end', () => resolve(answer.statusCode!));
        answer.on('error', reject);
      }); // prettier-ignore
      sent.on('error', reject);
      sent.end(body && JSON.stringify(body));
    });
}
