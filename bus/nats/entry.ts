import { EVENT_HEADERS, type LogEntry } from '../log.ts';
import { tokenKey } from '../subjects.ts';
import type { RawHeaders } from './raw-headers.ts';

/** A stored message as a LogEntry; what only some readers need is worked out when it is asked for. */
export class NatsEntry implements LogEntry {
  readonly revision: number;
  readonly previous: number;
  readonly value: Uint8Array | undefined;
  readonly headers: RawHeaders['values'];
  readonly #token: string;

  constructor(token: string, revision: number, previous: number, headers: RawHeaders['values'], data: Uint8Array) {
    this.#token = token;
    this.revision = revision;
    this.previous = previous;
    this.headers = headers;
    const operation = headers[EVENT_HEADERS.operation];
    this.value = operation === 'DEL' || operation === 'PURGE' ? undefined : data;
  }
  get key(): string {
    return tokenKey(this.#token);
  }
  get time(): number {
    return Date.parse(this.headers[EVENT_HEADERS.time] ?? '') || 0;
  }
  get id(): string {
    // A copy: a slice would keep the text of all headers alive for as long as the id is kept.
    return Buffer.from(this.headers[EVENT_HEADERS.id] ?? '', 'latin1').toString('latin1');
  }
}

/** Header values are one line of printable ASCII; anything else is percent-escaped. */
export const headerValue = (value: string): string =>
  /^[\x20-\x7e]*$/.test(value) ? value : encodeURIComponent(value.toWellFormed());
