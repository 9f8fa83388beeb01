import { request } from 'node:https';
import type { Answer, HttpsClient } from '../../testing/https.ts';
import { definitionOf, objectOf, type Definition } from './material.ts';

const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
/** Requests on their way at once. */
const WIDTH = 16;
const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
/** How often a bystander asks for something else. */
const BYSTANDER_MS = 20;
/** Nothing takes longer, or it has failed. */
const PATIENCE_MS = 300_000;

/** Milliseconds, rounded to hundredths. */
export interface Spread {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}
export type Figures = Readonly<Record<string, number | Spread>>;

const rounded = (ms: number): number => Math.round(ms * 100) / 100;
function spread(times: readonly number[]): Spread {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): number => rounded(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
} // prettier-ignore
async function timed(times: number[], act: () => Promise<unknown>): Promise<void> {
  const start = performance.now();
  await act();
  times.push(performance.now() - start);
}
async function each<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  const worker = async (): Promise<void> => {
    for (const item of queue) await act(item);
  };
  await Promise.all(Array.from({ length: WIDTH }, worker));
}
/** Throws what the server said instead of `wanted`. */
async function ask(
  client: HttpsClient,
  method: string,
  path: string,
  wanted: readonly number[],
  body?: object,
  headers?: Record<string, string>,
): Promise<Answer> {
  const answer = await client.send(method, path, body && JSON.stringify(body), headers);
  if (!wanted.includes(answer.status))
    throw new Error(`${method} ${path}: ${answer.status} ${answer.text.slice(0, 500)}`);
  return answer;
}

