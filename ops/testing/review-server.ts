import type { ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { ensurePki } from '../pki/pki.ts';
import { tempFolder } from '../../actors/apiserver/testing/servers.ts';

/** A server that is asked for reviews (of tokens, of access), and what it was asked. */
export interface ReviewServer<Review> {
  readonly url: string;
  /** PEM of who signed its certificate. */
  readonly ca: string;
  close(): Promise<void>;
  asked: Review[];
  respond: (response: ServerResponse, review: Review) => void;
}
export async function startReviewServer<Review>(): Promise<ReviewServer<Review>> {
  const folder = tempFolder();
  const pki = await ensurePki(folder.path, ['127.0.0.1'], Date.now());
  const server = createServer({ key: pki.serverKey, cert: pki.serverCert }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const review = JSON.parse(Buffer.concat(chunks).toString()) as Review;
      reviews.asked.push(review);
      response.setHeader('content-type', 'application/json');
      reviews.respond(response, review);
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const reviews: ReviewServer<Review> = {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    ca: pki.ca,
    asked: [],
    respond: (response) => void response.writeHead(500).end(),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      folder.remove();
    },
  };
  return reviews;
}
