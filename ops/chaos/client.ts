import { readFileSync } from 'node:fs';
import { Agent, request, type RequestOptions } from 'node:https';
import type { IncomingMessage } from 'node:http';

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}
interface Kubeconfig {
  readonly clusters: readonly { readonly cluster: { readonly server: string; readonly 'certificate-authority-data': string } }[];
  readonly users: readonly { readonly user: { readonly 'client-certificate-data': string; readonly 'client-key-data': string } }[];
} // prettier-ignore

/** A client of one API server. Nothing is tried twice: what a request came to is for the caller to know. */
export class Client {
  readonly server: string;
  readonly #agent: Agent;
  readonly #url: URL;

  constructor(kubeconfig: string) {
    const { clusters, users } = JSON.parse(readFileSync(kubeconfig, 'utf8')) as Kubeconfig;
    const pem = (data: string): Buffer => Buffer.from(data, 'base64');
    this.#url = new URL(clusters[0]!.cluster.server);
    this.server = this.#url.host;
    this.#agent = new Agent({
      keepAlive: true,
      maxSockets: Infinity,
      ca: pem(clusters[0]!.cluster['certificate-authority-data']),
      cert: pem(users[0]!.user['client-certificate-data']),
      key: pem(users[0]!.user['client-key-data']),
    });
  }
  /** Rejects when no whole answer came within the time. */
  send(method: string, path: string, body: unknown, timeoutMs: number): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const text = body === undefined ? undefined : JSON.stringify(body);
      const outgoing = request(this.#options(method, path, text), (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('error', reject);
        incoming.on('aborted', () => reject(new Error('the answer was cut off')));
        incoming.on('end', () => {
          clearTimeout(timer);
          try {
            resolve({ status: incoming.statusCode!, body: JSON.parse(Buffer.concat(chunks).toString('utf8')) });
          } catch (error) {
            reject(error);
          }
        });
      });
      const timer = setTimeout(() => outgoing.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
      outgoing.on('error', (error) => {
        clearTimeout(timer);
        reject(error);
      });
      outgoing.end(text);
    });
  }
  /**
   * The lines of a watch until it ends; rejects with what ended it. Silence of `silenceMs` ends it too: whoever is
   * stopped says nothing. `onOpen` is called when the server has agreed.
   */
  async *watch(path: string, silenceMs: number, signal: AbortSignal, onOpen: () => void): AsyncGenerator {
    const incoming = await new Promise<IncomingMessage>((resolve, reject) => {
      const outgoing = request({ ...this.#options('GET', path), signal }, resolve);
      outgoing.setTimeout(silenceMs, () => outgoing.destroy(new Error('silence')));
      outgoing.on('error', reject);
      outgoing.end();
    });
    if (incoming.statusCode === 200) onOpen();
    let rest = '';
    for await (const chunk of incoming.setEncoding('utf8')) {
      const lines = (rest + (chunk as string)).split('\n');
      rest = lines.pop()!;
      for (const line of lines) yield JSON.parse(line);
    }
    if (incoming.statusCode !== 200) yield JSON.parse(rest);
  }
  close(): void {
    this.#agent.destroy();
  }
  #options(method: string, path: string, text?: string): RequestOptions {
    return {
      agent: this.#agent,
      host: this.#url.hostname,
      port: this.#url.port,
      method,
      path,
      headers: {
        ...(text !== undefined && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
      },
    };
  }
}
