import { createServer, type Socket } from 'node:net';
import type { Door, DoorOptions } from './udp.ts';

/** Source: miekg/dns server.go: idle timeout; ours: how many at once, as others on this machine need room too. */
const IDLE_MS = 8_000;
const MAX_CONNECTIONS = 1_000;
/** Questions of one connection that are being answered; it is not read from meanwhile. */
const MAX_PENDING = 100;
/** Answers that a client does not read. */
const MAX_UNREAD_BYTES = 1 << 20;
/** Of a client, to read its last answers and go. */
const LEAVE_MS = 1_000;
const LENGTH_BYTES = 2;

/** Several questions may follow each other on a connection; answers come as they are ready. Rejects when the port cannot be had. */
export function openTcp({ host, port, serve, log }: DoorOptions): Promise<Door> {
  return new Promise((resolve, reject) => {
    /** Each with what ends it once it owes nothing. */
    const sockets = new Map<Socket, () => void>();
    let isClosing = false;
    const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
      let parts: Buffer[] = [];
      let have = 0;
      /** Of the message that is being read, with its length. */
      let need = LENGTH_BYTES;
      let pending = 0;
      let isOver = false;
      const endIfDone = (): void => {
        if (pending === 0 && (isOver || isClosing)) socket.end();
      };
      sockets.set(socket, endIfDone);
      const send = (answer: Buffer | undefined): void => {
        if (answer === undefined || !socket.writable) return;
        const out = Buffer.allocUnsafe(LENGTH_BYTES + answer.length);
        out.writeUInt16BE(answer.length);
        answer.copy(out, LENGTH_BYTES);
        socket.write(out);
        if (socket.writableLength > MAX_UNREAD_BYTES) socket.destroy();
      };
      const answerTo = (packet: Buffer): void => {
        const answer = serve(packet, 'tcp');
        if (!(answer instanceof Promise)) {
          // Who sends what is no question has something else in mind.
          if (answer === undefined) socket.destroy();
          else send(answer);
          return;
        }
        pending++;
        answer
          .then(send)
          .catch((err: unknown) => log.error('a question could not be answered', { err }))
          .finally(() => {
            pending--;
            take();
            if (pending < MAX_PENDING && !isClosing) socket.resume();
            endIfDone();
          });
      };
      const take = (): void => {
        while (!socket.destroyed && !isClosing && pending < MAX_PENDING && have >= need) {
          const all = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
          parts = [all];
          const whole = LENGTH_BYTES + all.readUInt16BE(0);
          need = whole;
          if (have < whole) break;
          parts = have === whole ? [] : [all.subarray(whole)];
          have -= whole;
          need = LENGTH_BYTES;
          answerTo(all.subarray(LENGTH_BYTES, whole));
        }
        if (pending >= MAX_PENDING) socket.pause();
      };
      socket.on('data', (part) => {
        parts.push(part);
        have += part.length;
        take();
      });
      socket.on('end', () => {
        isOver = true;
        endIfDone();
      });
      socket.setTimeout(IDLE_MS, () => socket.destroy());
      socket.on('error', () => socket.destroy());
      socket.on('close', () => sockets.delete(socket));
    });
    server.maxConnections = MAX_CONNECTIONS;
    const close = (): Promise<void> => {
      isClosing = true;
      return new Promise((closed) => {
        server.close(() => closed());
        for (const [socket, endIfDone] of sockets) {
          socket.setTimeout(LEAVE_MS, () => socket.destroy());
          endIfDone();
        }
      });
    };
    server.once('error', reject);
    server.listen({ host, port, reusePort: true }, () => {
      server.off('error', reject);
      server.on('error', (err) => log.warn('the TCP socket has an error', { err }));
      const address = server.address();
      resolve({ port: address !== null && typeof address === 'object' ? address.port : port, close });
    });
  });
}
