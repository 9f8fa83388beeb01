import type { ApiError } from '../schemas/meta/status.ts';
import type { Headers, Subscription } from './bus.ts';

/**
 * What a Bus stands on: bytes to subjects, at most once, in order between any two connections. `bus/nats/` and
 * `bus/memory/` implement it; requests, errors, deadlines and sessions are built on top once for both
 * (`bus/connection.ts`).
 */
export interface Transport {
  /** Largest body of one message. */
  readonly maxBytes: number;
  readonly connected: boolean;
  /** Dropped while not connected. Thrown: ApiError RequestEntityTooLarge. */
  publish(subject: string, bytes: Uint8Array, reply?: string, headers?: Headers): void;
  subscribe(subject: string, queue: string | undefined, onMessage: (message: RawMessage) => void): RawSubscription;
  /** Resolves when all that the server had sent before has been delivered; rejects with ServiceUnavailable. */
  flush(): Promise<void>;
  onConnection(listener: (connected: boolean) => void): Subscription;
  /** Called when the server refused to carry a message to `subject` (Forbidden), which it says without naming the message. */
  onRefused(listener: (subject: string, error: ApiError) => void): Subscription;
  close(): Promise<void>;
}

export interface RawMessage {
  readonly subject: string;
  /** Where an answer goes, '' for nowhere. */
  readonly reply: string;
  readonly headers: Headers;
  readonly bytes: Uint8Array;
  /** The server's own answer to a request that nobody serves. */
  readonly noResponders: boolean;
}

export interface RawSubscription extends Subscription {
  /** Unsubscribes, then resolves when the messages already on their way have been handed over. */
  drain(): Promise<void>;
}

export const NO_HEADERS: Headers = Object.freeze({});
