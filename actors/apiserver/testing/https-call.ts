import { request, type RequestOptions } from 'node:https';
import type { IncomingHttpHeaders } from 'node:http';

export interface HttpsAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}
/** Longer than any answer takes, ms. */
const PATIENCE_MS = 10_000;

/** One request to a server on loopback; rejects when no answer came. Bodies that are objects are sent as JSON. */
export function httpsCall(options: RequestOptions, body?: unknown): Promise<HttpsAnswer> {
  return new Promise((resolve, reject) => {
    const { headers } = options;
    const outgoing = request(
      {
        host: '127.0.0.1',
        agent: false,
        ...options,
        headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...(headers as object) },
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('error', reject);
        incoming.on('end', () =>
          resolve({
            status: incoming.statusCode!,
            headers: incoming.headers,
            text: Buffer.concat(chunks).toString(),
          }),
        );
      },
    );
    outgoing.setTimeout(PATIENCE_MS, () => outgoing.destroy(new Error('it hangs')));
    outgoing.on('error', reject);
    outgoing.end(typeof body === 'string' || Buffer.isBuffer(body) ? body : body && JSON.stringify(body));
  });
}
