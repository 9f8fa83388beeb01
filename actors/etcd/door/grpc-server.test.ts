import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, type ClientHttp2Session, type ClientHttp2Stream, type IncomingHttpHeaders } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ensureEtcdPki } from '../../../ops/pki/etcd.ts';
import { until } from '../../../bus/testing/until.ts';
import {
  startGrpcServer,
  type GrpcServer,
  type GrpcStream,
  type StreamMethod,
  type UnaryMethod,
} from './grpc-server.ts';

const folder = mkdtempSync(join(tmpdir(), 'etcd-grpc-'));
const pem = (name: string, dir = folder): string => readFileSync(join(dir, 'etcd', name), 'utf8');
const other = join(folder, 'other');
const framed = (text: string): Buffer => {
  const out = Buffer.alloc(5 + Buffer.byteLength(text));
  out.writeUInt32BE(out.length - 5, 1);
  out.write(text, 5);
  return out;
};
let server: GrpcServer;
const opened: GrpcStream[] = [];
let closed = 0;
let gone = 0;
let session: ClientHttp2Session;
const tls = (): ConnectionOptions => ({ ca: pem('ca.crt'), cert: pem('client.crt'), key: pem('client.key') });
beforeAll(async () => {
  await ensureEtcdPki(folder, [], Date.now());
  await ensureEtcdPki(other, [], Date.now());
  server = await startGrpcServer({
    host: '127.0.0.1',
    port: 0,
    tls: { ca: pem('ca.crt'), cert: pem('server.crt'), key: pem('server.key') },
    maxMessage: 1_000,
    refuse: (error) => ({ code: 9, details: (error as Error).message }),
    methods: new Map<string, UnaryMethod | StreamMethod>([
      ['/echo', { kind: 'unary', serve: (request) => framed(request.toString()) }],
      ['/later', { kind: 'unary', serve: async (request) => framed(request.toString()) }],
      ['/throw', { kind: 'unary', serve: () => { throw new Error('ünheard of: 100%\n'); } }],
      ['/never', { kind: 'unary', serve: (_, caller) => until(() => caller.aborted).then(() => framed(`${++gone}`)) }],
      ['/stream', { kind: 'stream', open: (stream) => {
        opened.push(stream);
        return {
          onMessage: async (request) => {
            if (request.toString() === 'fail') throw new Error('as asked');
            if (!stream.send(framed(`got ${request.toString()}`))) await stream.drained();
          },
          onClose: () => void closed++,
        };
      } }],
    ]),
  }); // prettier-ignore
  session = connect(`https://127.0.0.1:${server.port}`, tls());
  session.on('error', () => undefined);
});
afterAll(async () => {
  session.close();
  await server.stop(Promise.resolve());
  rmSync(folder, { recursive: true, force: true });
});

const GRPC = { ':method': 'POST', 'content-type': 'application/grpc' };
interface Answer {
  readonly status: number | undefined;
  readonly code: string | undefined;
  readonly message: string;
  readonly body: string;
}
/** Resolves when the stream is over. */
function answerTo(stream: ClientHttp2Stream): Promise<Answer> {
  const chunks: Buffer[] = [];
  let head: IncomingHttpHeaders = {};
  let trailers: IncomingHttpHeaders = {};
  stream.on('response', (headers) => (head = headers));
  stream.on('trailers', (headers) => {
    trailers = headers;
    stream.end();
  });
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  stream.on('error', () => undefined);
  return new Promise((resolve) => {
    stream.on('close', () => {
      const all = { ...head, ...trailers };
      const message = decodeURIComponent(String(all['grpc-message'] ?? ''));
      resolve({ status: Number(head[':status']), code: all['grpc-status'] as string | undefined, message, body: Buffer.concat(chunks).toString('latin1') }); // prettier-ignore
    });
  });
}
function ask(path: string, chunks: readonly Buffer[], headers: IncomingHttpHeaders = {}): Promise<Answer> {
  const stream = session.request({ ...GRPC, ':path': path, ...headers });
  const answer = answerTo(stream);
  for (const chunk of chunks) stream.write(chunk);
  stream.end();
  return answer;
}

describe('a call', () => {
  it.each(['/echo', '/later'])('to %s is answered, in however many pieces it comes', async (path) => {
    const whole = framed('hello');
    for (const chunks of [[whole], [whole.subarray(0, 3), whole.subarray(3)], [...whole].map((byte) => Buffer.from([byte]))])
      expect(await ask(path, chunks)).toMatchObject({ status: 200, code: '0', body: framed('hello').toString('latin1') });
  }); // prettier-ignore
  it.each<[what: string, path: string, body: Buffer, headers: IncomingHttpHeaders, expected: Partial<Answer>]>([
    ['of an unknown method', '/nothing', framed('x'), {}, { status: 200, code: '12', message: 'unknown method /nothing' }],
    ['that fails', '/throw', framed('x'), {}, { status: 200, code: '9', message: 'ünheard of: 100%\n' }],
    ['that is cut short', '/echo', framed('hello').subarray(0, 7), {}, { code: '13', message: 'the request is cut short' }],
    ['without a message', '/echo', Buffer.alloc(0), {}, { code: '13', message: 'the request is cut short' }],
    ['that is compressed', '/echo', Buffer.from([1, 0, 0, 0, 1, 0]), {}, { code: '12', message: 'compressed messages are not read here' }],
    ['that is too long', '/echo', framed('x'.repeat(1_001)), {}, { code: '8', message: 'grpc: received message larger than max (1001 vs. 1000)' }],
    ['of a browser', '/echo', Buffer.alloc(0), { 'content-type': 'text/html' }, { status: 415 }],
  ])('%s is refused', async (_, path, body, headers, expected) => {
    expect(await ask(path, [body], headers)).toMatchObject(expected);
  }); // prettier-ignore
  it('that is given up is told so to who serves it', async () => {
    const stream = session.request({ ...GRPC, ':path': '/never' });
    stream.on('error', () => undefined);
    stream.end(framed('x'));
    await until(() => stream.id !== undefined && !stream.pending);
    stream.close(8);
    await until(() => gone === 1);
  });
});

