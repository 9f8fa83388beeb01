import type { Client, ClientReadableStream } from '@grpc/grpc-js';
import type { World } from '../../bus/world.ts';
import type { Fields, Schema } from './schema.ts';

/** As a Go client prints a failed call: `rpc error: code = NotFound desc = ...`. */
export class GrpcError extends Error {
  override readonly name = 'GrpcError';
  readonly code: GrpcCode;
  /** What the server said. */
  readonly details: string;
  constructor(code: GrpcCode, details: string, options?: ErrorOptions) {
    super(`rpc error: code = ${code} desc = ${details}`, options);
    this.code = code;
    this.details = details;
  }
}
/** In the order of their numbers. Source: google.golang.org/grpc codes. */
const CODES = [
  'OK', 'Canceled', 'Unknown', 'InvalidArgument', 'DeadlineExceeded', 'NotFound', 'AlreadyExists', 'PermissionDenied', 'ResourceExhausted',
  'FailedPrecondition', 'Aborted', 'OutOfRange', 'Unimplemented', 'Internal', 'Unavailable', 'DataLoss', 'Unauthenticated',
] as const; // prettier-ignore
export type GrpcCode = (typeof CODES)[number];
/** `NotFound` for 5. */
export const grpcCodeOf = (number: number | undefined): GrpcCode => CODES[number ?? 2] ?? 'Unknown';
export const grpcCode = (error: unknown): GrpcCode | undefined =>
  (error as { name?: string } | undefined)?.name === 'GrpcError' ? (error as GrpcError).code : undefined;

export interface GrpcMethod {
  /** `/package.Service/Method`. */
  readonly path: string;
  readonly request: string;
  readonly response: string;
}
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** ms; undefined: it may take as long as it likes. */
  readonly timeoutMs?: number | undefined;
}
/** Calls of one server; a connection that breaks is made again when the next call comes. */
export interface GrpcClient {
  /** Rejects with GrpcError, or with the signal's reason. */
  call(method: GrpcMethod, request: Fields, options?: CallOptions): Promise<Fields>;
  /** Ends with the server's stream; throws GrpcError, or the signal's reason. */
  stream(method: GrpcMethod, request: Fields, signal: AbortSignal): AsyncIterable<Fields>;
  close(): void;
}
/** Source: cri-client maxMsgSize, baseBackoffDelay, maxBackoffDelay. */
const OPTIONS = {
  'grpc.max_receive_message_length': 16 * 1024 * 1024,
  'grpc.max_send_message_length': 16 * 1024 * 1024,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.min_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 3_000,
  'grpc.enable_http_proxy': 0,
  'grpc.default_authority': 'localhost',
} as const;

/** A client of the server at `target` (`unix:<path>`, `<host>:<port>`), without TLS. The library is loaded now. */
export async function connectGrpc(world: World, target: string, schema: Schema): Promise<GrpcClient> {
  // Bundled, it has no other name.
  const { default: grpc } = await import('@grpc/grpc-js');
  const client: Client = new grpc.Client(target, grpc.credentials.createInsecure(), OPTIONS);
  const failure = (error: { readonly code?: number; readonly details?: string; readonly message: string }): GrpcError =>
    new GrpcError(grpcCodeOf(error.code), error.details ?? error.message);

  return {
    call: (method, request, { signal, timeoutMs } = {}) =>
      new Promise<Fields>((resolve, reject) => {
        signal?.throwIfAborted();
        let why: Error | undefined;
        const end = (error: Error): void => {
          why ??= error;
          call.cancel();
        };
        const onAbort = (): void => end(signal!.reason as Error);
        const timer =
          timeoutMs === undefined
            ? undefined
            : world.clock.setTimeout(
                () => end(new GrpcError('DeadlineExceeded', 'context deadline exceeded')),
                timeoutMs,
              );
        const call = client.makeUnaryRequest<Fields, Fields>(
          method.path,
          (value) => schema.encode(method.request, value),
          (bytes) => schema.decode(method.response, bytes),
          request,
          (error, response) => {
            if (timer !== undefined) world.clock.clearTimeout(timer);
            signal?.removeEventListener('abort', onAbort);
            if (error !== null) reject(why ?? failure(error));
            else resolve(response ?? {});
          },
        );
        signal?.addEventListener('abort', onAbort, { once: true });
      }),
    async *stream(method, request, signal) {
      signal.throwIfAborted();
      const call: ClientReadableStream<Fields> = client.makeServerStreamRequest<Fields, Fields>(
        method.path,
        (value) => schema.encode(method.request, value),
        (bytes) => schema.decode(method.response, bytes),
        request,
      );
      const onAbort = (): void => call.cancel();
      signal.addEventListener('abort', onAbort, { once: true });
      try {
        for await (const message of call) yield message as Fields;
      } catch (error) {
        signal.throwIfAborted();
        throw failure(error as Error);
      } finally {
        signal.removeEventListener('abort', onAbort);
        call.cancel();
      }
    },
    close: () => client.close(),
  };
}
