import { Agent, request as httpsRequest } from 'node:https';
import { connect as connectHttp2 } from 'node:http2';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ensurePki } from '../../../../ops/pki/pki.ts';
import { until } from '../../../../bus/testing/until.ts';
import { startServers, tempFolder, type TestPki, type TestServers } from '../../testing/servers.ts';

let all: TestServers;
let pki: TestPki;
const folder = tempFolder();
beforeAll(async () => {
  pki = await ensurePki(folder.path, ['127.0.0.1'], Date.now());
  all = await startServers(1, pki);
});
afterAll(async () => {
  await all.stop();
  folder.remove();
});
const PATH = '/api/v1/namespaces/default/configmaps';
const tls = () => ({
  host: '127.0.0.1',
  port: all.servers[0]!.port,
  ca: pki.ca,
  cert: pki.adminCert,
  key: pki.adminKey,
});

interface Asked {
  readonly status: number;
  readonly connection: string | undefined;
  readonly text: string;
}
/** A client with one connection that it keeps as long as it may. */
function client() {
  const agent = new Agent({ keepAlive: true, maxSockets: 1, ...tls() });
  let closed = false;
  const ask = (path: string, onStart?: () => void): Promise<Asked> =>
    new Promise((resolve, reject) => {
      const outgoing = httpsRequest({ agent, path, ...tls() }, (incoming) => {
        onStart?.();
        let text = '';
        incoming.on('data', (d: Buffer) => (text += d.toString()));
        incoming.on('error', reject);
        incoming.on('end', () =>
          resolve({ status: incoming.statusCode!, connection: incoming.headers.connection, text }),
        );
      });
      outgoing.on('socket', (socket) => socket.once('close', () => (closed = true)));
      outgoing.on('error', reject);
      outgoing.end();
    });
  return { ask, isClosed: () => closed, end: () => agent.destroy() };
}

it('a server that leaves answers what it was asked, says where not to ask again, and takes nothing new', async () => {
  const [idle, busy, watching, late] = [client(), client(), client(), client()];
  for (const one of [idle, late]) expect((await one.ask(PATH)).connection).toBe('keep-alive');
  const session = connectHttp2(`https://127.0.0.1:${all.servers[0]!.port}`, tls());
  let goaway: number | undefined;
  session.on('goaway', (code) => (goaway = code));
  const askHttp2 = (path: string): Promise<number> =>
    new Promise((resolve, reject) => {
      const stream = session.request({ ':path': path });
      stream.on('response', (headers) => resolve(Number(headers[':status'])));
      stream.on('error', reject);
      stream.resume();
    });
  expect(await askHttp2(PATH)).toBe(200);

  // A version that does not come keeps this one busy for three seconds.
  const slow = busy.ask(`${PATH}/x?resourceVersion=100000000`);
  let answered = false;
  const toSlow = slow.finally(() => (answered = true));
  const started = Promise.withResolvers<void>();
  const { metadata } = JSON.parse((await late.ask(PATH)).text) as { metadata: { resourceVersion: string } };
  const at = metadata.resourceVersion;
  const watch = watching.ask(`${PATH}?watch=true&allowWatchBookmarks=true&resourceVersion=${at}`, started.resolve);
  const future = client();
  const waiting = future.ask(`${PATH}?watch=true&resourceVersion=100000000`);
  await started.promise;
  let gone = false;
  const stopped = all.servers[0]!.stop().then(() => (gone = true));
  await until(() => all.servers[0]!.state() === 'draining');

  // Both that are open still get answers, and are told.
  const [told, overHttp2] = await Promise.all([late.ask('/readyz/shutdown'), askHttp2(PATH)]);
  expect(told).toEqual({
    status: 500,
    connection: 'close',
    text: 'internal server error: process is shutting down\n',
  });
  expect(overHttp2).toBe(200);
  await until(() => session.closed);
  expect(goaway).toBe(0);
  const fresh = client();
  // The listener is closed in a moment in which nothing waits for it; who comes before is answered, and told as well.
  await until(() =>
    fresh.ask(PATH).then(
      ({ connection }) => connection !== 'close',
      (error: NodeJS.ErrnoException) => error.code === 'ECONNREFUSED',
    ),
  );

  // The watch is told how far it is, and ends as a watch does; so does the one that waited.
  const seen = await watch;
  const last = JSON.parse(seen.text.trim().split('\n').at(-1)!) as {
    type: string;
    object: { metadata: { resourceVersion: string } };
  };
  expect([seen.status, last.type]).toEqual([200, 'BOOKMARK']);
  expect(Number(last.object.metadata.resourceVersion)).toBeGreaterThanOrEqual(Number(at));
  expect(await waiting).toMatchObject({ status: 200, text: '' });
  expect(gone && !answered).toBe(false);

  expect(await toSlow).toMatchObject({ status: 504, connection: 'close' });
  await stopped;
  expect(idle.isClosed()).toBe(true);
  for (const one of [idle, busy, watching, late, future, fresh]) one.end();
});
