import { ApiError, statusOf } from '../schemas/meta/status.ts';
import type { Status } from '../schemas/meta/status.ts';
import type { Headers, RequestOptions } from './bus.ts';
import { decode } from './codec.ts';
import { HEADER, MAX_TIMER_MS, SILENT_MS } from './message.ts';
import { inbox } from './subjects.ts';
import type { RawMessage, Transport } from './transport.ts';
import type { TimerId, World } from './world.ts';

const DEFAULT_TIMEOUT_MS = 30_000;

export interface Requests {
  /** `onLate` gets an answer that comes after the caller has given up, within the time the caller had. */
  request(
    subject: string,
    bytes: Uint8Array,
    options: RequestOptions,
    headers?: Headers,
    onLate?: (answer: unknown) => void,
  ): Promise<unknown>;
  close(): void;
}

interface Pending {
  readonly subject: string;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (reason: unknown) => void;
  readonly signal: AbortSignal | undefined;
  readonly onAbort: (() => void) | undefined;
  readonly onLate: ((answer: unknown) => void) | undefined;
  timer: TimerId | undefined;
  abandoned: boolean;
  /** How many looks ago somebody was last heard to work on it. */
  quiet: number;
}
const NOBODY = Symbol('nobody serves');
/** Of a ServiceUnavailable: nobody was there to be asked, so that nobody was bothered. */
export const isUnserved = (error: unknown): boolean => error instanceof Error && error.cause === NOBODY;
const SILENT_CAUSE = 'Silent';
const silentDetails = { details: { causes: [{ reason: SILENT_CAUSE, message: 'the server has gone silent' }] } };
/** Of a Timeout: somebody was asked who says nothing any more, so that another may be asked at once. */
export const isSilence = (error: unknown): boolean =>
  statusOf(error)?.details?.causes?.some(({ reason }) => reason === SILENT_CAUSE) ?? false;
const LOOK_MS = 1_000;
const SILENT_LOOKS = SILENT_MS / LOOK_MS;

/**
 * The caller's side of request and answer: all answers of a connection arrive on one subscription, `<inbox>.<id>.<ms>`,
 * where `ms` is how long the caller waits, for the server to know.
 */
