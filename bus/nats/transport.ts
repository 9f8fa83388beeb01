import type { Msg, NatsConnection, Subscription as NatsSubscription } from '@nats-io/nats-core';
import { ApiError } from '../../schemas/meta/status.ts';
import type { Headers, Subscription } from '../bus.ts';
import type { RawMessage, RawSubscription, Transport } from '../transport.ts';
import { soon } from '../real-world.ts';
import type { Logger } from '../world.ts';
import { translate } from './errors.ts';
import { Intake } from './intake.ts';
import { publishedHeaders, rawHeaders, type RawHeaders } from './raw-headers.ts';

/** The server's answer to a request on a subject without subscribers. */
const NO_RESPONDERS = 503;

class NatsMessage implements RawMessage {
  readonly #message: Msg;
  #headers: RawHeaders | undefined;
  constructor(message: Msg) {
    this.#message = message;
  }
  get subject(): string {
    return this.#message.subject;
  }
  get reply(): string {
    return this.#message.reply ?? '';
  }
  get bytes(): Uint8Array {
    return this.#message.data;
  }
  get noResponders(): boolean {
    return this.#raw.code === NO_RESPONDERS && this.#message.data.length === 0;
  }
  get headers(): Headers {
    return this.#raw.values;
  }
  get #raw(): RawHeaders {
    return (this.#headers ??= rawHeaders(this.#message));
  }
}
/** One connection to nats-server. */
export class NatsTransport implements Transport {
  readonly connection: NatsConnection;
  readonly maxBytes: number;
  connected = true;
  readonly #log: Logger;
  /** What queue groups are asked; all else is handed over as it comes. */
  readonly #intake = new Intake(soon);
  readonly #connectionListeners = new Set<(connected: boolean) => void>();
  readonly #refusalListeners = new Set<(subject: string, error: ApiError) => void>();

  constructor(connection: NatsConnection, log: Logger) {
    this.connection = connection;
    // Headers count as well; the rest is room for them.
    this.maxBytes = (connection.info?.max_payload ?? 1024 * 1024) - 1024;
    this.#log = log;
    void this.#follow();
  }

  async #follow(): Promise<void> {
    for await (const status of this.connection.status()) {
      if (status.type === 'disconnect') this.#setConnected(false);
      else if (status.type === 'reconnect') this.#setConnected(true);
      else if (status.type === 'error') this.#onError(status.error);
    }
    this.#setConnected(false);
  }
  #setConnected(connected: boolean): void {
    if (connected === this.connected) return;
    this.connected = connected;
    if (!this.connection.isClosed())
      this.#log.info(connected ? 'bus connected again' : 'bus connection lost', {
        server: this.connection.getServer(),
      });
    for (const listener of this.#connectionListeners) listener(connected);
  }
  #onError(cause: Error): void {
    const error = translate(cause);
    const { operation, subject } = cause as { operation?: unknown; subject?: unknown };
    if (operation === 'publish' && typeof subject === 'string') {
      this.#log.debug('bus refused a message', { subject });
      for (const listener of this.#refusalListeners) listener(subject, error);
    } else this.#log.error('bus error', { err: cause });
  }

  publish(subject: string, bytes: Uint8Array, reply?: string, headers?: Headers): void {
    if (!this.connected || this.connection.isClosed()) return;
    if (bytes.length > this.maxBytes)
      throw new ApiError('RequestEntityTooLarge', `a message of ${bytes.length} bytes is too large for the bus`);
    try {
      if (headers === undefined) {
        if (reply === undefined) this.connection.publish(subject, bytes);
        else this.connection.publish(subject, bytes, { reply });
      } else
        this.connection.publish(subject, bytes, {
          ...(reply !== undefined && { reply }),
          headers: publishedHeaders(headers),
        });
    } catch (error) {
      throw translate(error);
    }
  }

  subscribe(subject: string, queue: string | undefined, onMessage: (message: RawMessage) => void): RawSubscription {
    let subscription: NatsSubscription;
    let isOver = false;
    const hand = (message: Msg): void => {
      if (queue === undefined) return onMessage(new NatsMessage(message));
      this.#intake.take(() => {
        if (!isOver) onMessage(new NatsMessage(message));
      });
    };
    try {
      subscription = this.connection.subscribe(subject, {
        ...(queue !== undefined && { queue }),
        callback: (error, message) => {
          if (!error) hand(message);
          else this.#log.error('bus refused a subscription', { subject, err: error });
        },
      });
    } catch (error) {
      throw translate(error);
    }
    return {
      unsubscribe: () => {
        isOver = true;
        if (!this.connection.isClosed()) subscription.unsubscribe();
      },
      drain: async () => {
        if (this.connection.isClosed()) return;
        if (this.connected) await subscription.drain().catch(() => undefined);
        else subscription.unsubscribe();
        await new Promise<void>((resolve) => this.#intake.take(resolve));
        isOver = true;
      },
    };
  }

  async flush(): Promise<void> {
    if (!this.connected) throw new ApiError('ServiceUnavailable', 'there is no connection to the bus');
    try {
      await this.connection.flush();
    } catch (error) {
      throw translate(error);
    }
  }
  onConnection(listener: (connected: boolean) => void): Subscription {
    this.#connectionListeners.add(listener);
    return { unsubscribe: () => void this.#connectionListeners.delete(listener) };
  }
  onRefused(listener: (subject: string, error: ApiError) => void): Subscription {
    this.#refusalListeners.add(listener);
    return { unsubscribe: () => void this.#refusalListeners.delete(listener) };
  }
  async close(): Promise<void> {
    await this.connection.close();
  }
}
