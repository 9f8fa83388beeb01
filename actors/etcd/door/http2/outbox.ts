import { DEFAULT_WINDOW } from './frames.ts';
import type { Http2Stream } from './stream.ts';

/** The bytes' way to the client. */
export interface Wire {
  write(bytes: Buffer): void;
  /** Bytes that were written and not taken yet. */
  readonly waiting: number;
  /** No more will be written. */
  end(): void;
}

/** Beyond it nothing more is given to the wire. */
const MAX_WIRE_BYTES = 1 << 20;
/** Smaller pieces go in one write: each is a record of TLS, a system call, and wakes the client. */
const JOIN_BYTES = 64 * 1024;

/**
 * What one turn of the event loop has to say leaves in one write: what concerns the protocol, then answers that somebody
 * waits for, then a frame of each other stream in turn.
 */
export class Outbox {
  /** Bytes of data that the client takes. */
  window = DEFAULT_WINDOW;
  readonly #wire: Wire;
  readonly #soon: (fn: () => void) => void;
  readonly #onAnswered: (stream: Http2Stream) => void;
  /** Those with something to send. */
  readonly #awake = new Set<Http2Stream>();
  #control: Buffer[] = [];
  #controlBytes = 0;
  #scheduled = false;
  #finished = false;

  /** `soon` calls back once what this turn brings has been looked at. */
  constructor(wire: Wire, soon: (fn: () => void) => void, onAnswered: (stream: Http2Stream) => void) {
    this.#wire = wire;
    this.#soon = soon;
    this.#onAnswered = onAnswered;
  }
  say(frame: Buffer): void {
    this.#control.push(frame);
    this.#controlBytes += frame.length;
    this.schedule();
  }
  /** Bytes that were said and not taken. */
  get unread(): number {
    return this.#controlBytes + Math.max(0, this.#wire.waiting - MAX_WIRE_BYTES);
  }
  wake(stream: Http2Stream): void {
    this.#awake.add(stream);
    this.schedule();
  }
  forget(stream: Http2Stream): void {
    this.#awake.delete(stream);
  }
  /** There may be room again. */
  resume(): void {
    if (this.#awake.size > 0) this.schedule();
  }
  /** Ends the wire once everything is sent. */
  finish(): void {
    this.#finished = true;
    this.schedule();
  }
  schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#soon(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }
  #flush(): void {
    const out = this.#control;
    this.#control = [];
    this.#controlBytes = 0;
    let room = MAX_WIRE_BYTES - this.#wire.waiting;
    for (const urgent of [true, false])
      for (let sent = true; sent && room > 0;) {
        sent = false;
        for (const stream of this.#awake) {
          if (stream.urgent !== urgent) continue;
          const taken = stream.takeInto(out, Math.min(room, this.window));
          this.window -= taken;
          room -= taken;
          sent ||= taken > 0;
          if (stream.idle) this.#awake.delete(stream);
          if (stream.answered) this.#onAnswered(stream);
          if (room <= 0) break;
        }
      }
    this.#write(out);
    if (this.#finished && this.#awake.size === 0) this.#wire.end();
  }
  #write(out: readonly Buffer[]): void {
    let from = 0;
    let bytes = 0;
    for (const [i, piece] of out.entries()) {
      bytes += piece.length;
      if (bytes < JOIN_BYTES && i < out.length - 1) continue;
      this.#wire.write(i === from ? piece : Buffer.concat(out.slice(from, i + 1)));
      from = i + 1;
      bytes = 0;
    }
  }
}
