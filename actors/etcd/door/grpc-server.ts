import {
  createSecureServer,
  constants,
  type Http2Session,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import type { SecureContextOptions } from 'node:tls';
import { BadMessage, MessageReader, type Refusal } from './grpc-reader.ts';

/** True once the caller is gone, or the server closes. */
export type Gone = Pick<AbortSignal, 'aborted'>;
/** What a call answers with, five bytes before each message included: see frame() in messages.ts. */
export type Frame = Buffer;

export interface UnaryMethod {
  readonly kind: 'unary';
  /** What it throws is made a Refusal by the server's `refuse`. */
  readonly serve: (request: Buffer, gone: Gone) => Frame | Promise<Frame>;
}
export interface StreamMethod {
  readonly kind: 'stream';
  readonly open: (stream: GrpcStream) => StreamHandler;
}
export interface StreamHandler {
  /** One message at a time: the next one is read when this has resolved. A rejection ends the stream with it. */
  onMessage(request: Buffer): Promise<void>;
  /** The client has said all; when this resolves the stream is ended. */
  onEnd?(): Promise<void>;
  /** It is over, for whatever reason; once. */
  onClose?(): void;
}
/** The answers of one stream. */
export interface GrpcStream {
  readonly gone: Gone;
  /** False: wait for drained() before the next. */
  send(frame: Frame): boolean;
  /** Resolves when there is room again, or nobody is left to send to. */
  drained(): Promise<void>;
  fail(error: unknown): void;
}
export interface GrpcServerOptions {
  readonly host: string;
  /** 0: any. */
  readonly port: number;
  /** Clients show a certificate of `ca`. */
  readonly tls: SecureContextOptions;
  /** By path: `/package.Service/Method`. */
  readonly methods: ReadonlyMap<string, UnaryMethod | StreamMethod>;
  readonly refuse: (error: unknown, path: string) => Refusal;
  /** Longer messages are refused. */
  readonly maxMessage: number;
}
export interface GrpcServer {
  readonly port: number;
  /** Sends clients away, answers the calls under way, at the latest until `latest`, and ends the rest; the port is free then. */
  stop(latest: Promise<unknown>): Promise<void>;
}

const UNIMPLEMENTED = 12;
const INTERNAL = 13;
/** Source: etcd api/v3rpc/rpctypes ErrStopped. */
const STOPPED = { code: 14, details: 'etcdserver: server stopped' };
const OK = { 'grpc-status': '0' };
const HEAD = { ':status': 200, 'content-type': 'application/grpc', 'grpc-accept-encoding': 'identity' };
/** Room for the values of a busy client, so that none waits for a window to be opened. */
const STREAM_WINDOW = 1 << 20;
const SESSION_WINDOW = 4 << 20;
/**
 * gRPC's protocol over HTTP/2, as much of it as etcd's clients speak: no compression, no deadlines of its own (a caller
 * whose time is over resets its stream). The common library takes more time for a call than the store does.
 * Source: grpc doc/PROTOCOL-HTTP2.md.
 */
export async function startGrpcServer(options: GrpcServerOptions): Promise<GrpcServer> {
  const { host, port, tls, methods, refuse, maxMessage } = options;
  const server = createSecureServer({
    ...tls,
    requestCert: true,
    rejectUnauthorized: true,
    // Backpressure bounds what is queued for a client; Node's own bound would end sessions with one large answer.
    maxSessionMemory: Number.MAX_SAFE_INTEGER,
    settings: { initialWindowSize: STREAM_WINDOW, enablePush: false },
  });
  const sessions = new Set<Http2Session>();
  /** Those too that have not said who they are. */
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  const calls = new Set<ServerHttp2Stream>();
  const streams = new Set<ServerHttp2Stream>();
  let onAnswered: (() => void) | undefined;
  server.on('session', (session) => {
    sessions.add(session);
    session.setLocalWindowSize(SESSION_WINDOW);
    session.once('close', () => sessions.delete(session));
    session.on('error', () => undefined);
  });
  // Of connections that never were: strangers, port scanners.
  for (const event of ['tlsClientError', 'sessionError'] as const) server.on(event, () => undefined);
  server.on('stream', (stream, headers) => {
    stream.on('error', () => undefined);
    const path = headers[':path'] ?? '';
    const method = methods.get(path);
    if (!isGrpc(headers)) return answerPlainly(stream);
    if (method === undefined) return end(stream, { code: UNIMPLEMENTED, details: `unknown method ${path}` });
    if (method.kind === 'unary') {
      calls.add(stream);
      stream.once('close', () => {
        if (calls.delete(stream) && calls.size === 0) onAnswered?.();
      });
      serveUnary(stream, method, (error) => refuse(error, path), maxMessage);
    } else {
      streams.add(stream);
      stream.once('close', () => streams.delete(stream));
      serveStream(stream, method, (error) => refuse(error, path), maxMessage);
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  return {
    port: (server.address() as AddressInfo).port,
    stop: async (latest) => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const session of sessions) session.goaway(constants.NGHTTP2_NO_ERROR);
      if (calls.size > 0) await Promise.race([new Promise<void>((resolve) => (onAnswered = resolve)), latest]);
      // Watches go on elsewhere where the client is told so; one that was merely cut off may give up.
      for (const stream of streams) end(stream, STOPPED);
      for (const session of sessions) session.close();
      await Promise.race([closed, latest]);
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
const isGrpc = (headers: IncomingHttpHeaders): boolean =>
  headers[':method'] === 'POST' && (headers['content-type'] ?? '').startsWith('application/grpc');
function answerPlainly(stream: ServerHttp2Stream): void {
  stream.respond({ ':status': 415, 'content-type': 'text/plain' });
  stream.end("this is etcd's gRPC API: use etcdctl\n");
}

/** Ends a stream with an error. */
function end(stream: ServerHttp2Stream, { code, details }: Refusal): void {
  if (stream.destroyed || stream.closed) return;
  const trailers = { 'grpc-status': String(code), 'grpc-message': details.toWellFormed().replace(/[^\x20-\x24\x26-\x7e]+/g, encodeURIComponent) }; // prettier-ignore
  if (stream.headersSent) endWith(stream, trailers);
  else stream.respond({ ...HEAD, ...trailers }, { endStream: true });
}
/** The client, which may have more to say, resets a stream that ended so: to do it here would overtake the trailers. */
function endWith(stream: ServerHttp2Stream, trailers: Record<string, string>): void {
  stream.once('wantTrailers', () => stream.sendTrailers(trailers));
  stream.end();
}
const sendOk = function sendOk(this: ServerHttp2Stream): void {
  this.sendTrailers(OK);
};

function serveUnary(
  stream: ServerHttp2Stream,
  method: UnaryMethod,
  refuse: (error: unknown) => Refusal,
  max: number,
): void {
  const gone = { aborted: false };
  const reader = new MessageReader(max);
  stream.on('data', (chunk: Buffer) => {
    try {
      reader.push(chunk);
    } catch (error) {
      stream.removeAllListeners('data');
      stream.resume();
      end(stream, error as BadMessage);
    }
  });
  stream.once('close', () => (gone.aborted = true));
  stream.once('end', () => {
    if (stream.headersSent || stream.aborted) return;
    const request = reader.next();
    if (request === undefined) return end(stream, { code: INTERNAL, details: 'the request is cut short' });
    const done = (frame: Frame): void => {
      if (gone.aborted) return;
      stream.respond(HEAD, { waitForTrailers: true });
      stream.once('wantTrailers', sendOk);
      stream.end(frame);
    };
    const fail = (error: unknown): void => end(stream, refuse(error));
    try {
      const answer = method.serve(request, gone);
      if (answer instanceof Promise) answer.then(done).catch(fail);
      else done(answer);
    } catch (error) {
      fail(error);
    }
  });
}

function serveStream(
  stream: ServerHttp2Stream,
  method: StreamMethod,
  refuse: (error: unknown) => Refusal,
  max: number,
): void {
  const gone = { aborted: false };
  const reader = new MessageReader(max);
  let failed = false;
  const fail = (error: unknown): void => {
    if (failed) return;
    failed = true;
    stream.resume();
    end(stream, error instanceof BadMessage ? error : refuse(error));
    close();
  };
  const drained = (): Promise<void> =>
    new Promise((resolve) => {
      if (gone.aborted || failed || !stream.writableNeedDrain) return resolve();
      const done = (): void => {
        for (const event of ['drain', 'close']) stream.off(event, done);
        resolve();
      };
      for (const event of ['drain', 'close']) stream.once(event, done);
    });
  stream.respond(HEAD, { waitForTrailers: true });
  const handler = method.open({
    gone,
    send: (frame) => gone.aborted || failed || stream.write(frame),
    drained,
    fail,
  });
  const close = (): void => {
    if (gone.aborted) return;
    gone.aborted = true;
    handler.onClose?.();
  };
  const serveAll = async (): Promise<void> => {
    for (let request = reader.next(); request !== undefined && !failed; request = reader.next())
      await handler.onMessage(request);
  };
  let last = Promise.resolve();
  stream.on('data', (chunk: Buffer) => {
    if (failed) return;
    try {
      reader.push(chunk);
    } catch (error) {
      return fail(error);
    }
    // No more is read than is served: what a client sends faster waits with it.
    stream.pause();
    last = serveAll().then(() => void stream.resume(), fail);
  });
  stream.once('end', () => {
    last
      .then(() => handler.onEnd?.())
      .then(() => {
        if (failed || gone.aborted) return;
        close();
        stream.once('wantTrailers', sendOk);
        stream.end();
      })
      .catch(fail);
  });
  stream.once('close', close);
}
