import { connect } from 'node:tls';
import { parentPort, workerData } from 'node:worker_threads';

/** What a worker is told that keeps `connections` requests in flight, one on each connection, until it is ended. */
export interface FloodOptions {
  readonly host: string;
  readonly port: number;
  readonly key: string;
  readonly cert: string;
  readonly connections: number;
  /** The whole request: head and body. */
  readonly request: string;
  /** How long a refused request is waited for before it is sent again, ms; 0: at once. */
  readonly patienceMs: number;
}
/** Answers by code so far. */
export type FloodCounts = Record<number, number>;
/** What a worker tells when it is sent anything. */
export interface FloodReport {
  readonly counts: FloodCounts;
  /** Connections that have had an answer. */
  readonly heard: number;
}

const HEAD_END = Buffer.from('\r\n\r\n');
if (parentPort !== null) flood(workerData as FloodOptions);

/** HTTP/1.1 by hand: a client library would cost more than the server it is to load. */
function flood({ host, port, key, cert, connections, request, patienceMs }: FloodOptions): void {
  const counts: FloodCounts = {};
  let heard = 0;
  const open = (): void => {
    const socket = connect({ host, port, key, cert, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] });
    let rest: Buffer = Buffer.alloc(0);
    let missing = 0;
    let isHeard = false;
    const send = (): void => void socket.write(request);
    socket.setNoDelay(true);
    socket.on('secureConnect', send);
    socket.on('error', () => {});
    socket.on('close', () => setTimeout(open, 20));
    socket.on('data', (chunk: Buffer) => {
      if (missing > 0) {
        missing -= chunk.length;
        if (missing <= 0) send();
        return;
      }
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      const end = rest.indexOf(HEAD_END);
      if (end < 0) return;
      const head = rest.toString('latin1', 0, end);
      const code = Number(head.slice(9, 12));
      counts[code] = (counts[code] ?? 0) + 1;
      if (!isHeard) heard++;
      isHeard = true;
      missing = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0) - (rest.length - end - 4);
      rest = Buffer.alloc(0);
      if (code === 429 && patienceMs > 0) {
        missing = 0;
        setTimeout(send, patienceMs);
      } else if (missing <= 0) send();
    });
  };
  for (let i = 0; i < connections; i++) open();
  parentPort!.on('message', () => parentPort!.postMessage({ counts, heard } satisfies FloodReport));
}
