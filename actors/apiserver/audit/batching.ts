import { delay } from '../../../bus/world.ts';
import type { AuditedEvent, AuditParts, AuditSink } from './sink.ts';

/** What keeps events. */
export interface AuditBackend {
  /** It may take long: who is to wait for it, waits. */
  readonly isRemote: boolean;
  /** Whether they all are kept; it has told of those that are not. */
  process(lines: readonly string[]): boolean | Promise<boolean>;
  begin(parts: AuditParts): void;
  close(): Promise<void>;
}
export interface BatchOptions {
  /** Events that may wait, those under way not counted. */
  readonly bufferSize: number;
  readonly maxSize: number;
  readonly maxWaitMs: number;
  /** Batches a second, and how many at once after a rest; undefined: as they come. */
  readonly throttle: { readonly qps: number; readonly burst: number } | undefined;
  /** Several batches may be under way. */
  readonly parallel: boolean;
}
export type AuditMode = 'batch' | 'blocking' | 'blocking-strict';
export interface TruncateOptions {
  readonly maxEventSize: number;
}
/** What waits and is under way together may take so much memory, whatever the numbers of events say. */
const MAX_BYTES = 256 * 1024 * 1024;
/** How long a server that leaves waits for a backend. */
const DRAIN_MS = 10_000;

/** `textOf`: how an event is told there. Source: apiserver pkg/server/options/audit.go wrapBackend. */
export function sinkOf(
  backend: AuditBackend,
  {
    mode,
    batch,
    truncate,
    textOf = ({ line }) => line,
  }: {
    readonly mode: AuditMode;
    readonly batch: BatchOptions;
    readonly truncate?: TruncateOptions | undefined;
    readonly textOf?: (event: AuditedEvent) => string;
  },
): AuditSink {
  const inner = mode === 'batch' ? new Batches(backend, batch) : undefined;
  let parts: AuditParts | undefined;
  const keep = (line: string): boolean | Promise<boolean> => {
    if (inner !== undefined) return inner.add(line);
    const kept = backend.process([line]);
    if (mode === 'blocking-strict') return kept;
    return kept instanceof Promise ? kept.then(() => true) : true;
  };
  return {
    waits: mode !== 'batch' && backend.isRemote,
    begin(given) {
      parts = given;
      backend.begin(given);
      inner?.begin(given);
    },
    write(event) {
      if (truncate === undefined) return keep(textOf(event));
      const line = fitting(event, truncate.maxEventSize);
      if (line !== undefined) return keep(line === event.line ? textOf(event) : line);
      parts?.failed('truncate', 1, 'event is too large even after truncating');
      return true;
    },
    async close() {
      await inner?.drain();
      await backend.close();
    },
  };
}
/** Source: apiserver plugin/pkg/audit/truncate. */
function fitting({ line, truncated }: AuditedEvent, maxSize: number): string | undefined {
  if (Buffer.byteLength(line) + 1 <= maxSize) return line;
  const shorter = truncated?.();
  return shorter !== undefined && Buffer.byteLength(shorter) + 1 <= maxSize ? shorter : undefined;
}

/**
 * Events wait until there are enough of them, or for so long; what finds no place is lost, and counted. Other than in
 * kube-apiserver what is under way and not kept yet takes places too: a backend that is down must not take all memory.
 * Source: apiserver plugin/pkg/audit/buffered.
 */
class Batches {
  readonly #backend: AuditBackend;
  readonly #options: BatchOptions;
  #parts: AuditParts | undefined;
  #waiting: string[] = [];
  #bytes = 0;
  #underWay = 0;
  #timer: unknown;
  #tokens: number;
  #filledAt = 0;
  #draining = false;
  #idle: (() => void) | undefined;

  constructor(backend: AuditBackend, options: BatchOptions) {
    this.#backend = backend;
    this.#options = options;
    this.#tokens = options.throttle?.burst ?? 0;
  }
  begin(parts: AuditParts): void {
    this.#parts = parts;
    this.#filledAt = parts.world.clock.now();
  }
  add(line: string): boolean {
    const { bufferSize, maxSize, maxWaitMs } = this.#options;
    if (this.#draining) return this.#lose(1, 'audit backend shut down');
    if (this.#waiting.length >= bufferSize || this.#bytes + line.length > MAX_BYTES)
      return this.#lose(1, 'audit buffer queue blocked');
    this.#waiting.push(line);
    this.#bytes += line.length;
    if (this.#waiting.length >= maxSize) this.#send();
    else if (this.#timer === undefined) this.#later(maxWaitMs);
    return true;
  }
  /** That nobody has to wait for it is what this mode is for. */
  #lose(events: number, why: string): true {
    this.#parts?.failed('buffered', events, why);
    return true;
  }
  #later(ms: number): void {
    this.#stopTimer();
    this.#timer = this.#parts!.world.clock.setTimeout(() => {
      this.#timer = undefined;
      this.#send();
    }, ms);
  }
  #stopTimer(): void {
    if (this.#timer !== undefined) this.#parts!.world.clock.clearTimeout(this.#timer as never);
    this.#timer = undefined;
  }
  #send(): void {
    const { bufferSize, maxSize, maxWaitMs, parallel } = this.#options;
    while (this.#waiting.length > 0) {
      // Asked again when what is under way has arrived.
      if (this.#underWay > 0 && (!parallel || this.#underWay >= bufferSize)) return;
      const pauseMs = this.#pauseMs();
      if (pauseMs > 0) return this.#later(pauseMs);
      this.#stopTimer();
      const lines = this.#waiting.splice(0, maxSize);
      this.#underWay += lines.length;
      const done = (): void => {
        this.#underWay -= lines.length;
        this.#bytes -= lines.reduce((sum, { length }) => sum + length, 0);
      };
      const kept = this.#backend.process(lines);
      if (kept instanceof Promise) void kept.then(done, done).then(() => this.#arrived());
      else done();
      if (this.#waiting.length < maxSize && !this.#draining) break;
    }
    if (this.#waiting.length > 0 && this.#timer === undefined) this.#later(maxWaitMs);
    this.#tellIdle();
  }
  #arrived(): void {
    if (this.#draining || this.#waiting.length >= this.#options.maxSize || this.#timer === undefined) this.#send();
    this.#tellIdle();
  }
  /** How long until another batch may go; takes its place if it may now. */
  #pauseMs(): number {
    const { throttle } = this.#options;
    if (throttle === undefined) return 0;
    const now = this.#parts!.world.clock.now();
    this.#tokens = Math.min(throttle.burst, this.#tokens + (Math.max(now - this.#filledAt, 0) / 1000) * throttle.qps);
    this.#filledAt = now;
    if (this.#tokens < 1) return Math.ceil(((1 - this.#tokens) / throttle.qps) * 1000);
    this.#tokens--;
    return 0;
  }
  #tellIdle(): void {
    if (this.#waiting.length === 0 && this.#underWay === 0) this.#idle?.();
  }
  /** All that waits goes now; resolves when it is kept, or it takes too long. */
  async drain(): Promise<void> {
    if (this.#parts === undefined) return;
    this.#draining = true;
    const late = new AbortController();
    const idle = new Promise<void>((resolve) => (this.#idle = resolve));
    this.#send();
    this.#tellIdle();
    await Promise.race([idle, delay(this.#parts.world.clock, DRAIN_MS, late.signal).catch(() => undefined)]);
    late.abort();
    this.#stopTimer();
    if (this.#waiting.length > 0) this.#lose(this.#waiting.length, 'the server ended before they could be sent');
    this.#waiting = [];
  }
}
