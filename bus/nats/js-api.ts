import { createInbox, type Msg, type NatsConnection } from '@nats-io/transport-node';
import { ApiError } from '../../schemas/meta/status.ts';
import type { TimerId, World } from '../world.ts';
import { jsError, type JsError } from './js-errors.ts';
import type { Link } from './link.ts';
import { publishedHeaders, rawHeaders } from './raw-headers.ts';

interface Pending {
  readonly resolve: (message: Msg) => void;
  readonly reject: (error: ApiError) => void;
  readonly what: string;
  readonly deadline: number;
}

const decoder = new TextDecoder();

/**
 * Requests to JetStream over one inbox subscription and one timer. (Those of nats-core make a timer and a stack trace
 * each; a write of the store costs little else.) Every request has the same timeout, so the oldest is the next to end.
 */
export class JsApi {
  readonly #connection: NatsConnection;
  readonly #world: World;
  readonly #timeoutMs: number;
  readonly #inbox: string;
  readonly #pending = new Map<string, Pending>();
  #count = 0;
  #timer: TimerId | undefined;
  #watched: AbortSignal | undefined;
  readonly #link: Link;
  readonly #unsubscribe: () => void;

  constructor(connection: NatsConnection, world: World, timeoutMs: number, link: Link) {
    this.#connection = connection;
    this.#link = link;
    this.#world = world;
    this.#timeoutMs = timeoutMs;
    this.#inbox = `${newInbox(connection)}.`;
    const subscription = connection.subscribe(`${this.#inbox}*`, {
      callback: (error, message) => {
        if (error === null) this.#onReply(message);
      },
    });
    this.#unsubscribe = () => subscription.unsubscribe();
  }

  /** Sends and returns the raw reply. Thrown: ServiceUnavailable (nobody there), Timeout (outcome unknown). */
  send(subject: string, payload: Uint8Array | string, what: string, headers?: Record<string, string>): Promise<Msg> {
    return new Promise((resolve, reject) => {
      const { signal } = this.#link;
      if (signal.aborted) {
        reject(signal.reason as ApiError);
        return;
      }
      if (signal !== this.#watched) this.#watch(signal);
      const token = (++this.#count).toString(36);
      try {
        this.#connection.publish(subject, payload, {
          reply: this.#inbox + token,
          ...(headers && { headers: publishedHeaders(headers) }),
        });
      } catch (cause) {
        reject(new ApiError('ServiceUnavailable', `${what}: ${(cause as Error).message}`, { cause }));
        return;
      }
      this.#pending.set(token, { resolve, reject, what, deadline: this.#world.clock.now() + this.#timeoutMs });
      this.#arm();
    });
  }

  /** Sends what is not answered by itself. Thrown: ServiceUnavailable. */
  tell(subject: string, payload: Uint8Array, what: string, headers: Record<string, string>): void {
    this.#link.signal.throwIfAborted();
    try {
      this.#connection.publish(subject, payload, { headers: publishedHeaders(headers) });
    } catch (cause) {
      throw new ApiError('ServiceUnavailable', `${what}: ${(cause as Error).message}`, { cause });
    }
  }

  /** A call of the JetStream API. Thrown besides: what jsError() makes of its answer. */
  async call<T>(subject: string, body?: unknown): Promise<T> {
    const reply = await this.send(`$JS.API.${subject}`, body === undefined ? '' : JSON.stringify(body), subject);
    return parseAnswer(reply, subject) as T;
  }

  close(): void {
    this.#unsubscribe();
    this.#rejectAll((what) => new ApiError('Timeout', `${what}: the log was closed; the outcome is unknown`));
    if (this.#timer !== undefined) this.#world.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Outcomes that were to come over a connection that is gone stay unknown: say so now, not after the timeout. */
  #watch(signal: AbortSignal): void {
    this.#watched = signal;
    const onLost = (): void => {
      this.#rejectAll((what) => new ApiError('Timeout', `${what}: the connection was lost; the outcome is unknown`));
    };
    signal.addEventListener('abort', onLost, { once: true });
  }

  #onReply(message: Msg): void {
    const token = message.subject.slice(this.#inbox.length);
    const pending = this.#pending.get(token);
    if (pending === undefined) return;
    this.#pending.delete(token);
    if (message.data.length === 0 && rawHeaders(message).code === 503)
      pending.reject(new ApiError('ServiceUnavailable', `${pending.what}: JetStream is not available`));
    else pending.resolve(message);
  }

  #arm(): void {
    this.#timer ??= this.#world.clock.setTimeout(() => this.#expire(), this.#timeoutMs);
  }

  #expire(): void {
    this.#timer = undefined;
    const now = this.#world.clock.now();
    for (const [token, { reject, deadline, what }] of this.#pending) {
      if (deadline > now) {
        this.#timer = this.#world.clock.setTimeout(() => this.#expire(), deadline - now);
        return;
      }
      this.#pending.delete(token);
      reject(new ApiError('Timeout', `${what}: no answer within ${this.#timeoutMs} ms; the outcome is unknown`));
    }
  }

  #rejectAll(error: (what: string) => ApiError): void {
    const all = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject, what } of all) reject(error(what));
  }
}

export function parseAnswer(message: Msg, what: string): unknown {
  const answer = JSON.parse(decoder.decode(message.data)) as { readonly error?: JsError };
  if (answer.error !== undefined) throw jsError(answer.error, what);
  return answer;
}

/** A subject of this connection's own, under the inbox prefix that its credentials allow. */
export function newInbox(connection: NatsConnection): string {
  const { options } = connection as unknown as { options?: { inboxPrefix?: string } };
  return createInbox(options?.inboxPrefix);
}