export function createRequests(
  transport: Transport,
  world: World,
  address: string,
  options: { readonly patienceMs: number },
): Requests {
  const { clock } = world;
  const prefix = `${inbox(address)}.`;
  const pending = new Map<number, Pending>();
  let last = 0;
  let closed = false;

  const take = (id: number): Pending | undefined => {
    const entry = pending.get(id);
    if (!entry) return undefined;
    pending.delete(id);
    if (entry.timer !== undefined) clock.clearTimeout(entry.timer);
    if (entry.onAbort) entry.signal!.removeEventListener('abort', entry.onAbort);
    return entry;
  };
  const fail = (id: number, reason: unknown): void => {
    const entry = take(id);
    if (entry && !entry.abandoned) entry.reject(reason);
  };
  const giveUp = (id: number, reason: unknown): void => {
    const entry = take(id);
    if (!entry || entry.abandoned) return;
    entry.reject(reason);
    if (!entry.onLate) return;
    entry.abandoned = true;
    entry.timer = clock.setTimeout(() => void pending.delete(id), DEFAULT_TIMEOUT_MS);
    pending.set(id, entry);
  };

  /** A request may have been handed to somebody who is dead, stopped or cut off: the server does not know that yet. */
  let looking: TimerId | undefined;
  const look = (): void => {
    looking = undefined;
    for (const [id, entry] of pending)
      if (!entry.abandoned && ++entry.quiet > SILENT_LOOKS)
        giveUp(
          id,
          new ApiError(
            'Timeout',
            `who was asked by ${entry.subject} has gone silent; the outcome is unknown`,
            silentDetails,
          ),
        );
    if (pending.size > 0) looking = clock.setTimeout(look, LOOK_MS);
  };

  const answers = transport.subscribe(`${prefix}>`, undefined, (message: RawMessage) => {
    const id = Number.parseInt(message.subject.slice(prefix.length), 10);
    if (message.bytes.length === 0 && HEADER.working in message.headers) {
      const waiting = pending.get(id);
      if (waiting) waiting.quiet = 0;
      return;
    }
    const entry = take(id);
    if (!entry) return;
    try {
      if (message.noResponders)
        throw new ApiError('ServiceUnavailable', `nobody serves ${entry.subject}`, { cause: NOBODY });
      const body = decode(message.bytes);
      if (message.headers[HEADER.status] !== undefined) throw ApiError.from(body as Status);
      if (entry.abandoned) entry.onLate?.(body);
      else entry.resolve(body);
    } catch (error) {
      if (!entry.abandoned) entry.reject(error);
    }
  });
  const connection = transport.onConnection((connected) => {
    if (connected) return;
    for (const id of pending.keys())
      fail(
        id,
        new ApiError('Timeout', 'the connection to the bus was lost before the answer came; the outcome is unknown'),
      );
  });
  const refusal = transport.onRefused((subject, error) => {
    for (const [id, entry] of pending) if (entry.subject === subject) fail(id, error);
  });

  const send = (
    subject: string,
    bytes: Uint8Array,
    { signal, timeoutMs = DEFAULT_TIMEOUT_MS }: RequestOptions,
    headers: Headers | undefined,
    onLate: ((answer: unknown) => void) | undefined,
  ): Promise<unknown> =>
    new Promise((resolve, reject) => {
      if (closed) {
        reject(unavailable('the connection to the bus is closed'));
        return;
      }
      const id = ++last;
      const onAbort =
        signal &&
        ((): void => {
          giveUp(id, signal.reason);
        });
      const entry: Pending = {
        subject,
        resolve,
        reject,
        signal,
        onAbort,
        onLate,
        timer: undefined,
        abandoned: false,
        quiet: 0,
      };
      pending.set(id, entry);
      looking ??= clock.setTimeout(look, LOOK_MS);
      const waitMs = Math.max(1, Math.min(Math.ceil(timeoutMs), MAX_TIMER_MS));
      entry.timer = clock.setTimeout(() => {
        giveUp(id, new ApiError('Timeout', `no answer from ${subject} within ${timeoutMs} ms`));
      }, waitMs);
      if (onAbort) signal.addEventListener('abort', onAbort, { once: true });
      try {
        transport.publish(subject, bytes, `${prefix}${id}.${waitMs}`, headers);
      } catch (error) {
        fail(id, error);
      }
    });

  /** A reconnect is usually a matter of milliseconds: wait for it a little, but tell the caller soon. */
  const whenConnected = (signal: AbortSignal | undefined): Promise<void> =>
    new Promise((resolve, reject) => {
      const done = (settle: () => void): void => {
        clock.clearTimeout(timer);
        listener.unsubscribe();
        signal?.removeEventListener('abort', onAbort);
        settle();
      };
      const onAbort = (): void => {
        done(() => {
          reject(signal!.reason as Error);
        });
      };
      const timer = clock.setTimeout(() => {
        done(() => {
          reject(unavailable('there is no connection to the bus'));
        });
      }, options.patienceMs);
      const listener = transport.onConnection((connected) => {
        if (connected) done(resolve);
      });
      signal?.addEventListener('abort', onAbort, { once: true });
    });

  return {
    request: (subject, bytes, requestOptions, headers, onLate) => {
      const { signal } = requestOptions;
      if (signal?.aborted) return Promise.reject(signal.reason as Error);
      if (transport.connected || closed) return send(subject, bytes, requestOptions, headers, onLate);
      return whenConnected(signal).then(() => send(subject, bytes, requestOptions, headers, onLate));
    },
    close: () => {
      closed = true;
      if (looking !== undefined) clock.clearTimeout(looking);
      for (const id of pending.keys()) fail(id, unavailable('the connection to the bus was closed'));
      answers.unsubscribe();
      connection.unsubscribe();
      refusal.unsubscribe();
    },
  };
}

const unavailable = (message: string): ApiError => new ApiError('ServiceUnavailable', message);
