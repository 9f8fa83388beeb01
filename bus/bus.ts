import type { Status } from '../schemas/meta/status.ts';
import type { Traffic } from './traffic.ts';

/**
 * The only wire between components. Two transports implement it: `bus/nats/` and `bus/memory/`; one conformance suite
 * (`bus/conformance.ts`) runs on both. Bodies are JSON's values and bytes (Uint8Array stays Uint8Array).
 *
 * Errors are ApiErrors: no responder -> ServiceUnavailable, deadline -> Timeout, an error the server's handler threw
 * -> the same Status. An aborted signal rejects with the signal's reason.
 */
export interface Bus {
  /** Fire and forget, at most once, to all subscribers of `subject`. */
  publish(subject: string, body: unknown, headers?: Headers): void;
  subscribe(subject: string, onMessage: (message: Message) => void): Subscription;
  /** One answer from one of the servers of `subject`. Default timeout 30 s. */
  request<T>(subject: string, body: unknown, options?: RequestOptions): Promise<T>;
  /** Answers requests on `subject` (wildcards allowed) as a member of `queue`. What the handler throws crosses as Status. */
  serve(subject: string, queue: string, handler: (message: ServedMessage) => unknown): ServedSubscription;
  /** Opens a session (see Session) with one of the servers of `subject`; resolves when that server accepted it. */
  open(subject: string, body: unknown, options?: OpenOptions): Promise<Session>;
  /**
   * Accepts sessions on `subject`; what `accept` throws crosses as Status and refuses the session. If it returns a promise
   * the session is accepted when that resolves, or when the session is first sent on or read from; what it rejects with
   * afterwards closes the session.
   */
  serveSessions(
    subject: string,
    queue: string,
    accept: (message: ServedMessage, session: Session) => void | Promise<void>,
  ): ServedSubscription;
  /**
   * Resolves when everything that the server had sent on this connection before now has been handed to its subscribers
   * (PING/PONG). Concurrent callers share one round trip only if it started after they asked.
   */
  flush(): Promise<void>;
  /** Stops taking requests, lets those in flight finish, closes sessions with `ServiceUnavailable`, then the connection. */
  drain(): Promise<void>;
  /** Called with `false` on losing the connection and `true` on having it again (subscriptions are restored by then). */
  onConnection(listener: (connected: boolean) => void): Subscription;
  /** What this connection says and to whom, counted for those who watch the cluster. */
  readonly traffic: Traffic;
}
export type Headers = Readonly<Record<string, string>>;
export interface Message {
  readonly subject: string;
  readonly headers: Headers;
  readonly body: unknown;
  /** The undecoded body; the same bytes the sender encoded. */
  readonly bytes: Uint8Array;
}
export interface ServedMessage extends Message {
  /** Aborted when the caller's deadline has passed or this end drains past its grace. */
  readonly signal: AbortSignal;
}
export interface Subscription {
  unsubscribe(): void;
}
export interface ServedSubscription extends Subscription {
  /**
   * Like unsubscribe(), but requests already on their way here are still handled; resolves when they were handed over.
   * Requests and sessions of one subject are one subscription: it is left when both are drained, in one go.
   */
  readonly drain?: () => Promise<void>;
}
export interface RequestOptions {
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
  readonly headers?: Headers | undefined;
}
export interface OpenOptions extends RequestOptions {
  /** Frames the other end may have in flight before it waits for credit; default 256. */
  readonly window?: number | undefined;
  /**
   * How long either end may give no sign of life while its connection stands, ms; default and least: that of the connection.
   * A watch goes on elsewhere, so it is impatient; a process that somebody has typed into cannot.
   */
  readonly silenceMs?: number | undefined;
}

/**
 * The one streaming protocol (watch, logs, exec, attach, port-forward): numbered frames both ways, credit for flow
 * control, heartbeats both ways, closed by a Status. A lost frame or a silent peer (1 s without a heartbeat) closes it
 * with ServiceUnavailable; reopening and resuming is the caller's, who knows what it has seen.
 */
export interface Session {
  readonly id: string;
  /** Resolves when the frame was handed over within the peer's credit; rejects when the session is closed. */
  send(frame: unknown): Promise<void>;
  /** Frames sent but not yet consumed by the peer: a server that fans out closes sessions that lag instead of waiting. */
  readonly unacknowledged: number;
  /** Frames of the peer, in order; ends when closed. One reader. */
  frames(): AsyncIterable<unknown>;
  /** Tells the peer; idempotent. `status` undefined is a normal end. */
  close(status?: Status): void;
  /** Resolves once closed, whoever closed it, with the Status given. */
  readonly closed: Promise<Status | undefined>;
  /** Aborted once closed. */
  readonly signal: AbortSignal;
}
