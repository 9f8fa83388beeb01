import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { World } from '../../bus/world.ts';
import type { Hub } from './hub.ts';
import type { Logins } from './logins.ts';
import { takeProgram } from './stately-in.ts';
import { tellVisualizer } from './stately-out.ts';

/** A frame holds a whole context; what is larger is no use to anyone. */
const MAX_FRAME_BYTES = 4 << 20;
const MAX_SOCKETS = 64;

export interface Sockets {
  /** For the `upgrade` of a server. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  close(): void;
}
/** The WebSocket endpoints. Whoever connects shows the token that the console printed: pages of other origins have none. */
export function createSockets(o: {
  readonly hub: Hub;
  readonly world: World;
  readonly logins: Logins;
  readonly definitionOf: (machine: string) => string | undefined;
}): Sockets {
  const server = new WebSocketServer({ noServer: true, maxPayload: MAX_FRAME_BYTES });
  const refuse = (socket: Duplex, code: number, text: string): void => {
    socket.end(`HTTP/1.1 ${code} ${text}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  };
  return {
    upgrade(request, socket, head) {
      socket.on('error', () => socket.destroy());
      const url = new URL(request.url ?? '/', 'ws://console');
      const isIn = url.pathname === '/stately/in';
      if (!isIn && url.pathname !== '/stately/out') return refuse(socket, 404, 'Not Found');
      if (!o.logins.isWireToken(url.searchParams.get('token') ?? '')) return refuse(socket, 401, 'Unauthorized');
      if (server.clients.size >= MAX_SOCKETS) return refuse(socket, 503, 'Service Unavailable');
      server.handleUpgrade(request, socket, head, (ws) => {
        if (isIn) takeProgram(ws, o.hub.programs);
        else tellVisualizer(ws, url.searchParams, o);
      });
    },
    close() {
      for (const client of server.clients) client.terminate();
      server.close();
    },
  };
}
