import { nanosOf, shownTime, type LogEntry } from './line.ts';

export interface Shown {
  readonly timestamps: boolean;
  /** Nanoseconds since the epoch: what is older is not shown. */
  readonly since: bigint | undefined;
  readonly limitBytes: number | undefined;
}
const NEWLINE = Buffer.of(0x0a);
const SPACE = Buffer.of(0x20);

/** What a reader of a log is sent. Source: cri-client pkg/logs logWriter. */
export class LogText {
  readonly #shown: Shown;
  #left: number;
  #isNewLine = true;

  constructor(shown: Shown) {
    this.#shown = shown;
    this.#left = shown.limitBytes ?? Infinity;
  }
  /** It has all that it asked for. */
  get isFull(): boolean {
    return this.#left <= 0;
  }
  *add({ time, isPartial, text }: LogEntry): Generator<Buffer, void> {
    const { since, timestamps } = this.#shown;
    if (since !== undefined && nanosOf(time) < since) return;
    const parts = timestamps && this.#isNewLine ? [shownTime(time), SPACE, text] : [text];
    if (!isPartial) parts.push(NEWLINE);
    this.#isNewLine = !isPartial || text.length === 0;
    for (const part of parts) {
      if (this.isFull) return;
      const taken = part.subarray(0, Math.min(part.length, this.#left));
      this.#left -= taken.length;
      if (taken.length > 0) yield taken;
    }
  }
}
