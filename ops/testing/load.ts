import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type TLSSocket } from 'node:tls';
import type { ApiClient } from '../../actors/runtime/api-client.ts';
import * as resources from '../../actors/runtime/resources.ts';
import type { ConfigMap } from '../../schemas/generated/core-v1.ts';
import { reasonOf } from '../../schemas/meta/status.ts';
import { HttpsClient } from './https.ts';

/** Someone who asks for config maps, over one connection that is kept as long as the server keeps it. No retries. */
export interface Asker {
  get(name: string): Promise<void>;
  create(name: string): Promise<void>;
  close(): void;
}
const PATH = '/api/v1/namespaces/default/configmaps';
const bodyOf = (name: string): string =>
  JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { x: 'y' } });
function expectStatus(wanted: number, status: number, text: string): void {
  if (status !== wanted) throw new Error(`${status} instead of ${wanted}: ${text}`);
}

export function askHttp1(kubeconfig: string): Asker {
  const client = new HttpsClient(kubeconfig);
  return {
    get: async (name) => {
      const { status, text } = await client.send('GET', `${PATH}/${name}`);
      expectStatus(200, status, text);
    },
    create: async (name) => {
      const { status, text } = await client.send('POST', PATH, bodyOf(name));
      expectStatus(201, status, text);
    },
    close: () => client.close(),
  };
}
/** Turns to a new session when the server says that it leaves, as Go's client does. */
export function askHttp2(kubeconfig: string): Asker {
  const { tls } = new HttpsClient(kubeconfig);
  let session: ClientHttp2Session | undefined;
  const current = (): ClientHttp2Session => {
    if (session === undefined || session.closed || session.destroyed) {
      session = connectHttp2(`https://${tls.host}:${tls.port}`, { ca: tls.ca, cert: tls.cert, key: tls.key });
      session.on('error', () => undefined);
    }
    return session;
  };
  const ask = (method: string, path: string, wanted: number, body?: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const stream = current().request({
        ':method': method,
        ':path': path,
        ...(body && { 'content-type': 'application/json' }),
      });
      let status = 0;
      let text = '';
      stream.on('response', (headers) => (status = Number(headers[':status'])));
      stream.on('data', (d: Buffer) => (text += d.toString()));
      // Refused means not begun: a client asks again elsewhere.
      stream.on('error', (error: NodeJS.ErrnoException) =>
        /REFUSED_STREAM/.test(error.message) ? resolve(ask(method, path, wanted, body)) : reject(error),
      );
      stream.on('end', () => {
        try {
          resolve(expectStatus(wanted, status, text));
        } catch (error) {
          reject(error);
        }
      });
      stream.setTimeout(20_000, () => reject(new Error('no answer within 20 s')));
      stream.end(body);
    });
  return {
    get: (name) => ask('GET', `${PATH}/${name}`, 200),
    create: (name) => ask('POST', PATH, 201, bodyOf(name)),
    close: () => session?.close(),
  };
}
export const askBus = (api: ApiClient): Asker => ({
  get: async (name) => void (await api.get<ConfigMap>(resources.configMaps, name, 'default')),
  create: async (name) =>
    void (await api.create(resources.configMaps, JSON.parse(bodyOf(name)) as ConfigMap, { namespace: 'default' })),
  close: () => undefined,
});