/** Follows the definitions and tells of each once it is established, and once it is gone. */
async function follow(client: HttpsClient, on: (name: string, what: 'established' | 'gone') => void): Promise<() => void> {
  const { host, port, ca, cert, key } = client.tls;
  const { text } = await ask(client, 'GET', `${DEFINITIONS}?limit=1`, [200]);
  let from: string | undefined = /"resourceVersion":"(\d+)"/.exec(text)![1];
  let stopped = false;
  let end = (): void => undefined;
  const take = (line: string): void => {
    if (line.startsWith('{"type":"ERROR"')) {
      // Too far behind: anew, with everything there is.
      from = undefined;
      return;
    }
    from = /"resourceVersion":"(\d+)"/.exec(line)?.[1] ?? from;
    const name = /"metadata":\{"name":"([^"]+)"/.exec(line)?.[1] ?? '';
    if (line.startsWith('{"type":"DELETED"')) on(name, 'gone');
    else if (line.includes('"type":"Established","status":"True"')) on(name, 'established');
  };
  const watch = (): Promise<void> =>
    new Promise((resolve) => {
      let rest: string[] = [];
      const path = `${DEFINITIONS}?watch=true${from === undefined ? '' : `&resourceVersion=${from}`}`;
      const asked = request({ host, port, ca, cert, key, path, agent: false }, (incoming) => {
        incoming.setEncoding('utf8');
        incoming.on('data', (chunk: string) => {
          const lines = chunk.split('\n');
          for (const line of lines.slice(0, -1)) {
            take(rest.join('') + line);
            rest = [];
          }
          rest.push(lines.at(-1)!);
        });
        incoming.on('close', resolve);
        incoming.on('error', () => undefined);
      });
      asked.on('error', () => resolve());
      asked.end();
      end = () => void asked.destroy();
    });
  // A server may end a watch whose reader is slow.
  void (async () => {
    while (!stopped) await watch();
  })();
  return () => {
    stopped = true;
    end();
  };
} // prettier-ignore
/** Somebody who has nothing to do with it: how long his requests take meanwhile. */
async function bystander(client: HttpsClient, work: () => Promise<void>): Promise<Spread> {
  const times: number[] = [];
  let done = false;
  const asking = (async () => {
    while (!done) {
      await timed(times, () => ask(client, 'GET', '/api/v1/namespaces/default', [200]));
      await new Promise((resolve) => setTimeout(resolve, BYSTANDER_MS));
    }
  })();
  try {
    await work();
  } finally {
    done = true;
    await asking;
  }
  return spread(times);
}
class Waiting {
  readonly #left: Set<string>;
  readonly #all = Promise.withResolvers<void>();
  constructor(names: readonly string[]) {
    this.#left = new Set(names);
  }
  saw(name: string): void {
    if (this.#left.delete(name) && this.#left.size === 0) this.#all.resolve();
  }
  async all(): Promise<void> {
    const late = setTimeout(() => this.#all.reject(new Error(`${this.#left.size} are still missing, ${[...this.#left][0]} for one`)), PATIENCE_MS); // prettier-ignore
    await this.#all.promise.finally(() => clearTimeout(late));
  }
}

export interface Bench {
  readonly client: HttpsClient;
  readonly definitions: readonly Definition[];
}
export const benchOf = (client: HttpsClient, count: number, salt: string): Bench => ({
  client,
  definitions: Array.from({ length: count }, (_, i) => definitionOf(i, salt)),
});
const itemsPath = (d: Definition): string => `/apis/${d.group}/v1/namespaces/default/${d.plural}`;

/** From the first request until all are established and answer lists. */
export async function establish({ client, definitions }: Bench): Promise<Figures> {
  const creates: number[] = [];
  const waits: number[] = [];
  const created = new Map<string, number>();
  const names = definitions.map((d) => d.name);
  const waiting = new Waiting(names);
  const stop = await follow(client, (name, what) => {
    if (what !== 'established') return;
    const since = created.get(name);
    if (since !== undefined) waits.push(performance.now() - since);
    created.delete(name);
    waiting.saw(name);
  });
  const start = performance.now();
  const marks = { created: 0, established: 0, served: 0 };
  const mark = (which: keyof typeof marks): void => void (marks[which] = rounded(performance.now() - start));
  const other = await bystander(client, async () => {
    await each(definitions, async (d) => {
      created.set(d.name, performance.now());
      await timed(creates, () => ask(client, 'POST', DEFINITIONS, [201], d.body));
    });
    mark('created');
    await waiting.all();
    mark('established');
    await each(definitions, async (d) => {
      while ((await ask(client, 'GET', `${itemsPath(d)}?limit=1`, [200, 404, 429, 503])).status !== 200)
        await new Promise((resolve) => setTimeout(resolve, BYSTANDER_MS));
    });
    mark('served');
  });
  stop();
  return {
    createdMs: marks.created,
    establishedMs: marks.established,
    servedMs: marks.served,
    create: spread(creates),
    establishedAfter: spread(waits),
    bystander: other,
  };
}

/** Each document on its own, then two of them right after a change. */
export async function discovery({ client, definitions }: Bench, rounds: number): Promise<Figures> {
  const { group } = definitions[0]!;
  const paths: Readonly<Record<string, readonly [string, string]>> = {
    api: ['/api', AGGREGATED],
    apis: ['/apis', AGGREGATED],
    groups: ['/apis', 'application/json'],
    group: [`/apis/${group}`, 'application/json'],
    version: [`/apis/${group}/v1`, 'application/json'],
    openApiIndex: ['/openapi/v3', '*/*'],
    openApiVersion: [`/openapi/v3/apis/${group}/v1`, 'application/json'],
  };
  const out: Record<string, Spread> = {};
  const read = (name: string, times: number[]): Promise<void> => {
    const [path, accept] = paths[name]!;
    return timed(times, () => ask(client, 'GET', path, [200], undefined, { accept }));
  };
  for (const name of Object.keys(paths)) {
    const times: number[] = [];
    for (let i = 0; i < rounds; i++) await read(name, times);
    out[name] = spread(times);
  }
  const after: Record<string, number[]> = { apis: [], openApiIndex: [] };
  const other: number[] = [];
  for (let i = 0; i < rounds; i++) {
    const { name } = definitions[i % definitions.length]!;
    const patch = { spec: { names: { categories: ['all-things', `round${i}`] } } };
    await timed(other, () =>
      ask(client, 'PATCH', `${DEFINITIONS}/${name}`, [200], patch, { 'content-type': 'application/merge-patch+json' }),
    );
    for (const [which, times] of Object.entries(after)) await read(which, times);
  }
  for (const [which, times] of Object.entries(after)) out[`${which}AfterChange`] = spread(times);
  out['change'] = spread(other);
  return out;
}

/** What one does to objects of one kind, one after the other. */
export async function instances({ client, definitions }: Bench, count: number): Promise<Figures> {
  const definition = definitions[0]!;
  const path = itemsPath(definition);
  const names = Array.from({ length: count }, (_, i) => `obj${i}`);
  const out: Record<string, Spread> = {};
  const measure = async (what: string, act: (name: string, i: number) => Promise<unknown>, of = names): Promise<void> => {
    const times: number[] = [];
    for (const [i, name] of of.entries()) await timed(times, () => act(name, i));
    out[what] = spread(times);
  }; // prettier-ignore
  const merge = { 'content-type': 'application/merge-patch+json' };
  const apply = { 'content-type': 'application/apply-patch+yaml' };
  // A new kind may take seconds to take its first object.
  for (const until = performance.now() + PATIENCE_MS; ;) {
    const { status, text } = await client.send('POST', path, JSON.stringify(objectOf(definition, 'first')));
    if (status === 201) break;
    if (performance.now() > until) throw new Error(`POST ${path}: ${status} ${text}`);
    await new Promise((resolve) => setTimeout(resolve, BYSTANDER_MS));
  }
  const bodies = new Map<string, Record<string, unknown>>();
  await measure('create', (name) => ask(client, 'POST', path, [201], objectOf(definition, name)));
  await measure('get', async (name) => {
    const { text } = await ask(client, 'GET', `${path}/${name}`, [200]);
    bodies.set(name, JSON.parse(text) as Record<string, unknown>);
  });
  await measure('update', (name) => {
    const body = bodies.get(name)!;
    return ask(client, 'PUT', `${path}/${name}`, [200], { ...body, spec: { ...(body['spec'] as object), minReplicas: 3 } });
  }); // prettier-ignore
  await measure('patch', (name) => ask(client, 'PATCH', `${path}/${name}`, [200], { spec: { maxReplicas: 7 } }, merge));
  await measure('status', (name) =>
    ask(client, 'PATCH', `${path}/${name}/status`, [200], { status: { phase: 'Ready', readyReplicas: 3 } }, merge),
  );
  await measure('apply', (name) =>
    ask(client, 'PATCH', `${path}/${name}?fieldManager=bench&force=true`, [200], { ...objectOf(definition, name), metadata: { name, labels: { applied: 'yes' } } }, apply),
  ); // prettier-ignore
  const rounds = names.slice(0, 20);
  await measure('list', () => ask(client, 'GET', path, [200]), rounds);
  const table = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' };
  await measure('table', () => ask(client, 'GET', path, [200], undefined, table), rounds);
  await measure('delete', (name) => ask(client, 'DELETE', `${path}/${name}`, [200]));
  return out;
}

/** Until the last definition is gone. */
export async function remove({ client, definitions }: Bench): Promise<Figures> {
  const names = definitions.map((d) => d.name);
  const waiting = new Waiting(names);
  const stop = await follow(client, (name, what) => {
    if (what === 'gone') waiting.saw(name);
  });
  const times: number[] = [];
  const start = performance.now();
  const other = await bystander(client, async () => {
    await each(definitions, (d) => timed(times, () => ask(client, 'DELETE', `${DEFINITIONS}/${d.name}`, [200])));
    await waiting.all();
  });
  stop();
  return { deletedMs: rounded(performance.now() - start), delete: spread(times), bystander: other };
}
