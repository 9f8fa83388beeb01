import type { ServiceError } from '@grpc/grpc-js';
import type { World } from '../../../../bus/world.ts';
import { goQuote } from '../../../../schemas/meta/go-quote.ts';
import { grpcCodeOf } from '../../../grpc/client.ts';
import { parseSchema, type Fields, type Schema } from '../../../grpc/schema.ts';
import type { ProbeResult } from '../../../runtime/interface.ts';
import { hostPort, USER_AGENT } from './target.ts';

/** Source: grpc.health.v1. */
const HEALTH = 'message Request { string service = 1; } message Response { int32 status = 1; }';
const CHECK = '/grpc.health.v1.Health/Check';
const STATES = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];
const SERVING = 1;
let schema: Schema | undefined;

/**
 * Asks a service for its health, over a connection of its own without TLS. Rejects with the signal's reason; all else that
 * goes wrong is a failure. Source: pkg/probe/grpc Probe.
 */
export async function grpcProbe(
  clock: World['clock'],
  { host, port, service }: { readonly host: string; readonly port: number; readonly service: string },
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<ProbeResult> {
  const { default: grpc } = await import('@grpc/grpc-js');
  signal.throwIfAborted();
  const health = (schema ??= parseSchema(HEALTH));
  const address = hostPort(host, port);
  const client = new grpc.Client(address, grpc.credentials.createInsecure(), {
    'grpc.primary_user_agent': USER_AGENT.probe,
    'grpc.enable_http_proxy': 0,
    'grpc.enable_retries': 0,
    // Probes of one address are not to share connections.
    'grpc.use_local_subchannel_pool': 1,
  });
  const failed = (output: string): ProbeResult => ({ success: false, output });
  const over = Promise.withResolvers<'late'>();
  const timer = clock.setTimeout(() => over.resolve('late'), timeoutMs);
  const onAbort = (): void => over.reject(signal.reason as Error);
  signal.addEventListener('abort', onAbort, { once: true });
  const within = `${timeoutMs / 1_000}s`;
  try {
    const connected = new Promise<undefined>((resolve) => client.waitForReady(Infinity, () => resolve(undefined)));
    if ((await Promise.race([connected, over.promise])) === 'late')
      return failed(
        `timeout: failed to connect service ${goQuote(address)} within ${within}: context deadline exceeded`,
      );
    const answer = new Promise<Fields | ServiceError>((resolve) => {
      client.makeUnaryRequest<Fields, Fields>(
        CHECK,
        (value) => health.encode('Request', value),
        (bytes) => health.decode('Response', bytes),
        { service },
        (error, response) => resolve(error ?? response ?? {}),
      );
    });
    const said = await Promise.race([answer, over.promise]);
    if (said === 'late') return failed(`timeout: health rpc did not complete within ${within}`);
    if (said instanceof Error) return failed(whyNot(said, within));
    const status = said['status'];
    if (status === SERVING) return { success: true, output: 'service healthy' };
    return failed(`service unhealthy (responded with ${goQuote(STATES[status as number] ?? String(status))})`);
  } finally {
    clock.clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
    client.close();
  }
}
function whyNot({ code, details }: ServiceError, within: string): string {
  const name = grpcCodeOf(code);
  if (name === 'Unimplemented')
    return `error: this server does not implement the grpc health protocol (grpc.health.v1.Health): ${details}`;
  if (name === 'DeadlineExceeded') return `timeout: health rpc did not complete within ${within}`;
  return `error: health rpc probe failed: rpc error: code = ${name} desc = ${details}`;
}
