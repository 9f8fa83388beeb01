import { Duplex } from 'node:stream';
import type { StreamStatus } from '../../bus/protocol/node.ts';
import { merge } from '../../actors/runtime/merge.ts';
import type { SpdyConnection } from '../../actors/runtime/spdy/connection.ts';
import type { SpdyStream } from '../../actors/runtime/spdy/stream.ts';
import { written } from '../../actors/runtime/written.ts';
import type { CriService } from '../runtime/cri/service.ts';
import type { ContainerStreaming, RemoteProcess, StreamOptions } from '../runtime/interface.ts';
import { dialSpdy } from './spdy-dial.ts';

/** From v4 on the exit code is told. */
const PROCESS = ['v4.channel.k8s.io'];
const FORWARD = ['portforward.k8s.io'];
/** Of what a runtime says about one process or connection. */
const MOST_ERROR_BYTES = 64 * 1024;

/** Streams of containers, from where a CRI runtime serves them. Source: cri-api Exec, Attach, PortForward; cri-streaming. */
export const criStreaming = (cri: Pick<CriService, 'exec' | 'attach' | 'portForward'>): ContainerStreaming => ({
  async exec(containerId, { command, ...streams }, signal) {
    return processAt(await cri.exec({ containerId, cmd: command, ...asked(streams) }), streams, signal);
  },
  async attach(containerId, streams, signal) {
    return processAt(await cri.attach({ containerId, ...asked(streams) }), streams, signal);
  },
  async portForward(sandbox, _podUid, port, signal) {
    return portAt(await cri.portForward(sandbox), port, signal);
  },
});
const asked = ({ stdin, stdout, stderr, tty }: StreamOptions): StreamOptions => ({ stdin, stdout, stderr, tty });

async function processAt(url: string, { stdin, stdout, stderr, tty }: StreamOptions, signal: AbortSignal): Promise<RemoteProcess> {
  const connection = await dialSpdy(url, PROCESS, signal);
  const open = async (name: string, isAsked: boolean): Promise<SpdyStream | undefined> =>
    isAsked ? connection.open({ streamType: name }) : undefined;
  try {
    const streams = [open('error', true), open('stdin', stdin), open('stdout', stdout), open('stderr', stderr), open('resize', tty)];
    const [errors, input, ...[out, err, sizes]] = await Promise.all(streams);
    return processOver(connection, { errors: errors!, input, out, err, sizes });
  } catch (error) {
    connection.abort();
    throw error;
  }
} // prettier-ignore
interface Streams {
  readonly errors: SpdyStream;
  readonly input: SpdyStream | undefined;
  readonly out: SpdyStream | undefined;
  readonly err: SpdyStream | undefined;
  readonly sizes: SpdyStream | undefined;
}
function processOver(connection: SpdyConnection, { errors, input, out, err, sizes }: Streams): RemoteProcess {
  let isOver = false;
  const ended = textOf(errors).then(statusOf).finally(() => (isOver = true)); // prettier-ignore
  return {
    write: async (bytes) => {
      if (input !== undefined) await written(input, bytes);
    },
    endInput: () => void input?.end(),
    resize: ({ width, height }) => void sizes?.write(JSON.stringify({ Width: width, Height: height })),
    output: merge(chunks(out, 'stdout'), chunks(err, 'stderr')),
    ended,
    // Of one that goes on nothing more is read, however much there is. It loses its ends, and its terminal if it has one, and
    // may go on without them, as with the original: the CRI has no word for the end of a process of exec. Which of the
    // container's processes it is cannot be told from without (containerd names it by an id that it keeps to itself, and two
    // of the same command look alike), so nobody is killed on suspicion.
    close: () => (isOver ? connection.close() : connection.abort()),
  };
}
async function* chunks(from: SpdyStream | undefined, stream: 'stdout' | 'stderr') {
  for await (const bytes of from?.iterator({ destroyOnReturn: false }) ?? []) yield { stream, bytes: bytes as Buffer };
}
async function textOf(stream: SpdyStream): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const bytes of stream as AsyncIterable<Buffer>)
    if ((size += bytes.length) <= MOST_ERROR_BYTES) parts.push(bytes);
  return Buffer.concat(parts).toString('utf8');
}
function statusOf(text: string): StreamStatus {
  if (text === '') return failed('the container runtime has broken the connection off');
  try {
    const status = JSON.parse(text) as StreamStatus;
    if (status.status === 'Success' || status.status === 'Failure') return status;
  } catch {
    // Said in words.
  }
  return failed(text);
}
const failed = (why: string): StreamStatus => ({
  metadata: {},
  status: 'Failure',
  message: `Internal error occurred: ${why}`,
  reason: 'InternalError',
  details: { causes: [{ message: why }] },
  code: 500,
});

async function portAt(url: string, port: number, signal: AbortSignal): Promise<Duplex> {
  const connection = await dialSpdy(url, FORWARD, signal);
  try {
    const headers = { port: String(port), requestID: '0' };
    const open = (streamType: string): Promise<SpdyStream> => connection.open({ ...headers, streamType });
    const [errors, data] = await Promise.all([open('error'), open('data')]);
    errors.end();
    const why = textOf(errors);
    const readable = (async function* () {
      for await (const bytes of data.iterator({ destroyOnReturn: false })) yield bytes as Buffer;
      // What went wrong is said beside the end of the data.
      const text = await why;
      if (text !== '') throw new Error(text);
    })();
    const duplex = Duplex.from({ readable, writable: data });
    duplex.on('close', () => connection.close());
    return duplex;
  } catch (error) {
    connection.abort();
    throw error;
  }
}
