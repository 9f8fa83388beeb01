import { ApiError, toStatus } from '../schemas/meta/status.ts';
import type { ServedMessage, ServedSubscription, Session } from './bus.ts';
import { encode } from './codec.ts';
import { HEADER, ServedRequest, WORKING_MS } from './message.ts';
import { isInbox } from './subjects.ts';
import { subjectMatches } from './subject-pattern.ts';
import type { RawMessage, RawSubscription, Transport } from './transport.ts';
import { within } from './within.ts';
import type { TimerId, World } from './world.ts';

export type Handler = (message: ServedMessage) => unknown;
export type Acceptor = (message: ServedMessage, session: Session) => unknown;

export interface Responses {
  serve(subject: string, queue: string, handler: Handler): ServedSubscription;
  serveSessions(subject: string, queue: string, acceptor: Acceptor): ServedSubscription;
  /** Takes nothing new and resolves when what is in flight is done, at the latest after `graceMs`. */
  drain(graceMs: number): Promise<void>;
}

/** One subscription to a subject as a member of a queue: who asks for a session gets the acceptor, others the handler. */
interface Served {
  readonly subject: string;
  readonly queue: string;
  readonly subscription: RawSubscription;
  handler: Handler | undefined;
  acceptor: Acceptor | undefined;
  /** Parts that want to leave without losing what is on its way. */
  readonly draining: Set<'handler' | 'acceptor'>;
  drained: Promise<void> | undefined;
}

const STATUS_HEADERS = { [HEADER.status]: '1' };
const WORKING_HEADERS = { [HEADER.working]: '1' };
const NOTHING = new Uint8Array(0);

/**
 * The server's side of request and answer. `openSession` accepts a session for a request that asks for one; its result
 * is the answer.
 */
export function createResponses(
  transport: Transport,
  world: World,
  openSession: (message: ServedRequest, acceptor: Acceptor) => unknown,
): Responses {
  const served = new Map<string, Served>();
  const inFlight = new Set<ServedRequest>();
  let idle: (() => void) | undefined;
  let working: TimerId | undefined;

  const respond = (message: ServedRequest, answer: unknown): void => {
    if (!isInbox(message.reply)) return;
    try {
      transport.publish(message.reply, encode(answer));
    } catch (error) {
      refuse(message, error);
    }
  };
  const refuse = (message: ServedRequest, error: unknown): void => {
    if (!isInbox(message.reply)) return;
    const status = toStatus(error);
    if (status.code >= 500 && status.reason === 'InternalError')
      world.log.error('request failed', { subject: message.subject, err: error });
    try {
      transport.publish(message.reply, encode(status), undefined, STATUS_HEADERS);
    } catch (err) {
      world.log.error('cannot answer', { subject: message.subject, err });
    }
  };
  /** Tells those who wait for long that somebody is at it: silence is what the dead have to say. */
  const reassure = (): void => {
    working = undefined;
    for (const message of inFlight) {
      // Not the first time: most are answered before they would be told. Not for ever: somebody may have given up.
      if (message.age++ === 0 || message.age * WORKING_MS > message.patienceMs || !isInbox(message.reply)) continue;
      transport.publish(message.reply, NOTHING, undefined, WORKING_HEADERS);
    }
    if (inFlight.size > 0) working = world.clock.setTimeout(reassure, WORKING_MS);
  };
  const settle = (message: ServedRequest): void => {
    message.finish();
    inFlight.delete(message);
    if (inFlight.size === 0) idle?.();
  };

  const handle = (entry: Served, raw: RawMessage): void => {
    const message = new ServedRequest(raw, world.clock);
    let answer: unknown;
    try {
      answer =
        HEADER.session in raw.headers
          ? openSession(message, acceptorFor(entry, raw.subject))
          : handlerFor(entry, raw.subject)(message);
    } catch (error) {
      message.finish();
      refuse(message, error);
      return;
    }
    if (!isPromise(answer)) {
      message.finish();
      respond(message, answer);
      return;
    }
    inFlight.add(message);
    working ??= world.clock.setTimeout(reassure, WORKING_MS);
    answer.then(
      (value) => {
        respond(message, value);
        settle(message);
      },
      (error: unknown) => {
        refuse(message, error);
        settle(message);
      },
    );
  };
  // Where two subjects of one queue overlap the server picks either: look for the one that was meant.
  const elsewhere = (entry: Served, subject: string, has: (other: Served) => boolean): Served | undefined =>
    has(entry)
      ? entry
      : [...served.values()].find((o) => o.queue === entry.queue && has(o) && subjectMatches(o.subject, subject));
  const handlerFor = (entry: Served, subject: string): Handler => {
    const handler = elsewhere(entry, subject, (o) => o.handler !== undefined)?.handler;
    if (!handler) throw new ApiError('BadRequest', 'this is served as a session only');
    return handler;
  };
  const acceptorFor = (entry: Served, subject: string): Acceptor => {
    const acceptor = elsewhere(entry, subject, (o) => o.acceptor !== undefined)?.acceptor;
    if (!acceptor) throw new ApiError('BadRequest', 'this is not served as a session');
    return acceptor;
  };

  const add = (
    subject: string,
    queue: string,
    part: Partial<Pick<Served, 'handler' | 'acceptor'>>,
  ): ServedSubscription => {
    const key = `${queue} ${subject}`;
    let entry = served.get(key);
    if (!entry) {
      const created: Served = {
        subject,
        queue,
        handler: undefined,
        acceptor: undefined,
        draining: new Set(),
        drained: undefined,
        subscription: transport.subscribe(subject, queue, (raw) => {
          handle(created, raw);
        }),
      };
      served.set(key, (entry = created));
    }
    const name = 'handler' in part ? 'handler' : 'acceptor';
    if (entry[name]) throw new ApiError('InternalError', `${subject} is served already`);
    Object.assign(entry, part);
    const mine = entry;
    const unsubscribe = (): void => {
      if (mine[name] !== part[name]) return;
      mine[name] = undefined;
      if (mine.handler ?? mine.acceptor) return;
      if (served.get(key) === mine) served.delete(key);
      mine.subscription.unsubscribe();
    };
    const drain = async (): Promise<void> => {
      if (mine[name] !== part[name]) return;
      mine.draining.add(name);
      // Both may be drained in one go: whoever is second takes the subscription along.
      await Promise.resolve();
      const stays = (which: typeof name): boolean => mine[which] !== undefined && !mine.draining.has(which);
      if (!stays('handler') && !stays('acceptor')) {
        if (served.get(key) === mine) served.delete(key);
        await (mine.drained ??= mine.subscription.drain());
      }
      unsubscribe();
    };
    return { unsubscribe, drain };
  };

  return {
    serve: (subject, queue, handler) => add(subject, queue, { handler }),
    serveSessions: (subject, queue, acceptor) => add(subject, queue, { acceptor }),
    drain: async (graceMs) => {
      const drained = Promise.all([...served.values()].map((entry) => entry.subscription.drain()));
      served.clear();
      const finished = drained.then(
        () =>
          new Promise<void>((resolve) => {
            if (inFlight.size === 0) resolve();
            else idle = resolve;
          }),
      );
      await within(world.clock, graceMs, finished);
      const reason = new ApiError('ServiceUnavailable', 'the server is shutting down');
      for (const message of inFlight) {
        message.abort(reason);
        refuse(message, reason);
      }
      inFlight.clear();
      if (working !== undefined) world.clock.clearTimeout(working);
    },
  };
}

const isPromise = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
