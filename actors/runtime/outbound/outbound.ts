/**
 * Requests that components make themselves over HTTPS: webhooks of all sorts, extenders of the scheduler.
 * `createOutbound(world)` keeps connections for reuse; what fails says so in the words of Go's HTTP client, which is what
 * users of webhooks know.
 */
import { Agent, request as httpsRequest, type RequestOptions } from 'node:https';
import { Agent as PlainAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import type { World } from '../../../bus/world.ts';
import { explain } from './go-errors.ts';
import { StaleConnection, withFreshConnection } from './stale-connection.ts';
import { certificateProblem, dateProblem } from './verify.ts';

export interface OutboundRequest {
  readonly method: string;
  /** With scheme, host and query. */
  readonly url: string;
  /** Where the connection goes if not to the host of the URL; asked at each new connection. Throws: why there is none. */
  readonly route?: (() => { readonly host: string; readonly port: number }) | undefined;
  /** PEM of whom to trust; default: whom the system trusts. */
  readonly ca?: string | undefined;
  /** The name that the certificate is to have, if not that of the URL. */
  readonly serverName?: string | undefined;
  /** The server's certificate is not looked at. */
  readonly insecure?: boolean | undefined;
  /** PEM, of this client. */
  readonly certificate?: { readonly cert: string; readonly key: string } | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: Uint8Array | undefined;
  /** Ends the request; its reason's message is what the error says. */
  readonly signal: AbortSignal;
}
export interface OutboundAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}
/** Throws: Error with Go's text, `Post "https://x/": dial tcp 1.2.3.4:443: connect: connection refused`. */
export type Outbound = (request: OutboundRequest) => Promise<OutboundAnswer>;
/** By which of this machine's addresses a host is asked; undefined: the system chooses. */
export type SourceOf = (host: string) => string | undefined;
export interface OutboundClient {
  readonly call: Outbound;
  /** Closes connections that are kept. */
  close(): void;
}
const MAX_BYTES = 16 * 1024 * 1024;
/** Source: net/http DefaultTransport IdleConnTimeout. */
const IDLE_MS = 90_000;
const MAX_IDLE = 25;
/** Source: net/http client.go defaultCheckRedirect. */
const MAX_REDIRECTS = 10;

/** Connections are handed out once it is clear whose they are: by the dates, then the names, and last by who signed, as Go does. */
export class VerifyingAgent extends Agent {
  readonly #clock: World['clock'];
  constructor(clock: World['clock']) {
    super({ keepAlive: true, maxFreeSockets: MAX_IDLE, timeout: IDLE_MS });
    this.#clock = clock;
  }
  override createConnection(options: Options, callback: (error: Error | null, socket?: Duplex) => void): undefined {
    const socket = connect({ ...options, rejectUnauthorized: false, checkServerIdentity: () => undefined });
    const onError = (error: Error): void => callback(error);
    socket.once('error', onError);
    socket.once('secureConnect', () => {
      const problem = options.insecure ? undefined : this.#problem(socket, options.verifyAs);
      socket.off('error', onError);
      if (problem === undefined) return callback(null, socket);
      socket.on('error', () => undefined).destroy();
      callback(typeof problem === 'string' ? Object.assign(new Error(problem), { code: problem }) : problem);
    });
  }
  #problem(socket: TLSSocket, name: string): Error | undefined {
    const certificate = socket.getPeerCertificate();
    return (
      dateProblem(certificate, this.#clock.now()) ??
      certificateProblem(name, certificate) ??
      (socket.authorized ? undefined : socket.authorizationError)
    );
  }
  // Two hosts at one address are not to share a connection.
  override getName(options?: Partial<Options>): string {
    return `${super.getName(options)}:${options?.verifyAs ?? ''}:${options?.insecure === true}`;
  }
}
type Options = ConnectionOptions & { readonly verifyAs: string; readonly insecure?: boolean };

/**
 * `maxBytes`: of an answer, which is kept whole in memory; more is no answer. `plain`: what begins with `http://` is asked
 * without TLS.
 */
