import type { Core, StreamAnswer } from '../../core.ts';
import type { Exchange } from './exchange.ts';
import { baseHeaders } from './respond.ts';
import { streamMessages } from './stream-messages.ts';
import { isWebSocket } from '../../../runtime/streaming/handshake.ts';

/** Bytes that may wait for the reader; beyond them the node agent is not asked for more. */
const WAITING_BYTES = 1024 * 1024;
const PAUSE_MS = 20;

const withoutType = (headers: readonly string[]): string[] => {
  const at = headers.indexOf('Content-Type');
  return headers.filter((_, i) => i !== at && i !== at + 1);
};
/** Copies a session's frames into the answer, at the reader's pace. */
export async function streamBytes(core: Core, exchange: Exchange, answer: StreamAnswer): Promise<void> {
  const headers = baseHeaders(core, exchange, answer.contentType);
  const { session } = answer;
  // Nothing to read from: the pod is on no node.
  if (session === undefined) return exchange.send(204, withoutType(headers), '');
  if (isWebSocket(exchange)) return streamMessages(exchange, session);
  void exchange.audit?.starts(200);
  const stream = exchange.stream(200, headers);
  stream.onClose(() => session.close());
  for await (const frame of session.frames()) {
    const bytes = frame as Uint8Array;
    if (bytes.length === 0) continue;
    const chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    if (stream.write(chunk, WAITING_BYTES)) continue;
    while (stream.waiting() > WAITING_BYTES && !session.signal.aborted)
      await new Promise<void>((resolve) => core.world.clock.setTimeout(() => resolve(), PAUSE_MS));
  }
  stream.end();
}
