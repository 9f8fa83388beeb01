import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';

export interface Review {
  readonly apiVersion: string;
  readonly request: Readonly<Record<string, unknown>> & { readonly uid: string };
}
export type Respond = (review: Review, response: ServerResponse, request: IncomingMessage) => object | undefined | void;
export interface HookServer {
  readonly port: number;
  /** Paths that were asked, in order, with what was sent. */
  readonly asked: { readonly path: string; readonly review: Review }[];
  /** How a path answers: what it returns is laid over an AdmissionResponse that allows; undefined: it answers by itself. */
  on(path: string, respond: Respond): string;
  stop(): Promise<void>;
}
/** A webhook on loopback, with a real certificate. */
export async function startHookServer(tls: { readonly key: string; readonly cert: string }): Promise<HookServer> {
  const paths = new Map<string, Respond>();
  const asked: HookServer['asked'] = [];
  const server = createServer(tls, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const path = new URL(request.url ?? '', 'https://x').pathname;
      const text = Buffer.concat(chunks).toString();
      const review = (text === '' ? { apiVersion: '', request: { uid: '' } } : JSON.parse(text)) as Review;
      asked.push({ path, review });
      const given = paths.get(path)?.(review, response, request);
      if (given === undefined) return;
      response.setHeader('content-type', 'application/json');
      const { apiVersion } = review;
      const answer = { uid: review.request.uid, allowed: true, ...given };
      response.end(JSON.stringify({ kind: 'AdmissionReview', apiVersion, response: answer }));
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    asked,
    on(path, respond) {
      paths.set(path, respond);
      return `https://127.0.0.1:${port}${path}`;
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
export const jsonPatch = (...operations: object[]) => ({
  patchType: 'JSONPatch',
  patch: Buffer.from(JSON.stringify(operations)).toString('base64'),
});