/** Sees every change from now on, as client-go does: reopens where it was when a watch ends. */
export interface Watcher {
  /** Names in the order in which they were added. */
  readonly seen: readonly string[];
  /** When each came, ms of performance.now(). */
  readonly seenAt: ReadonlyMap<string, number>;
  /** What went wrong beyond the end of a watch. */
  readonly faults: readonly string[];
  /** How often it was reopened. */
  readonly reopened: number;
  /** How far it has come. */
  readonly revision: number;
  stop(): void;
}
type Event = {
  readonly type: string;
  readonly object: { readonly metadata: { name?: string; resourceVersion: string } };
};
class Follower implements Watcher {
  readonly seen: string[] = [];
  readonly seenAt = new Map<string, number>();
  readonly faults: string[] = [];
  reopened = -1;
  revision: number;
  stopped = false;
  end: () => void = () => undefined;
  constructor(revision: number) {
    this.revision = revision;
  }
  take({ type, object }: Event): void {
    const at = Number(object.metadata.resourceVersion);
    if (type === 'BOOKMARK') {
      if (at < this.revision) this.faults.push(`a bookmark at ${at} after ${this.revision}`);
    } else if (type !== 'ADDED') this.faults.push(`${type} ${JSON.stringify(object)}`);
    else {
      if (at <= this.revision) this.faults.push(`${object.metadata.name} at ${at} after ${this.revision}`);
      this.seen.push(object.metadata.name!);
      this.seenAt.set(object.metadata.name!, performance.now());
    }
    this.revision = Math.max(this.revision, at);
  }
  async run(open: () => Promise<void>): Promise<void> {
    while (!this.stopped) {
      this.reopened++;
      try {
        await open();
      } catch (error) {
        // A session that fell silent on a busy machine is reopened like any other.
        if (!this.stopped && reasonOf(error) !== 'ServiceUnavailable') this.faults.push((error as Error).message);
        await sleep(10);
      }
    }
  }
  stop(): void {
    this.stopped = true;
    this.end();
  }
}
/** Over HTTP/1.1, on a connection of its own that it keeps while it may. */
export function watchHttp1(kubeconfig: string, from: number): Watcher {
  const { tls } = new HttpsClient(kubeconfig);
  const follower = new Follower(from);
  let socket: TLSSocket | undefined;
  void follower.run(async () => {
    const at = `${PATH}?watch=true&allowWatchBookmarks=true&resourceVersion=${follower.revision}`;
    const isReused = socket !== undefined;
    const mine = (socket ??= connect({ ...tls, ALPNProtocols: ['http/1.1'] }).on('error', () => undefined));
    follower.end = () => mine.destroy();
    mine.write(`GET ${at} HTTP/1.1\r\nHost: x\r\n\r\n`);
    let keep = false;
    try {
      keep = await readChunks(mine, isReused, (line) => follower.take(JSON.parse(line) as Event));
    } finally {
      if (!keep) {
        mine.destroy();
        socket = undefined;
      }
    }
  });
  return follower;
}
/**
 * Reads one chunked answer; resolves with whether the connection stays. Rejects if it ends in the middle; that a kept
 * connection was closed before a word of the answer is what Go's client tries again.
 */
function readChunks(socket: TLSSocket, isReused: boolean, onLine: (line: string) => void): Promise<boolean> {
  return new Promise((resolve, reject) => {
    let rest = Buffer.alloc(0);
    let keep: boolean | undefined;
    const done = (settle: () => void): void => {
      socket.off('data', onData).off('close', onClose);
      settle();
    };
    const onClose = (): void =>
      done(() => {
        if (isReused && keep === undefined && rest.length === 0) resolve(false);
        else reject(new Error('the connection ended within a watch'));
      });
    const onData = (data: Buffer): void => {
      rest = Buffer.concat([rest, data]);
      if (keep === undefined) {
        const end = rest.indexOf('\r\n\r\n');
        if (end < 0) return;
        const head = rest.subarray(0, end).toString();
        if (!head.startsWith('HTTP/1.1 200')) return done(() => reject(new Error(head)));
        keep = !/^connection: close/im.test(head);
        rest = rest.subarray(end + 4);
      }
      for (;;) {
        const eol = rest.indexOf('\r\n');
        if (eol < 0) return;
        const size = Number.parseInt(rest.subarray(0, eol).toString(), 16);
        if (rest.length < eol + 4 + size) return;
        const chunk = rest.subarray(eol + 2, eol + 2 + size).toString();
        rest = rest.subarray(eol + 4 + size);
        if (size === 0) return done(() => resolve(keep!));
        for (const line of chunk.split('\n')) if (line !== '') onLine(line);
      }
    };
    socket.on('data', onData).on('close', onClose);
  });
}
export function watchBus(api: ApiClient, from: number): Watcher {
  const follower = new Follower(from);
  const abort = new AbortController();
  follower.end = () => abort.abort();
  void follower.run(async () => {
    const events = api.watch<ConfigMap>(resources.configMaps, {
      namespace: 'default',
      resourceVersion: String(follower.revision),
      signal: abort.signal,
    });
    for await (const batch of events) for (const event of batch) follower.take(event as Event);
  });
  return follower;
}
