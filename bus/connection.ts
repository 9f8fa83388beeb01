import { ApiError } from '../schemas/meta/status.ts';
import type { Bus, Subscription } from './bus.ts';
import { encode } from './codec.ts';
import { ReceivedMessage } from './message.ts';
import type { Neighbours } from './neighbours.ts';
import { createRequests } from './requests.ts';
import { createResponses } from './responses.ts';
import { createSessions } from './sessions.ts';
import { escapeToken } from './subjects.ts';
import { watchTraffic } from './traffic.ts';
import type { Transport } from './transport.ts';
import { within } from './within.ts';
import type { World } from './world.ts';

export interface ConnectionOptions {
  /** First token of the connection's address: whose inbox and sessions these are in the permissions. */
  readonly role: string;
  /** How long a request waits for a lost connection to come back; default 2 s. */
  readonly patienceMs?: number | undefined;
  /** How long requests in flight may go on when draining; default 5 s. */
  readonly drainGraceMs?: number | undefined;
  /** Sessions are closed when nothing was heard of the other end's connection for this long; default 1 s. */
  readonly silenceMs?: number | undefined;
  /** See Neighbours; undefined: every peer is listened for. */
  readonly neighbours?: Neighbours | undefined;
}

/** A Bus over any transport. */
export function createConnection(bare: Transport, world: World, options: ConnectionOptions): Bus {
  const { wire: transport, traffic, heard } = watchTraffic(bare, options.role);
  const address = `${escapeToken(options.role)}.${world.ids.token()}`;
  const requests = createRequests(transport, world, address, { patienceMs: options.patienceMs ?? 2000 });
  const sessions = createSessions(transport, world, address, requests, {
    silenceMs: options.silenceMs ?? 1000,
    neighbours: options.neighbours,
  });
  const responses = createResponses(transport, world, (message, acceptor) => sessions.accept(message, acceptor));
  let draining: Promise<void> | undefined;
  const open = (): void => {
    if (draining) throw new ApiError('ServiceUnavailable', 'the connection to the bus is closing');
  };

  return {
    publish: (subject, body, headers) => {
      transport.publish(subject, encode(body), undefined, headers);
    },
    subscribe: (subject, onMessage): Subscription =>
      transport.subscribe(subject, undefined, (raw) => {
        heard(raw);
        try {
          onMessage(new ReceivedMessage(raw));
        } catch (err) {
          world.log.error('a subscriber failed', { subject: raw.subject, err });
        }
      }),
    request: async <T>(subject: string, body: unknown, requestOptions = {}) =>
      (await requests.request(
        subject,
        encode(body),
        requestOptions,
        (requestOptions as { headers?: Readonly<Record<string, string>> }).headers,
      )) as T,
    serve: (subject, queue, handler) => {
      open();
      return responses.serve(subject, queue, handler);
    },
    open: (subject, body, openOptions = {}) => sessions.open(subject, body, openOptions),
    serveSessions: (subject, queue, accept) => {
      open();
      return responses.serveSessions(subject, queue, accept);
    },
    flush: () => transport.flush(),
    drain: () =>
      (draining ??= (async () => {
        const graceMs = options.drainGraceMs ?? 5000;
        await responses.drain(graceMs);
        sessions.closeAll('the other end of the session is shutting down');
        // What was just published must have left before the connection is closed.
        await within(world.clock, Math.min(graceMs, 1000), transport.flush());
        sessions.close();
        requests.close();
        await transport.close();
      })()),
    onConnection: (listener) => transport.onConnection(listener),
    traffic,
  };
}
