import type { NatsConnection } from '@nats-io/transport-node';
import { ApiError } from '../../schemas/meta/status.ts';

const lost = (): ApiError => new ApiError('ServiceUnavailable', 'there is no connection to the bus');

/**
 * Whether the connection stands. What is sent while it does not is dropped by nats-core without a word, so whoever waits
 * for an answer looks here first, and stops waiting when `signal` is aborted: each time the connection is lost.
 */
export class Link {
  #controller = new AbortController();
  readonly #onReconnect: () => void;
  #closed = false;

  constructor(connection: NatsConnection, onReconnect: () => void) {
    this.#onReconnect = onReconnect;
    if (connection.isClosed()) this.#controller.abort(lost());
    void this.#watch(connection);
  }
  get signal(): AbortSignal {
    return this.#controller.signal;
  }
  get up(): boolean {
    return !this.#controller.signal.aborted;
  }
  close(): void {
    this.#closed = true;
    this.#controller.abort(new ApiError('ServiceUnavailable', 'the log is closed'));
  }

  async #watch(connection: NatsConnection): Promise<void> {
    for await (const { type } of connection.status()) {
      if (this.#closed) return;
      if (type === 'disconnect' || type === 'close') this.#controller.abort(lost());
      if (type !== 'reconnect') continue;
      // Whatever was begun in between is lost as well.
      this.#controller.abort(lost());
      this.#controller = new AbortController();
      this.#onReconnect();
    }
  }
}
