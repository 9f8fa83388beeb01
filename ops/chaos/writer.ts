import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from './client.ts';
import type { Ask, Operation, Outcome } from './operation.ts';
import type { Random } from './random.ts';

export const NAMESPACE = 'default';
export const CONFIG_MAPS = `/api/v1/namespaces/${NAMESPACE}/configmaps`;
/** Objects of the workload; others of the same kind are somebody else's. */
export const isOurs = (name: string): boolean => name.startsWith('chaos-key-');

/** No request may take longer: the API server answers by then, if only to say that it cannot. */
export const ANSWER_MS = 25_000;
const PAUSE_AFTER_FAILURE_MS = 20;

export interface WriterOptions {
  readonly name: string;
  /** One for each API server; the next is asked when one did not answer. */
  readonly clients: readonly Client[];
  readonly random: Random;
  readonly keys: readonly string[];
  /** Rest after each operation, ms. */
  readonly restMs: number;
  readonly record: (operation: Operation & { readonly server: string }) => void;
}
interface ConfigMap {
  readonly metadata: { readonly resourceVersion: string };
  readonly data?: { readonly value?: string };
}

/** Reads, makes, replaces and deletes some objects that others do as well, until it is told to stop. */
export async function runWriter(options: WriterOptions, signal: AbortSignal): Promise<void> {
  const { name, clients, random, keys } = options;
  /** What this client believes of each key: its revision, 0 where there is none. */
  const known = new Map<string, number>();
  let at = random.between(0, clients.length - 1);
  for (let count = 0; !signal.aborted; count++) {
    const key = random.pick(keys);
    const ask = askOf(random, known.get(key), `${name}-${count}`);
    const client = clients[at]!;
    const invokedAt = performance.now();
    const outcome = await attempt(client, key, ask);
    options.record({
      client: name,
      key,
      ask,
      outcome,
      invokedAt,
      returnedAt: performance.now(),
      server: client.server,
    });
    if (outcome.kind === 'done') {
      if (ask.kind === 'delete') known.set(key, 0);
      else known.set(key, outcome.revision!);
    } else if (outcome.kind === 'notFound') known.set(key, 0);
    else known.delete(key);
    if (outcome.kind === 'unknown') at = (at + 1) % clients.length;
    await sleep(outcome.kind === 'unknown' ? PAUSE_AFTER_FAILURE_MS : options.restMs);
  }
}

function askOf(random: Random, known: number | undefined, value: string): Ask {
  const dice = random.next();
  if (known === undefined || dice < 0.25) return { kind: 'get' };
  if (known === 0) return { kind: 'create', value };
  if (dice < 0.9) return { kind: 'update', value, expect: known };
  return { kind: 'delete', expect: dice < 0.95 ? known : undefined };
}

async function attempt(client: Client, key: string, ask: Ask): Promise<Outcome> {
  const path = `${CONFIG_MAPS}/${key}`;
  const object = (value: string, expect?: number): unknown => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: key, namespace: NAMESPACE, ...(expect !== undefined && { resourceVersion: String(expect) }) },
    data: { value },
  });
  const send = (): ReturnType<Client['send']> => {
    switch (ask.kind) {
      case 'get':
        return client.send('GET', path, undefined, ANSWER_MS);
      case 'create':
        return client.send('POST', CONFIG_MAPS, object(ask.value), ANSWER_MS);
      case 'update':
        return client.send('PUT', path, object(ask.value, ask.expect), ANSWER_MS);
      case 'delete': {
        const preconditions = ask.expect === undefined ? undefined : { resourceVersion: String(ask.expect) };
        return client.send('DELETE', path, { kind: 'DeleteOptions', apiVersion: 'v1', preconditions }, ANSWER_MS);
      }
    }
  };
  try {
    const { status, body } = await send();
    const { reason, message } = body as { reason?: string; message?: string };
    if (status < 300) {
      if (ask.kind === 'delete') return { kind: 'done' };
      const { metadata, data } = body as ConfigMap;
      return { kind: 'done', revision: Number(metadata.resourceVersion), value: data?.value };
    }
    if (status === 404) return { kind: 'notFound' };
    if (status === 409) return { kind: reason === 'AlreadyExists' ? 'alreadyExists' : 'conflict' };
    return { kind: 'unknown', why: `${status} ${reason}: ${message}` };
  } catch (error) {
    return { kind: 'unknown', why: (error as Error).message };
  }
}
