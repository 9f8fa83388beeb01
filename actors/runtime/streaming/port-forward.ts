import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { NODE_SILENCE_MS, type DialRequest } from '../../../bus/protocol/node.ts';
import { SessionStream } from '../../../bus/session-stream.ts';
import * as subjects from '../../../bus/subjects.ts';
import type { TimerId } from '../../../bus/world.ts';
import { SpdyConnection } from '../spdy/connection.ts';
import type { SpdyStream } from '../spdy/stream.ts';
import { written } from '../written.ts';
import type { StreamHost } from './connecting.ts';
import { ChannelConnection, type ChannelProtocol } from './channels.ts';

/** Where connections of one client go. */
export interface Forwarding {
  readonly node: string;
  readonly pod: Omit<DialRequest, 'port'>;
}
/** Of a client that opens streams. */
export const FORWARD_PROTOCOL = 'portforward.k8s.io';
/** Frames on their way to a slow client. */
const WINDOW = 32;
const CREATION_MS = 30_000;
const MOST_PORT = 65_535;

async function dial(host: StreamHost, { node, pod }: Forwarding, port: number): Promise<SessionStream> {
  const request: DialRequest = { ...pod, port };
  const stream = new SessionStream(
    await host.bus.open(subjects.node(node, 'dial'), request, { window: WINDOW, silenceMs: NODE_SILENCE_MS }),
  );
  stream.on('error', () => {});
  return stream;
}

interface Pair {
  readonly late: TimerId;
  data?: SpdyStream;
  error?: SpdyStream;
}
/**
 * Each connection of the client is a pair of streams, data and errors. Resolves when the client is gone.
 * Source: cri-streaming pkg/streaming/portforward httpstream.go.
 */
export async function forwardStreams(host: StreamHost, to: Forwarding, socket: Duplex): Promise<void> {
  const { clock } = host.world;
  const pairs = new Map<string, Pair>();
  const tooLate = (id: string, { data, error }: Pair): void => {
    pairs.delete(id);
    error?.end(`(request=${id}) timed out waiting for streams`);
    data?.destroy();
  };
  const connection = new SpdyConnection(socket, true, (stream) => {
    const type = stream.headers.get('streamtype');
    if (portOf(stream) === undefined || (type !== 'data' && type !== 'error')) return false;
    const id = stream.headers.get('requestid') ?? String(type === 'error' ? stream.id : stream.id - 2);
    let pair = pairs.get(id);
    if (pair === undefined) {
      const begun: Pair = (pair = { late: clock.setTimeout(() => tooLate(id, begun), CREATION_MS) });
      pairs.set(id, begun);
    }
    if (pair[type] !== undefined) {
      pair.error?.write(`error processing stream for request ${id}: ${type} stream already assigned`);
      return true;
    }
    pair[type] = stream;
    const { data, error } = pair;
    if (data === undefined || error === undefined) return true;
    pairs.delete(id);
    clock.clearTimeout(pair.late);
    void carry(host, to, data, error);
    return true;
  });
  await connection.closed;
  for (const { late } of pairs.values()) clock.clearTimeout(late);
}
async function carry(host: StreamHost, to: Forwarding, data: SpdyStream, error: SpdyStream): Promise<void> {
  try {
    const remote = await dial(host, to, portOf(data)!);
    await Promise.all([pipeline(data, remote), pipeline(remote, data)]);
    error.end();
  } catch (cause) {
    if (!data.destroyed || !error.destroyed) host.world.log.debug('a forwarded connection broke', { err: cause });
    error.end((cause as Error).message);
    data.destroy();
  }
}
function portOf({ headers }: SpdyStream): number | undefined {
  const text = headers.get('port') ?? '';
  const port = /^\d+$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= MOST_PORT ? port : undefined;
}

/**
 * Of a client that names its ports at once: two channels for each, data and errors, that begin with the port's number.
 * Source: cri-streaming pkg/streaming/portforward websocket.go.
 */
export async function forwardChannels(host: StreamHost, to: Forwarding, ports: readonly number[], socket: Duplex, protocol: ChannelProtocol): Promise<void> {
  const connection = new ChannelConnection(socket, protocol);
  const remotes: (SessionStream | undefined)[] = [];
  const carried = ports.map(async (port, i) => {
    const number = Buffer.of(port & 0xff, port >> 8);
    for (const channel of [2 * i, 2 * i + 1]) await connection.send(channel, number);
    try {
      const remote = (remotes[i] = await dial(host, to, port));
      for await (const bytes of remote as AsyncIterable<Buffer>) await connection.send(2 * i, bytes);
    } catch (error) {
      await connection.send(2 * i + 1, (error as Error).message);
    }
  });
  void Promise.all(carried).then(() => connection.end());
  for await (const [channel, bytes] of connection.received()) {
    const remote = remotes[channel >> 1];
    if ((channel & 1) === 0 && remote !== undefined && bytes !== null) await written(remote, bytes);
  }
  for (const remote of remotes) remote?.destroy();
} // prettier-ignore
