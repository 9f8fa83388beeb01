import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from './client.ts';
import type { Random } from './random.ts';

const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments';
const NAME = 'chaos-web';
const SERVICE_ACCOUNT = '/api/v1/namespaces/default/serviceaccounts/default';
const CALL_MS = 5_000;
const READY_MS = 60_000;
const FINAL_REPLICAS = 3;

interface Deployment {
  readonly metadata: { readonly generation: number };
  readonly spec: { readonly replicas: number };
  readonly status?: { readonly observedGeneration?: number; readonly readyReplicas?: number };
}
const deployment = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: NAME, namespace: 'default' },
  spec: {
    replicas: 1,
    selector: { matchLabels: { app: NAME } },
    template: {
      metadata: { labels: { app: NAME } },
      spec: { containers: [{ name: 'web', image: 'web' }], terminationGracePeriodSeconds: 0 },
    },
  },
};

/** A Deployment for the elected components to work on. Resolves when it is ready: all components do their work. */
export async function prepare(clients: readonly Client[]): Promise<void> {
  const client = clients[0]!;
  for (const deadline = performance.now() + READY_MS; performance.now() < deadline; await sleep(50)) {
    const account = await client.send('GET', SERVICE_ACCOUNT, undefined, CALL_MS).catch(() => undefined);
    if (account?.status !== 200) continue;
    const made = await client.send('POST', DEPLOYMENTS, deployment, CALL_MS).catch(() => undefined);
    if (made?.status === 201 || made?.status === 409) break;
  }
  const late = await ready(client, READY_MS);
  if (late !== undefined) throw new Error(`the cluster did not come up: ${late}`);
}

/** Scales it up and down, so that there are effects of elected components throughout. */
export async function keepScaling(clients: readonly Client[], random: Random, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await scale(random.pick(clients), random.between(1, 4)).catch(() => false);
    await sleep(random.between(200, 1_000));
  }
}
async function scale(client: Client, replicas: number): Promise<boolean> {
  const { status, body } = await client.send('GET', `${DEPLOYMENTS}/${NAME}`, undefined, CALL_MS);
  if (status !== 200) return false;
  const current = body as Deployment;
  const next = { ...current, spec: { ...current.spec, replicas } };
  return (await client.send('PUT', `${DEPLOYMENTS}/${NAME}`, next, CALL_MS)).status === 200;
}

/** Whether, in time, each API server takes writes and a new wish becomes true; otherwise what is not so. */
export async function converged(clients: readonly Client[], withinMs: number): Promise<string | undefined> {
  const deadline = performance.now() + withinMs;
  for (const [i, client] of clients.entries()) {
    // Another number for each, so that each must be able to write.
    const replicas = FINAL_REPLICAS - 1 + ((i + clients.length) % 2);
    while (!(await scale(client, replicas).catch(() => false))) {
      if (performance.now() > deadline) return `${client.server} takes no writes`;
      await sleep(50);
    }
  }
  return await ready(clients.at(-1)!, deadline - performance.now());
}
async function ready(client: Client, withinMs: number): Promise<string | undefined> {
  for (const deadline = performance.now() + withinMs; ; await sleep(50)) {
    const answer = await client
      .send('GET', `${DEPLOYMENTS}/${NAME}`, undefined, CALL_MS)
      .catch((error: Error) => error);
    if (!(answer instanceof Error) && answer.status === 200) {
      const { metadata, spec, status = {} } = answer.body as Deployment;
      if (status.observedGeneration === metadata.generation && status.readyReplicas === spec.replicas) return undefined;
    }
    if (performance.now() > deadline)
      return `the Deployment is not ready: ${JSON.stringify(answer instanceof Error ? answer.message : (answer.body as Deployment).status)}`;
  }
}
