import { EVENT_HEADERS, type LogEntry } from '../log.ts';
import { tokenKey } from '../subjects.ts';
import type { RawHeaders } from './raw-headers.ts';

/** What nats-server and the log itself put on a message; the rest is the writer's. */
const isOwn = (name: string): boolean => name.startsWith('Nats-') || name === EVENT_HEADERS.operation;

/** A stored message as a LogEntry; what only some readers need is worked out when it is asked for. */
export class NatsEntry implements LogEntry {
  readonly revision: number;
  readonly previous: number;
  readonly value: Uint8Array | undefined;
  readonly #token: string;
  readonly #raw: RawHeaders['values'];

  constructor(token: string, revision: number, previous: number, raw: RawHeaders['values'], data: Uint8Array) {
    this.#token = token;
    this.revision = revision;
    this.previous = previous;
    this.#raw = raw;
    const operation = raw[EVENT_HEADERS.operation];
    this.value = operation === 'DEL' || operation === 'PURGE' ? undefined : data;
  }
  get key(): string {
    return tokenKey(this.#token);
  }
  get time(): number {
    return Date.parse(this.#raw[EVENT_HEADERS.time] ?? '') || 0;
  }
  get id(): string {
    return this.#raw[EVENT_HEADERS.id] ?? '';
  }
  get headers(): Readonly<Record<string, string>> {
    return Object.fromEntries(Object.entries(this.#raw).filter(([name]) => !isOwn(name)));
  }
}

/** Header values are one line of printable ASCII; anything else is percent-escaped. */
export const headerValue = (value: string): string =>
  /^[\x20-\x7e]*$/.test(value) ? value : encodeURIComponent(value.toWellFormed());
