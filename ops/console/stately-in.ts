import type { WebSocket } from 'ws';
import type { ExternalPrograms } from './external.ts';
import { frameOf } from './stately-frames.ts';

/**
 * One XState program that was told `createWebSocketInspector({ url: 'ws(s)://.../stately/in?token=...' })`: its actors
 * appear in the page while the connection lasts. What is no frame is passed over.
 */
export function takeProgram(socket: WebSocket, programs: ExternalPrograms): void {
  const program = programs.join();
  socket.on('message', (data: Buffer, isBinary) => {
    if (isBinary) return;
    const frame = frameOf(data.toString('utf8'));
    if (frame !== undefined) program.take(frame);
  });
  socket.on('error', () => socket.terminate());
  socket.on('close', () => program.leave());
}
