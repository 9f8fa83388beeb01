import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}
/** A certificate and its key, PEM; empty for someone who shows none. */
export interface Identity {
  readonly cert?: string;
  readonly key?: string;
}
/** A plain HTTPS client, with the administrator's certificate of a kubeconfig that `kubus up` wrote or as somebody else. */
export class HttpsClient {
  readonly #agent: Agent;
  readonly #server: URL;
  /** What node:tls needs to connect as this client. */
  readonly tls: Identity & { readonly host: string; readonly port: number; readonly ca: Buffer };
  constructor(kubeconfig: string, identity?: Identity) {
    const config = JSON.parse(readFileSync(kubeconfig, 'utf8')) as {
      clusters: { cluster: { server: string; 'certificate-authority-data': string } }[];
      users: { user: { 'client-certificate-data': string; 'client-key-data': string } }[];
    };
    const { cluster } = config.clusters[0]!;
    const { user } = config.users[0]!;
    const pem = (data: string): Buffer => Buffer.from(data, 'base64');
    this.#server = new URL(cluster.server);
    const ca = pem(cluster['certificate-authority-data']);
    const who = identity ?? {
      cert: pem(user['client-certificate-data']).toString(),
      key: pem(user['client-key-data']).toString(),
    };
    this.tls = { host: this.#server.hostname, port: Number(this.#server.port), ca, ...who };
    this.#agent = new Agent({ keepAlive: true, ca, ...who });
  }
  /** Rejects when no answer came; resolves with whatever the server answered. */
  send(method: string, path: string, body?: string | Buffer, headers: Record<string, string> = {}): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const outgoing = request(
        {
          agent: this.#agent,
          host: this.#server.hostname,
          port: this.#server.port,
          path,
          method,
          headers: {
            ...(body !== undefined && { 'content-type': 'application/json' }),
            // Node would leave it out of a DELETE.
            ...(body !== undefined &&
              headers['transfer-encoding'] === undefined && { 'content-length': Buffer.byteLength(body) }),
            ...headers,
          },
        },
        (incoming) => {
          const chunks: Buffer[] = [];
          incoming.on('data', (c: Buffer) => chunks.push(c));
          incoming.on('end', () =>
            resolve({
              status: incoming.statusCode!,
              headers: incoming.headers,
              text: Buffer.concat(chunks).toString('utf8'),
            }),
          );
          incoming.on('error', reject);
        },
      );
      outgoing.setTimeout(20_000, () => outgoing.destroy(new Error('no answer within 20 s')));
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  }
  close(): void {
    this.#agent.destroy();
  }
}
