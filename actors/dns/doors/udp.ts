import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { Logger } from '../../../bus/world.ts';
import type { Serve } from '../server.ts';

export interface Door {
  readonly port: number;
  /** Takes nothing new; resolves when what was taken is answered, or given up. */
  close(): Promise<void>;
}
export interface DoorOptions {
  /** An address of this machine. */
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
  readonly serve: Serve;
  readonly log: Logger;
}
/** Of what has come and is not read yet; the kernel may allow less. */
const BUFFER_BYTES = 1 << 20;

/** Rejects when the port cannot be had. */
export function openUdp({ host, port, serve, log }: DoorOptions): Promise<Door> {
  return new Promise((resolve, reject) => {
    const socket = createSocket({
      type: isIPv6(host) ? 'udp6' : 'udp4',
      // Replicas of one cluster share their port: the kernel deals packets out.
      reusePort: true,
      recvBufferSize: BUFFER_BYTES,
      sendBufferSize: BUFFER_BYTES,
      // They are addresses already.
      lookup: (address, _options, done) => done(null, address, isIPv6(address) ? 6 : 4),
    });
    const pending = new Set<Promise<unknown>>();
    let isOpen = true;
    // Whoever cannot be reached asks again.
    const sent = (): void => undefined;
    const send = (answer: Buffer | undefined, to: number, address: string): void => {
      if (answer !== undefined && isOpen) socket.send(answer, 0, answer.length, to, address, sent);
    };
    const close = async (): Promise<void> => {
      socket.off('message', onMessage);
      await Promise.allSettled(pending);
      isOpen = false;
      await new Promise<void>((closed) => socket.close(() => closed()));
    };
    function onMessage(packet: Buffer, from: { readonly address: string; readonly port: number }): void {
      // Nobody can be answered there.
      if (from.port === 0) return;
      const answer = serve(packet, 'udp');
      if (!(answer instanceof Promise)) return send(answer, from.port, from.address);
      const { address, port: to } = from;
      const waiting = answer
        .then((bytes) => send(bytes, to, address))
        .catch((err: unknown) => log.error('a question could not be answered', { err }))
        .finally(() => pending.delete(waiting));
      pending.add(waiting);
    }
    const failed = (error: Error): void => {
      socket.close();
      reject(error);
    };
    socket.once('error', failed);
    socket.bind(port, host, () => {
      socket.off('error', failed);
      socket.on('error', (err) => log.warn('the UDP socket has an error', { err }));
      socket.on('message', onMessage);
      resolve({ port: socket.address().port, close });
    });
  });
}
