/**
 * What somebody else's requests wait for while one client sends what is meant to hurt: the longest pause of a GET meanwhile.
 * Several servers are asked in turns, so that what the machine does besides meets them all.
 *
 *   node ops/conformance/hostile/bench.ts --kubeconfig FILE... [--only TEXT]... [--rounds 3]
 *
 * A line a case: what was answered, how long that took, and the pauses (ms, of the best round: a machine that is busy with
 * other things only adds to them).
 */
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { HttpsClient, type Answer } from '../../testing/https.ts';
import type { Pauses } from './bystander.ts';
import { cases, type Case, type Request } from './material.ts';

const { values: flags } = parseArgs({
  options: {
    kubeconfig: { type: 'string', multiple: true, default: [] },
    only: { type: 'string', multiple: true },
    rounds: { type: 'string', default: '3' },
  },
});
if (flags.kubeconfig.length === 0) {
  console.error('bench: --kubeconfig names the kubeconfig of a server, as kubus up writes it');
  process.exit(2);
}
/** What follows from a request, in the background. */
const AFTERWARDS_MS = 400;
const PATIENCE_MS = 30_000;
const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

interface Target {
  readonly client: HttpsClient;
  readonly pauses: () => Promise<Pauses>;
  readonly end: () => Promise<unknown>;
}
function targetOf(kubeconfig: string): Target {
  const worker = new Worker(new URL('bystander.ts', import.meta.url), { workerData: kubeconfig });
  const client = new HttpsClient(kubeconfig);
  return {
    client,
    pauses: () =>
      new Promise((resolve) => {
        worker.once('message', resolve);
        worker.postMessage('');
      }),
    end: () => {
      client.close();
      return worker.terminate();
    },
  };
}
const send = (client: HttpsClient, { method, path, body, type }: Request): Promise<Answer> =>
  client.send(method, path, body, { 'content-type': type ?? 'application/json' });
/** Of what a case needs: until it is there. */
async function prepare({ client }: Target, requests: readonly Request[]): Promise<void> {
  for (const request of requests) {
    const end = performance.now() + PATIENCE_MS;
    for (;;) {
      const { status, text } = await send(client, request);
      if (status < 300 || status === 409) break;
      if (performance.now() > end)
        throw new Error(`${request.method} ${request.path}: ${status} ${text.slice(0, 500)}`);
      await wait(50);
    }
  }
}
async function remove(client: HttpsClient, path: string): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (performance.now() < end) {
    const gone = await client.send('DELETE', path).then(
      ({ status }) => status === 404,
      () => false,
    );
    if (gone) return;
    await wait(100);
  }
}
interface Result {
  readonly answers: string;
  readonly ms: number;
  readonly pauses: Pauses;
}
async function run(target: Target, one: Case, round: number): Promise<Result> {
  const { before = [], requests, after } = one.make(`r${round}`);
  await prepare(target, before);
  await wait(AFTERWARDS_MS);
  await target.pauses();
  const since = performance.now();
  const answers: string[] = [];
  for (const request of requests)
    await send(target.client, request).then(
      ({ status, text }) => answers.push(`${status} (${text.length >> 10} KiB)`),
      (error: unknown) => answers.push(String(error)),
    );
  const ms = performance.now() - since;
  await wait(AFTERWARDS_MS);
  const pauses = await target.pauses();
  for (const path of after) await remove(target.client, path);
  return { answers: answers.join(', '), ms, pauses };
}
const targets = flags.kubeconfig.map(targetOf);
const shown = (ms: number): string => ms.toFixed(ms < 10 ? 1 : 0).padStart(6);
for (const one of cases.filter(({ name }) => flags.only?.some((text) => name.includes(text)) ?? true)) {
  const results: Result[][] = targets.map(() => []);
  for (let round = 0; round < Number(flags.rounds); round++)
    for (const [i, target] of targets.entries()) results[i]!.push(await run(target, one, round));
  console.log(one.name);
  for (const [i, all] of results.entries()) {
    const best = all.toSorted((a, b) => a.pauses.max - b.pauses.max)[0]!;
    console.log(`  ${i + 1}: pause max ${shown(best.pauses.max)} p50 ${shown(best.pauses.p50)}  took ${shown(best.ms)}  ${best.answers}`); // prettier-ignore
  }
}
await Promise.all(targets.map(({ end }) => end()));
