import type { AddressInfo, Socket } from 'node:net';
import { createServer, type SecureContextOptions, type TLSSocket } from 'node:tls';
import { soon } from '../../../bus/real-world.ts';
import { BadMessage, MessageReader, type Refusal } from './grpc-reader.ts';
import { Http2Connection } from './http2/connection.ts';
import { CODE } from './http2/frames.ts';
import { headerBlock, type Field } from './http2/header-fields.ts';
import type { Http2Stream, StreamListener } from './http2/stream.ts';

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
const OK = headerBlock([['grpc-status', '0']]);
const HEAD_FIELDS: readonly Field[] = [[':status', '200'], ['content-type', 'application/grpc'], ['grpc-accept-encoding', 'identity']]; // prettier-ignore
const HEAD = headerBlock(HEAD_FIELDS);
const PLAIN_HEAD = headerBlock([[':status', '415'], ['content-type', 'text/plain']]); // prettier-ignore
/** Calls of one connection that are being served, those included that the client has given up. */
const MAX_CALLS = 10_000;

/**
 * gRPC's protocol over HTTP/2, as much of it as etcd's clients speak: no compression, no deadlines of its own (a caller
 * whose time is over resets its stream). The common library takes more time for a call than the store does.
 * Source: grpc doc/PROTOCOL-HTTP2.md.
 */
