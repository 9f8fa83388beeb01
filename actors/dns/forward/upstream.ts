import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import type { World } from '../../../bus/world.ts';
import { answers } from '../wire/message.ts';

/** Another name server. */
export interface Upstream {
  /** An address, no name. */
  readonly host: string;
  readonly port: number;
}
export const upstreamText = ({ host, port }: Upstream): string =>
  isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
interface Asking {
  readonly to: Upstream;
  /** A whole query, whose first question ends at `questionEnd`. */
  readonly packet: Buffer;
  readonly questionEnd: number;
  readonly timeoutMs: number;
  readonly clock: World['clock'];
  readonly signal: AbortSignal;
}
/** Two bytes of length go before each message. */
const LENGTH_BYTES = 2;

/** One question by UDP, from a port that nobody can guess. Rejects when it is refused, or nothing that answers it comes in time. */
export function askByUdp({ to, packet, questionEnd, timeoutMs, clock, signal }: Asking): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(isIPv6(to.host) ? 'udp6' : 'udp4');
    const end = (error?: Error, answer?: Buffer): void => {
      clock.clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      socket.removeAllListeners();
      socket.on('error', () => undefined);
      try {
        socket.close();
      } catch {
        // It was never opened, or is closed.
      }
      if (answer !== undefined) resolve(answer);
      else reject(error ?? new Error('ended'));
    };
    const onAbort = (): void => end(new Error('stopped'));
    const timer = clock.setTimeout(() => end(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    signal.addEventListener('abort', onAbort, { once: true });
    socket.on('error', end);
    // Whatever else comes is not for us to believe.
    socket.on('message', (answer) => answers(answer, packet, questionEnd) && end(undefined, answer));
    socket.once('connect', () => socket.send(packet, (error) => error && end(error)));
    socket.connect(to.port, to.host);
  });
}
/** The same by TCP, for what is too large. */
export function askByTcp({ to, packet, questionEnd, timeoutMs, clock, signal }: Asking): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: to.host, port: to.port });
    const end = (error?: Error, answer?: Buffer): void => {
      clock.clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      socket.removeAllListeners().on('error', () => undefined);
      socket.destroy();
      if (answer !== undefined) resolve(answer);
      else reject(error ?? new Error('the connection was closed before the answer was whole'));
    };
    const onAbort = (): void => end(new Error('stopped'));
    const timer = clock.setTimeout(() => end(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    signal.addEventListener('abort', onAbort, { once: true });
    const parts: Buffer[] = [];
    let length = 0;
    socket.on('error', end);
    socket.on('close', () => end());
    socket.on('data', (part) => {
      parts.push(part);
      length += part.length;
      if (length < LENGTH_BYTES) return;
      const all = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
      const size = all.readUInt16BE(0);
      if (length < LENGTH_BYTES + size) return;
      const answer = all.subarray(LENGTH_BYTES, LENGTH_BYTES + size);
      if (answers(answer, packet, questionEnd)) end(undefined, answer);
      else end(new Error('it answered another question'));
    });
    const size = Buffer.alloc(LENGTH_BYTES);
    size.writeUInt16BE(packet.length);
    socket.write(Buffer.concat([size, packet]));
  });
}