export function createOutbound(
  world: Pick<World, 'clock'>,
  {
    maxBytes = MAX_BYTES,
    plain = false,
    sourceOf,
  }: { readonly maxBytes?: number; readonly plain?: boolean; readonly sourceOf?: SourceOf | undefined } = {},
): OutboundClient {
  const agent = new VerifyingAgent(world.clock);
  const plainAgent = plain
    ? new PlainAgent({ keepAlive: true, maxFreeSockets: MAX_IDLE, timeout: IDLE_MS })
    : undefined;
  return {
    async call(first) {
      let request = first;
      for (let hops = 0; ; hops++) {
        const asked = request;
        const answer = await withFreshConnection(() => exchange(agent, plainAgent, asked, maxBytes, sourceOf));
        const next = redirected(request, answer);
        if (next === undefined) return answer;
        if (hops + 1 >= MAX_REDIRECTS)
          throw new Error(
            `${say({ ...next, url: answer.headers['location']! })}: stopped after ${MAX_REDIRECTS} redirects`,
          );
        request = next;
      }
    },
    close() {
      agent.destroy();
      plainAgent?.destroy();
    },
  };
}
/** `Post "https://x/"`. */
const say = ({ method, url }: OutboundRequest): string =>
  `${method[0]}${method.slice(1).toLowerCase()} ${JSON.stringify(url)}`;

/** Source: net/http client.go redirectBehavior. */
function redirected(request: OutboundRequest, { status, headers }: OutboundAnswer): OutboundRequest | undefined {
  const location = headers['location'];
  if (![301, 302, 303, 307, 308].includes(status) || location === undefined) return undefined;
  const url = new URL(location, request.url).href;
  const next = { ...request, url, ...(new URL(url).host !== new URL(request.url).host && forAnother(request)) };
  if (status === 307 || status === 308) return next;
  return { ...next, method: request.method === 'HEAD' ? 'HEAD' : 'GET', body: undefined };
}

/** A route was for the host that it named, and so was what proves who asks. */
const forAnother = ({ headers = {} }: OutboundRequest): Partial<OutboundRequest> => {
  const { authorization: _, ...others } = headers;
  return { route: undefined, serverName: undefined, certificate: undefined, headers: others };
};

function exchange(
  agent: Agent,
  plainAgent: PlainAgent | undefined,
  request: OutboundRequest,
  maxBytes: number,
  sourceOf?: SourceOf,
): Promise<OutboundAnswer> {
  const { url, method, body, signal } = request;
  const target = new URL(url);
  const named = target.hostname.replace(/^\[|\]$/g, '');
  const verifyAs = request.serverName ?? named;
  return new Promise((resolve, reject) => {
    const fail = (why: string, cause?: Error): void => reject(new Error(`${say(request)}: ${why}`, { cause }));
    const given = (): string => (signal.reason as Error | undefined)?.message ?? 'context canceled';
    if (signal.aborted) return fail(given());
    const isPlain = plainAgent !== undefined && target.protocol === 'http:';
    let to = { host: named, port: Number(target.port) || (isPlain ? 80 : 443) };
    try {
      to = request.route?.() ?? to;
    } catch (error) {
      return fail((error as Error).message);
    }
    const outgoing = (isPlain ? httpRequest : httpsRequest)(
      {
        agent: isPlain ? plainAgent : agent,
        method,
        host: to.host,
        port: to.port,
        localAddress: sourceOf?.(to.host),
        path: target.pathname + target.search,
        servername: isIP(verifyAs) === 0 ? verifyAs : '',
        headers: {
          host: target.host,
          ...request.headers,
          ...(body !== undefined && { 'content-length': body.length }),
        },
        ...(request.ca !== undefined && { ca: request.ca }),
        ...request.certificate,
        // By which the agent knows for whom a connection is good.
        verifyAs,
        insecure: request.insecure,
      } as RequestOptions,
      (incoming) => {
        answered = true;
        collect(incoming, maxBytes).then(
          (bytes) => resolve({ status: incoming.statusCode ?? 0, headers: flat(incoming), body: bytes }),
          (error: unknown) => {
            const why = signal.aborted ? given() : (error as Error).message;
            reject(new Error(`unexpected error when reading response body. Please retry. Original error: ${why}`));
          },
        );
      },
    );
    let answered = false;
    const onAbort = (): void => void outgoing.destroy(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
    outgoing.on('close', () => signal.removeEventListener('abort', onAbort));
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      // What becomes of an answer that has begun is told by who reads it.
      if (answered) return;
      if (signal.aborted) return fail(given());
      if (outgoing.reusedSocket && error.code === 'EPIPE') return reject(new StaleConnection());
      fail(explain(error, to), error);
    });
    outgoing.end(body);
  });
}
const flat = ({ headers }: IncomingMessage): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value[0]! : (value ?? '')]),
  );
function collect(incoming: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    incoming.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= maxBytes) return void chunks.push(chunk);
      reject(new Error(`the answer is longer than ${maxBytes} bytes`));
      incoming.destroy();
    });
    incoming.on('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'ECONNRESET' ? new Error('unexpected EOF') : error),
    );
    incoming.on('end', () => resolve(Buffer.concat(chunks)));
  });
}
