import type { NatsConnection } from '@nats-io/nats-core';
import { connect } from '@nats-io/transport-node';
import { ApiError, reasonOf } from '../../schemas/meta/status.ts';
import type { Bus } from '../bus.ts';
import { createConnection } from '../connection.ts';
import type { ConnectionOptions } from '../connection.ts';
import type { Credentials } from '../credentials.ts';
import { escapeToken, inbox } from '../subjects.ts';
import { delay } from '../world.ts';
import type { World } from '../world.ts';
import { coalesceWrites } from './coalesce.ts';
import { translate } from './errors.ts';
import { authenticatorsOf, renewInTime } from './node-credential.ts';
import { neighbours } from './threads.ts';
import { tlsSettings } from './tls.ts';
import type { NatsTls } from './tls.ts';
import { NatsTransport } from './transport.ts';
import { readByLines } from './wire-reader.ts';

export interface NatsOptions extends Partial<ConnectionOptions> {
  readonly world: World;
  /** `nats://127.0.0.1:4222`, one or several; default those of the credentials. */
  readonly servers?: string | readonly string[] | undefined;
  /** Who this is, in the server's list of connections. */
  readonly name: string;
  readonly credentials?: Credentials | undefined;
  readonly tls?: NatsTls | undefined;
  /** How long to go on trying the first time; default 10 s. Afterwards it reconnects for ever. */
  readonly connectTimeoutMs?: number | undefined;
}
const FIRST_RETRY_MS = 50;
/** Servers come back within a second or after many: the first tries lie close together. */
const RETRY_GROWTH = 1.5;
const LONGEST_RETRY_MS = 1000;

/** Thrown: ApiError Unauthorized (credentials refused), ServiceUnavailable (no server within the time). */
export async function connectNats(options: NatsOptions): Promise<Bus> {
  const { world } = options;
  readByLines();
  const backoff = createBackoff(world);
  const connection = await dial(options, backoff);
  coalesceWrites(connection);
  const transport = new NatsTransport(connection, world.log);
  transport.onConnection(() => {
    backoff.reset();
  });
  const bus = createConnection(transport, world, {
    // Between servers of a cluster messages can get lost while both connections stay: there only heartbeats tell.
    neighbours: connection.info?.cluster === undefined ? neighbours : undefined,
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

interface Backoff {
  next(): number;
  reset(): void;
}
/** Growing, with jitter so that a restarted server is not met by all at once. */
function createBackoff({ random }: World): Backoff {
  let attempt = 0;
  return {
    next: () => Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * RETRY_GROWTH ** Math.min(attempt++, 20)) * (0.5 + random()),
    reset: () => {
      attempt = 0;
    },
  };
}

/**
 * nats-core asks for the delay before each look at the clock, not once an attempt: it gets the same one until that much
 * time has passed, and then none.
 */
function reconnectDelay({ clock }: World, backoff: Backoff): () => number {
  let due: number | undefined;
  let wait = 0;
  return () => {
    if (due === undefined) {
      wait = backoff.next();
      due = clock.now() + wait;
    }
    if (clock.now() < due) return wait;
    due = undefined;
    return 0;
  };
}

async function dial(options: NatsOptions, backoff: Backoff): Promise<NatsConnection> {
  const { clock } = options.world;
  const { credentials } = options;
  const deadline = clock.now() + (options.connectTimeoutMs ?? 10_000);
  const proof = credentials && authenticatorsOf(credentials);
  const servers = [options.servers ?? credentials?.urls ?? []].flat();
  const several = servers.length > 1;
  let round = 0;
  const tls = options.tls ?? (credentials?.ca === undefined ? undefined : { ca: credentials.ca });
  for (;;) {
    try {
      const connection = await connect({
        servers,
        name: options.name,
        // Short where another may answer; longer when none did: perhaps this machine is busy.
        timeout: Math.max(500, Math.min(several ? 1500 * ++round : 5000, 5000, deadline - clock.now())),
        maxReconnectAttempts: -1,
        reconnectDelayHandler: reconnectDelay(options.world, backoff),
        // JetStream's own requests are answered below it.
        inboxPrefix: inbox(escapeToken(credentials?.role ?? options.role ?? options.name)),
        reconnectTimeWait: FIRST_RETRY_MS,
        // A server that is being configured anew refuses for a moment: keep trying.
        ignoreAuthErrorAbort: true,
        // Where there is another server to turn to, one that is silent is left within 3 s.
        pingInterval: several ? 1000 : 10_000,
        maxPingOut: 2,
        noAsyncTraces: true,
        ...(proof && { authenticator: proof.authenticator }),
        // Servers that others tell of are not known to be those whose certificates we check.
        ...(tls && { tls: tlsSettings(tls, servers), ignoreClusterUpdates: true }),
      });
      backoff.reset();
      proof?.letIn();
      if (credentials?.node !== undefined) renewInTime(connection, options.world);
      return connection;
    } catch (cause) {
      const error = translate(cause);
      if (reasonOf(error) === 'Unauthorized') throw error;
      const wait = backoff.next();
      if (clock.now() + wait >= deadline)
        throw new ApiError('ServiceUnavailable', `no NATS server at ${servers.join(', ')}`, { cause });
      await delay(clock, wait);
    }
  }
}
