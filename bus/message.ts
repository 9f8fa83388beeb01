import { ApiError } from '../schemas/meta/status.ts';
import type { Headers, Message, ServedMessage } from './bus.ts';
import { decode } from './codec.ts';
import type { RawMessage } from './transport.ts';
import type { Clock, TimerId } from './world.ts';

/** Headers that the bus itself writes. */
export const HEADER = {
  /** On an answer: the body is a Status, the request failed. */
  status: 'Kubus-Status',
  /** Instead of an answer: it is being worked on. Without a body. */
  working: 'Kubus-Working',
  /** On a request: opens a session; `<address> <id> <window> <silenceMs>` of the client's end, the last one if it is patient. */
  session: 'Kubus-Session',
} as const;

/** A message whose body is decoded when first looked at: what nobody reads costs nothing. */
export class ReceivedMessage implements Message {
  readonly subject: string;
  readonly bytes: Uint8Array;
  protected readonly raw: RawMessage;
  #body: unknown;
  #decoded = false;
  constructor(raw: RawMessage) {
    this.raw = raw;
    this.subject = raw.subject;
    this.bytes = raw.bytes;
  }
  get headers(): Headers {
    return this.raw.headers;
  }
  /** Thrown: ApiError BadRequest for a malformed body; in a handler it crosses to the caller as it is. */
  get body(): unknown {
    if (!this.#decoded) {
      this.#body = decode(this.bytes);
      this.#decoded = true;
    }
    return this.#body;
  }
}

/** A request being served. Its deadline travels as the last token of the subject for the answer. */
export class ServedRequest extends ReceivedMessage implements ServedMessage {
  /** For how long it has been worked on, in intervals of WORKING_MS. */
  age = 0;
  readonly #clock: Clock;
  #controller: AbortController | undefined;
  #timer: TimerId | undefined;
  constructor(raw: RawMessage, clock: Clock) {
    super(raw);
    this.#clock = clock;
  }
  get reply(): string {
    return this.raw.reply;
  }
  /** How long the caller waits, ms; 0 where it does not say. */
  get patienceMs(): number {
    return Number(this.reply.slice(this.reply.lastIndexOf('.') + 1)) || 0;
  }
  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      const ms = this.patienceMs;
      if (this.reply.startsWith('_INBOX.') && ms > 0)
        this.#timer = this.#clock.setTimeout(
          () => {
            this.abort(new ApiError('Timeout', 'the caller no longer waits for an answer'));
          },
          Math.min(ms, MAX_TIMER_MS),
        );
    }
    return this.#controller.signal;
  }
  abort(reason: ApiError): void {
    this.#controller ??= new AbortController();
    this.#controller.abort(reason);
    this.finish();
  }
  finish(): void {
    if (this.#timer === undefined) return;
    this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

/** How often who works on a request says so. */
export const WORKING_MS = 500;
/** Whoever has said nothing for so long is dead, stopped or cut off. */
export const SILENT_MS = 4_000;
/** Longer delays overflow Node's timers and fire at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1;
