import { createSocket } from 'node:dgram';
import { connect } from 'node:net';

/** What a server answers to a packet. Rejects after `timeoutMs`. */
export function askUdp(packet: Buffer, port: number, timeoutMs = 5_000, host = '127.0.0.1'): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4');
    const timer = setTimeout(() => end(new Error(`no answer from port ${port}`)), timeoutMs);
    const end = (error: Error | undefined, answer?: Buffer): void => {
      clearTimeout(timer);
      socket.close();
      if (answer === undefined) reject(error!);
      else resolve(answer);
    };
    socket.once('error', end);
    socket.once('message', (answer) => end(undefined, answer));
    socket.send(packet, port, host);
  });
}
/** Answers to several packets of one connection, as they come. */
export function askTcp(packets: readonly Buffer[], port: number, timeoutMs = 5_000): Promise<Buffer[]> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port });
    const answers: Buffer[] = [];
    let waiting = Buffer.alloc(0);
    const timer = setTimeout(() => socket.destroy(new Error(`no answer from port ${port}`)), timeoutMs);
    socket.on('error', reject);
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(answers);
    });
    socket.on('data', (part) => {
      waiting = Buffer.concat([waiting, part]);
      while (waiting.length >= 2 && waiting.length >= 2 + waiting.readUInt16BE(0)) {
        const size = waiting.readUInt16BE(0);
        answers.push(Buffer.from(waiting.subarray(2, 2 + size)));
        waiting = waiting.subarray(2 + size);
      }
      if (answers.length === packets.length) socket.end();
    });
    for (const packet of packets) {
      const size = Buffer.alloc(2);
      size.writeUInt16BE(packet.length);
      socket.write(Buffer.concat([size, packet]));
    }
  });
}