describe('a stream', () => {
  it('answers in turn and ends with its client', async () => {
    const before = closed;
    const { body, code } = await ask('/stream', [framed('a'), Buffer.concat([framed('b'), framed('c')])]);
    expect([body, code]).toEqual([['a', 'b', 'c'].map((one) => framed(`got ${one}`).toString('latin1')).join(''), '0']);
    expect(closed).toBe(before + 1);
  });
  it('that fails says why after what was sent', async () => {
    const stream = session.request({ ...GRPC, ':path': '/stream' });
    const answer = answerTo(stream);
    stream.write(Buffer.concat([framed('a'), framed('fail'), framed('b')]));
    expect(await answer).toMatchObject({ status: 200, code: '9', message: 'as asked', body: framed('got a').toString('latin1') }); // prettier-ignore
  });
  it('of a slow reader is not read on, and keeps nobody waiting once it is gone', async () => {
    const stream = session.request({ ...GRPC, ':path': '/stream' });
    stream.on('error', () => undefined);
    stream.pause();
    const at = opened.length;
    stream.write(framed('a'));
    await until(() => opened.length > at);
    const ours = opened[at]!;
    let sent = 0;
    while (ours.send(framed('x'.repeat(10_000)))) sent++;
    expect(sent).toBeLessThan(1_000);
    const waiting = ours.drained();
    stream.close(8);
    await waiting;
    await until(() => ours.gone.aborted);
    expect(ours.send(framed('y'))).toBe(true);
  });
});

describe('a connection', () => {
  const attempt = (options: ConnectionOptions): Promise<'in' | 'out'> =>
    new Promise((resolve) => {
      const socket = connectTls({ host: '127.0.0.1', port: server.port, ALPNProtocols: ['h2'], ca: pem('ca.crt'), ...options }); // prettier-ignore
      socket.on('error', () => resolve('out'));
      socket.on('close', () => resolve('out'));
      // A server's first frame is its settings.
      socket.on('data', () => (resolve('in'), socket.destroy()));
    });
  it.each<[who: string, options: () => ConnectionOptions, expected: 'in' | 'out']>([
    ['with a certificate of the authority', tls, 'in'],
    ['without one', () => ({}), 'out'],
    ['with one of another authority', () => ({ cert: pem('client.crt', other), key: pem('client.key', other) }), 'out'],
    ['of TLS 1.1', () => ({ ...tls(), minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1' }), 'out'],
    ['of HTTP/1.1', () => ({ ...tls(), ALPNProtocols: ['http/1.1'] }), 'out'],
  ])('%s', async (_, options, expected) => {
    expect(await attempt(options())).toBe(expected);
  });
});

it('a server that stops answers what it was asked and ends the rest', async () => {
  const asked = Promise.withResolvers<void>();
  const late = Promise.withResolvers<Buffer>();
  const own = await startGrpcServer({
    host: '127.0.0.1', port: 0, maxMessage: 10, refuse: () => ({ code: 2, details: '' }),
    tls: { ca: pem('ca.crt'), cert: pem('server.crt'), key: pem('server.key') },
    methods: new Map<string, UnaryMethod | StreamMethod>([
      ['/late', { kind: 'unary', serve: () => (asked.resolve(), late.promise) }],
      ['/stream', { kind: 'stream', open: () => ({ onMessage: async () => undefined }) }],
    ]),
  }); // prettier-ignore
  const client = connect(`https://127.0.0.1:${own.port}`, tls());
  client.on('error', () => undefined);
  const stream = client.request({ ...GRPC, ':path': '/stream' });
  const over = answerTo(stream);
  await new Promise((resolve) => stream.once('response', resolve));
  const call = client.request({ ...GRPC, ':path': '/late' });
  const answer = answerTo(call);
  call.end(framed('x'));
  await asked.promise;
  // Somebody who never says anything keeps nothing open.
  const silent = connectTcp({ host: '127.0.0.1', port: own.port });
  silent.on('error', () => undefined);
  await new Promise((resolve) => silent.once('connect', resolve));
  client.once('goaway', () => late.resolve(framed('late')));
  const patience = Promise.withResolvers<void>();
  const stopped = own.stop(patience.promise);
  expect(await over).toMatchObject({ code: '14', message: 'etcdserver: server stopped' });
  expect(await answer).toMatchObject({ code: '0', body: framed('late').toString('latin1') });
  patience.resolve();
  await stopped;
  await expect(
    new Promise((resolve, reject) => connectTls({ host: '127.0.0.1', port: own.port }, () => resolve('open')).on('error', reject)), // prettier-ignore
  ).rejects.toThrow('ECONNREFUSED');
});
