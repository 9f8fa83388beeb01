import { written } from '../../../runtime/written.ts';
import type { ByteSource } from '../../core.ts';
import { offeredByWebSocket, refuse } from '../../../runtime/streaming/upgrades.ts';
import { frameOf, OPCODE, WebSocketReader } from '../../../runtime/streaming/web-socket-frames.ts';
import type { Exchange } from './exchange.ts';
import { shakeHands } from '../../../runtime/streaming/handshake.ts';

const NORMAL = Buffer.of(0x03, 0xe8);
/** Whether messages are bytes, by the name of the protocol. Source: streaming pkg/httpstream/wsstream NewDefaultReaderProtocols. */
const PROTOCOLS: Readonly<Record<string, boolean>> = { '': true, 'binary.k8s.io': true, 'base64.binary.k8s.io': false };

/**
 * The frames of a session as messages of a WebSocket, for browsers, which cannot read an answer as it comes. The first one
 * is empty and says that it has begun; what the client sends counts for nothing but its end. Source: wsstream Reader.
 */
export async function streamMessages(exchange: Exchange, session: ByteSource): Promise<void> {
  const name = offeredByWebSocket(exchange)!.find((p) => Object.hasOwn(PROTOCOLS, p));
  const socket = name === undefined ? refuse(exchange, 403, '') : shakeHands(exchange, name);
  if (socket === undefined) return session.close();
  void exchange.audit?.starts(101);
  const isBinary = PROTOCOLS[name!]!;
  const message = (bytes: Buffer): Buffer =>
    isBinary ? frameOf(OPCODE.binary, bytes) : frameOf(OPCODE.text, Buffer.from(bytes.toString('base64')));
  const reader = new WebSocketReader();
  socket.on('data', (chunk: Buffer) => {
    try {
      for (const { kind } of reader.push(chunk)) if (kind === 'close') session.close();
    } catch {
      session.close();
    }
  });
  socket.on('error', () => session.close());
  socket.on('close', () => session.close());
  await written(socket, message(Buffer.alloc(0)));
  for await (const frame of session.frames()) {
    const { buffer, byteOffset, length } = frame as Uint8Array;
    if (length > 0) await written(socket, message(Buffer.from(buffer, byteOffset, length)));
  }
  if (!socket.destroyed && !socket.writableEnded) socket.end(frameOf(OPCODE.close, NORMAL));
}
