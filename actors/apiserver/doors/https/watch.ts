import type { Status } from '../../../../schemas/meta/status.ts';
import type { Core, WatchAnswer } from '../../core.ts';
import { goJson } from '../../../../schemas/codec/go-json.ts';
import { errorFrame } from '../../encoding/protobuf.ts';
import type { WatchSink } from '../../watch-cache/watchers.ts';
import type { Accepted } from './accept.ts';
import type { Exchange, Streaming } from './exchange.ts';
import { baseHeaders } from './respond.ts';
import { addWarnings } from './warnings.ts';
import { isWebSocket } from '../../../runtime/streaming/handshake.ts';
import { openWebSocket } from './web-socket.ts';

/** Bytes that may wait for a slow reader before its watch is ended: it resumes where it was. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024;

/** Answers 200 and streams events until one side has enough. */
export function streamWatch(
  core: Core,
  exchange: Exchange,
  answer: WatchAnswer,
  accepted: Accepted,
  warnings: readonly string[],
  ended: () => void,
): void {
  const protobuf = accepted.format === 'protobuf';
  const contentType = protobuf ? `${accepted.contentType};stream=watch` : accepted.contentType;
  const headers = baseHeaders(core, exchange, contentType);
  addWarnings(headers, warnings);
  const stream = isWebSocket(exchange) ? openWebSocket(exchange, protobuf) : exchange.stream(200, headers);
  if (stream === undefined) return ended();
  exchange.lasting = true;
  void exchange.audit?.starts(200);
  const sink = new StreamSink(stream, protobuf);
  const stop = answer.start(sink);
  sink.limit += sink.opening;
  sink.opened = true;
  stream.onClose(() => {
    ended();
    stop();
    void exchange.audit?.ends();
  });
}
class StreamSink implements WatchSink {
  readonly #stream: Streaming;
  /** Grows by what the opening state takes: that is bounded by what there is. */
  limit = MAX_WAITING_BYTES;
  opening = 0;
  opened = false;
  readonly #protobuf: boolean;
  constructor(stream: Streaming, protobuf: boolean) {
    this.#protobuf = protobuf;
    this.#stream = stream;
  }
  write(frame: unknown): boolean {
    const bytes = frame as Buffer;
    if (!this.opened) {
      this.opening += bytes.length;
      return this.#stream.write(bytes, Number.POSITIVE_INFINITY);
    }
    return this.#stream.write(bytes, this.limit);
  }
  end(status?: Status): void {
    if (status !== undefined) {
      const frame = this.#protobuf ? errorFrame(status) : Buffer.from(`${goJson({ type: 'ERROR', object: status })}\n`);
      this.#stream.write(frame, Number.POSITIVE_INFINITY);
    }
    this.#stream.end();
  }
}