export async function startGrpcServer(options: GrpcServerOptions): Promise<GrpcServer> {
  const { host, port } = options;
  const server = createServer({ ...options.tls, requestCert: true, rejectUnauthorized: true, ALPNProtocols: ['h2'] });
  const served = new Set<Served>();
  /** Those too that have not said who they are. */
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  // Of connections that never were: strangers, port scanners.
  server.on('tlsClientError', () => undefined);
  let onAnswered: (() => void) | undefined;
  server.on('secureConnection', (socket) => {
    socket.on('error', () => undefined);
    if (socket.alpnProtocol !== 'h2') return void socket.destroy();
    const one = serve(socket, options, () => onAnswered?.());
    served.add(one);
    socket.once('close', () => {
      served.delete(one);
      one.connection.lost();
    });
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
      for (const { connection } of served) connection.leave();
      const isBusy = (): boolean => [...served].some(({ calls }) => calls.size > 0);
      const answered = new Promise<void>((resolve) => (onAnswered = () => isBusy() || resolve()));
      if (isBusy()) await Promise.race([answered, latest]);
      // Watches go on elsewhere where the client is told so; one that was merely cut off may give up.
      for (const { streams } of served) for (const stream of streams) end(stream, STOPPED);
      for (const { connection } of served) connection.finish();
      await Promise.race([closed, latest]);
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

interface Served {
  readonly connection: Http2Connection;
  readonly calls: ReadonlySet<Http2Stream>;
  readonly streams: ReadonlySet<Http2Stream>;
}
function serve(socket: TLSSocket, options: GrpcServerOptions, onAnswered: () => void): Served {
  const { methods, refuse, maxMessage } = options;
  const calls = new Set<Http2Stream>();
  const streams = new Set<Http2Stream>();
  socket.setNoDelay(true);
  const connection = new Http2Connection({
    wire: {
      write: (bytes) => void (socket.writable && socket.write(bytes)),
      get waiting() {
        return socket.writableLength;
      },
      end: () => void socket.end(),
    },
    soon,
    isUrgent: (fields) => methods.get(valueOf(fields, ':path'))?.kind !== 'stream',
    onStream: (stream, fields) => {
      const path = valueOf(fields, ':path');
      const method = methods.get(path);
      if (!isGrpc(fields)) return answerPlainly(stream);
      if (method === undefined) return refused(stream, { code: UNIMPLEMENTED, details: `unknown method ${path}` });
      const context: Context = { stream, refuse: (error) => refuse(error, path), maxMessage, consumed: (bytes) => connection.consumed(stream, bytes) }; // prettier-ignore
      if (method.kind === 'stream') return serveStream(context, method, streams);
      if (calls.size >= MAX_CALLS) {
        connection.reset(stream, CODE.refused);
        return DEAF;
      }
      calls.add(stream);
      return serveUnary(context, method, () => {
        if (calls.delete(stream) && calls.size === 0) onAnswered();
      });
    },
  });
  socket.on('data', (chunk) => connection.receive(chunk));
  socket.on('drain', () => connection.resume());
  return { connection, calls, streams };
}
const valueOf = (fields: readonly Field[], name: string): string => {
  for (const field of fields) if (field[0] === name) return field[1];
  return '';
};
const isGrpc = (fields: readonly Field[]): boolean =>
  valueOf(fields, ':method') === 'POST' && valueOf(fields, 'content-type').startsWith('application/grpc');
const DEAF: StreamListener = { onData: () => undefined, onEnd: () => undefined, onClose: () => undefined };
function answerPlainly(stream: Http2Stream): StreamListener {
  stream.head(PLAIN_HEAD);
  stream.send(Buffer.from("this is etcd's gRPC API: use etcdctl\n"));
  stream.end(headerBlock([]));
  return DEAF;
}
function refused(stream: Http2Stream, refusal: Refusal): StreamListener {
  end(stream, refusal);
  return DEAF;
}

/** Ends a stream with an error. */
function end(stream: Http2Stream, { code, details }: Refusal): void {
  const message = details.toWellFormed().replace(/[^\x20-\x24\x26-\x7e]+/g, encodeURIComponent);
  const fields: readonly Field[] = [['grpc-status', String(code)], ['grpc-message', message]]; // prettier-ignore
  stream.end(headerBlock(stream.hasHead ? fields : [...HEAD_FIELDS, ...fields]));
}

/** What serving one stream needs. */
interface Context {
  readonly stream: Http2Stream;
  readonly refuse: (error: unknown) => Refusal;
  readonly maxMessage: number;
  /** The client may send as many bytes more. */
  readonly consumed: (bytes: number) => void;
}

/** `onDone`: it was answered, or nobody waits for the answer that came. */
function serveUnary(
  { stream, refuse, maxMessage, consumed }: Context,
  method: UnaryMethod,
  onDone: () => void,
): StreamListener {
  const gone = { aborted: false };
  const reader = new MessageReader(maxMessage);
  let asked = false;
  const done = (frame: Frame): void => {
    stream.head(HEAD);
    stream.send(frame);
    stream.end(OK);
    onDone();
  };
  const fail = (refusal: Refusal): void => {
    end(stream, refusal);
    onDone();
  };
  return {
    onData: (chunk) => {
      try {
        reader.push(chunk);
        consumed(chunk.length);
      } catch (error) {
        fail(error as BadMessage);
      }
    },
    onEnd: () => {
      if (gone.aborted || stream.ended) return;
      const request = reader.next();
      if (request === undefined) return fail({ code: INTERNAL, details: 'the request is cut short' });
      asked = true;
      try {
        const answer = method.serve(request, gone);
        if (answer instanceof Promise) answer.then(done, (error) => fail(refuse(error)));
        else done(answer);
      } catch (error) {
        fail(refuse(error));
      }
    },
    onClose: () => {
      gone.aborted = true;
      if (!asked) onDone();
    },
  };
}

function serveStream(
  { stream, refuse, maxMessage, consumed }: Context,
  method: StreamMethod,
  streams: Set<Http2Stream>,
): StreamListener {
  const gone = { aborted: false };
  const reader = new MessageReader(maxMessage);
  streams.add(stream);
  stream.head(HEAD);
  const fail = (error: unknown): void => {
    if (gone.aborted) return;
    end(stream, error instanceof BadMessage ? error : refuse(error));
    close();
  };
  const handler = method.open({
    gone,
    send: (frame) => gone.aborted || stream.send(frame),
    drained: () => stream.drained(),
    fail,
  });
  const close = (): void => {
    if (gone.aborted) return;
    gone.aborted = true;
    streams.delete(stream);
    handler.onClose?.();
  };
  /** Read and not served. */
  let waiting = 0;
  let isServing = false;
  let served = Promise.resolve();
  // No more is taken than is served and one window: what a client sends faster waits with it.
  const serveAll = async (): Promise<void> => {
    for (let request = reader.next(); request !== undefined && !gone.aborted; request = reader.next())
      await handler.onMessage(request);
    isServing = false;
    consumed(waiting);
    waiting = 0;
  };
  return {
    onData: (chunk) => {
      if (gone.aborted) return consumed(chunk.length);
      waiting += chunk.length;
      try {
        reader.push(chunk);
        if (isServing) return;
        isServing = true;
        served = serveAll().catch(fail);
      } catch (error) {
        fail(error);
      }
    },
    onEnd: () => {
      served
        .then(() => handler.onEnd?.())
        .then(() => {
          if (gone.aborted) return;
          close();
          stream.end(OK);
        })
        .catch(fail);
    },
    onClose: close,
  };
}
