import type { Duplex } from 'node:stream';
import { STREAM, type StreamInput, type StreamStatus } from '../../../bus/protocol/node.ts';
import type { World } from '../../../bus/world.ts';
import { SpdyConnection } from '../spdy/connection.ts';
import type { SpdyStream } from '../spdy/stream.ts';
import { written } from '../written.ts';
import { merge } from '../merge.ts';
import type { RemoteStreams, Wanted } from './remote-streams.ts';
import { statusJson, statusText } from './status-json.ts';
import { TerminalSizes } from './terminal-size.ts';

/** Of exec and attach, the newest first. Source: cri-streaming remotecommand SupportedStreamingProtocols. */
export const SPDY_PROTOCOLS = ['v4.channel.k8s.io', 'v3.channel.k8s.io', 'v2.channel.k8s.io', 'channel.k8s.io'] as const; // prettier-ignore
export type SpdyProtocol = (typeof SPDY_PROTOCOLS)[number];
/** Source: cri-streaming DefaultConfig StreamCreationTimeout. */
const CREATION_MS = 30_000;

type Name = 'error' | 'stdin' | 'stdout' | 'stderr' | 'resize';
const NAMES: readonly string[] = ['error', 'stdin', 'stdout', 'stderr', 'resize'] satisfies Name[];

/** A process of exec or attach whose streams are those of a SPDY connection, which the client opens. */
export class SpdyStreams implements RemoteStreams {
  /** Resolves when the client has opened what it asked for; rejects if it takes too long. */
  readonly ready: Promise<void>;
  readonly gone: Promise<unknown>;
  readonly #connection: SpdyConnection;
  readonly #streams = new Map<Name, SpdyStream>();
  readonly #tellsStatus: boolean;

  constructor(world: Pick<World, 'clock'>, socket: Duplex, protocol: SpdyProtocol, wanted: Wanted) {
    this.gone = new Promise((resolve) => socket.once('close', resolve));
    this.#tellsStatus = protocol === 'v4.channel.k8s.io';
    const canResize = protocol === 'v4.channel.k8s.io' || protocol === 'v3.channel.k8s.io';
    const asked = { error: true, stdin: wanted.stdin, stdout: wanted.stdout, stderr: wanted.stderr, resize: wanted.tty && canResize }; // prettier-ignore
    const missing = new Set(Object.entries(asked).flatMap(([name, isAsked]) => (isAsked ? [name as Name] : [])));
    const ready = Promise.withResolvers<void>();
    ready.promise.catch(() => {});
    this.ready = ready.promise;
    const late = world.clock.setTimeout(() => ready.reject(new Error('timed out waiting for client to create streams')), CREATION_MS); // prettier-ignore
    this.#connection = new SpdyConnection(socket, true, (stream) => {
      const name = stream.headers.get('streamtype') ?? '';
      if (!NAMES.includes(name) || this.#streams.has(name as Name)) return false;
      this.#streams.set(name as Name, stream);
      missing.delete(name as Name);
      if (missing.size === 0) ready.resolve();
      return true;
    });
    void ready.promise.finally(() => world.clock.clearTimeout(late)).catch(() => {});
    void this.#connection.closed.then(() => ready.reject(new Error('the client is gone')));
  }
  get input(): AsyncIterable<StreamInput> {
    return this.#read();
  }
  async *#read(): AsyncGenerator<StreamInput, void> {
    yield* merge(this.#typed(), this.#sizes());
    await this.#connection.closed;
  }
  async *#typed(): AsyncGenerator<StreamInput, void> {
    const stdin = this.#streams.get('stdin');
    if (stdin === undefined) return;
    for await (const bytes of stdin.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) yield [STREAM.stdin, bytes]; // prettier-ignore
    yield [STREAM.stdin, null];
  }
  async *#sizes(): AsyncGenerator<StreamInput, void> {
    const sizes = new TerminalSizes();
    const stream = this.#streams.get('resize');
    for await (const bytes of stream?.iterator({ destroyOnReturn: false }) ?? [])
      for (const size of sizes.push(bytes as Buffer)) yield [STREAM.resize, size];
  }
  async write(stream: 'stdout' | 'stderr', bytes: Uint8Array): Promise<void> {
    const to = this.#streams.get(stream);
    if (to !== undefined) await written(to, bytes);
  }
  async finish(status: StreamStatus): Promise<void> {
    const text = this.#tellsStatus ? statusJson(status) : statusText(status);
    for (const [name, stream] of this.#streams)
      if (name === 'error' && text !== undefined) stream.end(text);
      else stream.end();
    this.#connection.close();
    return Promise.resolve();
  }
  abort(): void {
    this.#connection.abort();
  }
}
