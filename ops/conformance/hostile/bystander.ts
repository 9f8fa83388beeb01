import { parentPort, workerData } from 'node:worker_threads';
import { HttpsClient } from '../../testing/https.ts';

/** Milliseconds. */
export interface Pauses {
  readonly count: number;
  readonly p50: number;
  readonly max: number;
}
/** Between an answer and the next request. */
const SPACING_MS = 2;
if (parentPort !== null) bystand(workerData as string);

/** In a worker: asks for something small, again and again, and tells how long that took since it was told last. */
function bystand(kubeconfig: string): void {
  const client = new HttpsClient(kubeconfig);
  let times: number[] = [];
  let since = performance.now();
  const ask = (): void => {
    since = performance.now();
    const next = (): void => {
      times.push(performance.now() - since);
      setTimeout(ask, SPACING_MS);
    };
    client.send('GET', '/api/v1/namespaces/default').then(next, next);
  };
  ask();
  parentPort!.on('message', () => {
    const sorted = times.toSorted((a, b) => a - b);
    const under = performance.now() - since;
    const pauses: Pauses = {
      count: sorted.length,
      p50: sorted[Math.floor(sorted.length / 2)] ?? under,
      // What is still waited for is a pause already.
      max: Math.max(sorted.at(-1) ?? 0, under),
    };
    times = [];
    parentPort!.postMessage(pauses);
  });
}
