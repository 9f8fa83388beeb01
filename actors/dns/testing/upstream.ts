import { createSocket, type Socket } from 'node:dgram';
import { createServer, type Server } from 'node:net';

/** What a name server of a test does with a packet: answers with these, in this order; none: it is silent. */
export type Behaviour = (query: Buffer, via: 'udp' | 'tcp') => readonly Buffer[];

/** Another name server, on one port of UDP and TCP; `asked` are the packets that came. */
export async function startUpstream(behaviour: Behaviour) {
  const asked: { readonly via: 'udp' | 'tcp'; readonly packet: Buffer }[] = [];
  const tcp = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', (part) => {
      const packet = part.subarray(2);
      asked.push({ via: 'tcp', packet });
      for (const answer of behaviour(packet, 'tcp')) {
        const size = Buffer.alloc(2);
        size.writeUInt16BE(answer.length);
        socket.write(Buffer.concat([size, answer]));
      }
    });
  });
  const { udp, port } = await listen(tcp);
  udp.on('message', (packet, { port, address }) => {
    asked.push({ via: 'udp', packet });
    for (const answer of behaviour(packet, 'udp')) udp.send(answer, port, address);
  });
  return {
    host: '127.0.0.1',
    port,
    asked,
    /** Of these, those that are no probes for loops. */
    questions: () => asked.filter(({ packet }) => packet.readUInt16BE(skip(packet)) !== 13),
    close: async () => {
      await Promise.all([new Promise<void>((done) => udp.close(done)), new Promise((done) => tcp.close(done))]);
    },
  };
}
/** A port that is free for both. */
async function listen(tcp: Server): Promise<{ readonly udp: Socket; readonly port: number }> {
  for (;;) {
    await new Promise<void>((listening) => tcp.listen(0, '127.0.0.1', listening));
    const { port } = tcp.address() as { port: number };
    const udp = createSocket('udp4');
    const isBound = await new Promise<boolean>((resolve) => {
      udp.once('error', () => resolve(false));
      udp.bind(port, '127.0.0.1', () => resolve(true));
    });
    if (isBound) return { udp, port };
    udp.close();
    await new Promise((done) => tcp.close(done));
  }
}
/** Where the type of the question stands. */
function skip(packet: Buffer): number {
  let at = 12;
  while (packet[at]! > 0) at += 1 + packet[at]!;
  return at + 1;
}
export interface Told {
  readonly rcode?: number;
  readonly truncated?: boolean;
  /** Records as `[type, ttl, data]`, of the name that was asked; of the answer section. */
  readonly records?: readonly (readonly [type: number, ttl: number, data: Buffer])[];
  /** Of the authority section. */
  readonly authority?: readonly (readonly [type: number, ttl: number, data: Buffer])[];
}
/** An answer to `query`, with an OPT record as most have. */
export function answerTo(query: Buffer, { rcode = 0, truncated = false, records = [], authority = [] }: Told): Buffer {
  const end = skip(query) + 4;
  const head = Buffer.from(query.subarray(0, end));
  head[2] = 0x80 | (truncated ? 2 : 0) | (head[2]! & 1);
  head[3] = 0x80 | rcode;
  [1, records.length, authority.length, 1].forEach((n, i) => head.writeUInt16BE(n, 4 + 2 * i));
  const sections = [...records, ...authority].map(([type, ttl, data]) => {
    const record = Buffer.alloc(12);
    record.writeUInt16BE(0xc00c);
    record.writeUInt16BE(type, 2);
    record.writeUInt16BE(1, 4);
    record.writeUInt32BE(ttl, 6);
    record.writeUInt16BE(data.length, 10);
    return Buffer.concat([record, data]);
  });
  return Buffer.concat([head, ...sections, Buffer.from([0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, 0])]);
}
