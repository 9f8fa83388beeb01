import { request as httpsRequest } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { createHash, randomBytes } from 'node:crypto';
import { connect } from 'node:tls';
import { gunzipSync } from 'node:zlib';
import { HttpsClient } from '../../testing/https.ts';

/** An answer, its body as bytes, unzipped. */
export interface WireAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly bytes: Buffer;
  readonly zipped: boolean;
}
export interface Asked {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Buffer | undefined;
  /** How long a watch is listened to; of it the bytes that came. */
  readonly listenMs?: number | undefined;
}
const PATIENCE_MS = 20_000;

/** Asks one server, and reads the answer without understanding it. */
export class WireClient {
  readonly #tls: HttpsClient['tls'];
  constructor(kubeconfig: string) {
    const client = new HttpsClient(kubeconfig);
    this.#tls = client.tls;
    client.close();
  }
  ask({ method = 'GET', path, headers = {}, body, listenMs }: Asked): Promise<WireAnswer> {
    const { host, port, ca, cert, key } = this.#tls;
    return new Promise((resolve, reject) => {
      const outgoing = httpsRequest(
        { host, port, ca, path, method, ...(cert && { cert }), ...(key && { key }), agent: false, maxHeaderSize: 1 << 20,
          headers: { ...(body !== undefined && { 'content-length': Buffer.byteLength(body) }), ...headers } as Record<string, string> },
        (incoming) => collect(incoming, listenMs, resolve),
      ); // prettier-ignore
      outgoing.setTimeout(PATIENCE_MS, () => outgoing.destroy(new Error(`no answer: ${method} ${path}`)));
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  }
  /** Opens a WebSocket and collects its frames as `opcode:payload` until the time is over; or the refusal. */
  webSocket(path: string, headers: Readonly<Record<string, string>>, listenMs: number): Promise<string[]> {
    const { host, port, ca, cert, key } = this.#tls;
    return new Promise((resolve, reject) => {
      const socket = connect({ host, port, ca, ...(cert && { cert }), ...(key && { key }) });
      let seen = Buffer.alloc(0);
      socket.on('data', (chunk: Buffer) => (seen = Buffer.concat([seen, chunk])));
      socket.on('error', reject);
      const nonce = randomBytes(16).toString('base64');
      socket.on('secureConnect', () => {
        const all = { Host: host, Origin: `https://${host}`, Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': nonce, ...headers }; // prettier-ignore
        socket.write(`GET ${path} HTTP/1.1\r\n${Object.entries(all).map(([k, v]) => `${k}: ${v}\r\n`).join('')}\r\n`); // prettier-ignore
      });
      setTimeout(() => {
        socket.destroy();
        const accept = createHash('sha1').update(`${nonce}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
        resolve(framesOf(seen, accept));
      }, listenMs);
    });
  }
}
function collect(incoming: IncomingMessage, listenMs: number | undefined, resolve: (answer: WireAnswer) => void): void {
  const chunks: Buffer[] = [];
  const done = (): void => {
    const raw = Buffer.concat(chunks);
    const zipped = incoming.headers['content-encoding'] === 'gzip';
    resolve({ status: incoming.statusCode!, headers: incoming.headers, bytes: zipped ? gunzipSync(raw) : raw, zipped });
    incoming.destroy();
  };
  incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
  incoming.on('end', done);
  incoming.on('error', done);
  if (listenMs !== undefined) setTimeout(done, listenMs);
}
function framesOf(seen: Buffer, accept: string): string[] {
  const end = seen.indexOf('\r\n\r\n');
  const head = seen.subarray(0, Math.max(0, end)).toString();
  const [first = ''] = head.split('\r\n');
  const protocol = /^sec-websocket-protocol: (.*)$/im.exec(head)?.[1] ?? '';
  if (!first.includes(' 101 ')) return [first, seen.subarray(end + 4).toString()];
  const out = [`${first.split(' ')[1]} ${protocol} ${head.includes(accept) ? 'accepted' : 'wrong accept'}`];
  for (let at = end + 4; at + 2 <= seen.length;) {
    const opcode = seen[at]! & 0x0f;
    let length = seen[at + 1]! & 0x7f;
    at += 2;
    if (length === 126) [length, at] = [seen.readUInt16BE(at), at + 2];
    else if (length === 127) [length, at] = [Number(seen.readBigUInt64BE(at)), at + 8];
    out.push(`${opcode}:${seen.subarray(at, at + length).toString('latin1')}`);
    at += length;
  }
  return out;
}
