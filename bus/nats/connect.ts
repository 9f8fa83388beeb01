import type { NatsConnection } from '@nats-io/nats-core';
import { connect, nkeyAuthenticator } from '@nats-io/transport-node';
import { readFileSync } from 'node:fs';
import { ApiError, reasonOf } from '../../schemas/meta/status.ts';
import type { Bus } from '../bus.ts';
import { createConnection } from '../connection.ts';
import type { ConnectionOptions } from '../connection.ts';
import { delay } from '../world.ts';
import type { World } from '../world.ts';
import { translate } from './errors.ts';
import { NatsTransport } from './transport.ts';

export interface NatsOptions extends Partial<ConnectionOptions> {
  readonly world: World;
  /** `nats://127.0.0.1:4222`, one or several. */
  readonly servers: string | readonly string[];
  /** Who this is, in the server's list of connections. */
  readonly name: string;
  readonly credentials?: NatsCredentials | undefined;
  readonly tls?: NatsTls | undefined;
  /** How long to go on trying the first time; default 10 s. Afterwards it reconnects for ever. */
  readonly connectTimeoutMs?: number | undefined;
}
export interface NatsCredentials {
  /** Role of these credentials: names the inbox and the sessions that they may read. */
  readonly role: string;
  /** nkey seed of the user, `SU...`. */
  readonly seed: string;
}
export interface NatsTls {
  /** PEM, or a file of it. */
  readonly ca?: string | undefined;
  readonly caFile?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

const FIRST_RETRY_MS = 50;
const LONGEST_RETRY_MS = 2000;

/** Thrown: ApiError Unauthorized (credentials refused), ServiceUnavailable (no server within the time). */
export async function connectNats(options: NatsOptions): Promise<Bus> {
  const { world } = options;
  const connection = await dial(options);
  const transport = new NatsTransport(connection, world.log);
  const bus = createConnection(transport, world, {
    ...options,
    role: options.credentials?.role ?? options.role ?? options.name,
  });
  connections.set(bus, connection);
  return bus;
}

const connections = new WeakMap<Bus, NatsConnection>();
/** The connection beneath a Bus of `connectNats`, for JetStream. Thrown: Error for any other Bus. */
export function natsConnectionOf(bus: Bus): NatsConnection {
  const connection = connections.get(bus);
  if (!connection) throw new Error('this bus does not run on NATS');
  return connection;
}

async function dial(options: NatsOptions): Promise<NatsConnection> {
  const { clock, random } = options.world;
  const deadline = clock.now() + (options.connectTimeoutMs ?? 10_000);
  let attempt = 0;
  const backoff = (): number =>
    Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(attempt++, 10)) * (0.5 + random());
  for (;;) {
    try {
      const connection = await connect({
        servers: typeof options.servers === 'string' ? [options.servers] : [...options.servers],
        name: options.name,
        timeout: Math.max(500, Math.min(5000, deadline - clock.now())),
        maxReconnectAttempts: -1,
        reconnectDelayHandler: backoff,
        reconnectTimeWait: FIRST_RETRY_MS,
        // A server that is being configured anew refuses for a moment: keep trying.
        ignoreAuthErrorAbort: true,
        pingInterval: 10_000,
        maxPingOut: 2,
        noAsyncTraces: true,
        ...(options.credentials && {
          authenticator: nkeyAuthenticator(new TextEncoder().encode(options.credentials.seed)),
        }),
        ...(options.tls && { tls: tlsOptions(options.tls) }),
      });
      attempt = 0;
      return connection;
    } catch (cause) {
      const error = translate(cause);
      if (reasonOf(error) === 'Unauthorized') throw error;
      const wait = backoff();
      if (clock.now() + wait >= deadline)
        throw new ApiError('ServiceUnavailable', `no NATS server at ${String(options.servers)}`, { cause });
      await delay(clock, wait);
    }
  }
}

function tlsOptions(tls: NatsTls): { ca?: string; cert?: string; key?: string } {
  const ca = tls.ca ?? (tls.caFile === undefined ? undefined : readFileSync(tls.caFile, 'utf8'));
  return {
    ...(ca !== undefined && { ca }),
    ...(tls.cert !== undefined && { cert: tls.cert }),
    ...(tls.key !== undefined && { key: tls.key }),
  };
}
