/**
 * How long one pod waits for its node where nothing else happens: from the POST until a watcher sees the node. Servers are
 * asked by turns, as timings are noisy; each needs nodes of its own (`kubus up --nodes 100`; fake ones for the real one).
 *
 *   node ops/conformance/placement/latency.ts --kubeconfig A [--kubeconfig B]... [--pods 300] [--turn 25]
 */
import { request } from 'node:https';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { HttpsClient } from '../../testing/https.ts';

const { values: flags } = parseArgs({
  options: {
    kubeconfig: { type: 'string', multiple: true, default: [] },
    pods: { type: 'string', default: '300' },
    turn: { type: 'string', default: '25' },
  },
});
if (flags.kubeconfig.length === 0) {
  console.error('latency: --kubeconfig names the kubeconfig of a server, once for each');
  process.exit(2);
}
const PODS = '/api/v1/namespaces/default/pods';
const REST_MS = 40;

interface Seen {
  readonly object: { readonly metadata: { readonly name: string }; readonly spec: { readonly nodeName?: string } };
}
/** One server, its pods, and who waits for them. */
class Subject {
  readonly #client: HttpsClient;
  readonly #waiting = new Map<string, () => void>();
  readonly created: number[] = [];
  readonly placed: number[] = [];
  constructor(kubeconfig: string) {
    this.#client = new HttpsClient(kubeconfig);
  }
  async begin(): Promise<void> {
    const list = JSON.parse((await this.#client.send('GET', `${PODS}?limit=1`)).text) as {
      metadata: { resourceVersion: string };
    };
    const path = `${PODS}?watch=true&resourceVersion=${list.metadata.resourceVersion}`;
    const watch = request({ ...this.#client.tls, path }, (answer) => {
      createInterface(answer).on('line', (line) => {
        const { object } = JSON.parse(line) as Seen;
        if (object.spec?.nodeName !== undefined) this.#waiting.get(object.metadata.name)?.();
      });
    });
    watch.on('error', (error) => {
      throw error;
    });
    watch.end();
  }
  async place(name: string): Promise<void> {
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name },
      spec: { containers: [{ name: 'c', image: 'i', resources: { requests: { cpu: '1m' } } }] },
    };
    const seen = Promise.withResolvers<void>();
    this.#waiting.set(name, seen.resolve);
    const began = performance.now();
    const { status, text } = await this.#client.send('POST', PODS, JSON.stringify(pod));
    if (status !== 201) throw new Error(text);
    this.created.push(performance.now() - began);
    await seen.promise;
    this.placed.push(performance.now() - began);
    this.#waiting.delete(name);
    await this.#client.send('DELETE', `${PODS}/${name}`, JSON.stringify({ gracePeriodSeconds: 0 }));
    await new Promise((resolve) => setTimeout(resolve, REST_MS));
  }
}
const at = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
const told = (ms: readonly number[]): string => {
  const sorted = ms.toSorted((a, b) => a - b);
  return `p50 ${at(sorted, 0.5).toFixed(1)} p90 ${at(sorted, 0.9).toFixed(1)} p99 ${at(sorted, 0.99).toFixed(1)} ms`;
};

const subjects = flags.kubeconfig.map((file) => new Subject(file));
for (const subject of subjects) await subject.begin();
const [pods, turn] = [Number(flags.pods), Number(flags.turn)];
// The first turn warms up.
for (let n = -turn; n < pods; n += turn)
  for (const subject of subjects) {
    for (let i = n; i < Math.min(n + turn, pods); i++) await subject.place(`latency-${process.pid}-${i + turn}`);
    if (n < 0) subject.created.length = subject.placed.length = 0;
  }
for (const [i, { created, placed }] of subjects.entries())
  console.log(
    `${flags.kubeconfig[i]}: until it has a node ${told(placed)}; its POST ${told(created)}; ${placed.length} pods`,
  );
process.exit(0);
