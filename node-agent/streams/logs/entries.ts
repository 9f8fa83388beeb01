import { parseEntry, type LogEntry } from './line.ts';

const NEWLINE = 0x0a;
/** An entry that is longer is read in pieces; runtimes write 16 KiB at most. */
const MOST_ENTRY_BYTES = 1024 * 1024;

/** Entries of a log file, from its bytes, block by block. What is no entry is read over. */
export class EntryReader {
  #rest: Buffer = Buffer.alloc(0);
  /** The entry that is too long, while its end has not come. */
  #long: LogEntry | undefined;

  *push(block: Buffer): Generator<LogEntry, void> {
    let at = 0;
    for (let end = block.indexOf(NEWLINE); end >= 0; end = block.indexOf(NEWLINE, at)) {
      const line = this.#whole(block.subarray(at, end));
      at = end + 1;
      const entry = this.#entryOf(line);
      this.#long = undefined;
      if (entry !== undefined) yield entry;
    }
    this.#rest = this.#whole(block.subarray(at));
    if (this.#rest.length < MOST_ENTRY_BYTES) return;
    const entry = this.#entryOf(this.#rest);
    this.#rest = Buffer.alloc(0);
    if (entry === undefined) return;
    this.#long = entry;
    yield { ...entry, isPartial: true };
  }
  /** What is left at the end of a file that nobody writes any more. */
  *end(): Generator<LogEntry, void> {
    const entry = this.#rest.length === 0 ? undefined : this.#entryOf(this.#rest);
    this.#rest = Buffer.alloc(0);
    this.#long = undefined;
    if (entry !== undefined) yield entry;
  }
  #whole(part: Buffer): Buffer {
    if (this.#rest.length === 0) return part;
    const whole = Buffer.concat([this.#rest, part]);
    this.#rest = Buffer.alloc(0);
    return whole;
  }
  #entryOf(line: Buffer): LogEntry | undefined {
    return this.#long === undefined ? parseEntry(line) : { ...this.#long, text: line };
  }
}
